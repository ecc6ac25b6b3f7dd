"""The frames of the WebSocket as the document "Chat System" prints them."""

from __future__ import annotations

import json
from typing import Any

SEND: dict[str, Any] = json.loads("""{
    "type": "send_message",
    "data": {
        "content": "什么是深度学习？",
        "content_type": "text",
        "metadata": {
            "stream_response": true
        }
    },
    "message_id": "client_msg_123"
}""")

_PRINTED = """[{
    "type": "stream_start",
    "data": {
        "session_id": "sess_abc123def456",
        "message_id": "msg_assistant_123458",
        "user_message_id": "msg_user_123457"
    },
    "timestamp": "2024-01-15T10:30:00Z"
}, {
    "type": "content_chunk",
    "data": {
        "session_id": "sess_abc123def456",
        "message_id": "msg_assistant_123458",
        "chunk_index": 1,
        "content": "深度学习是机器学习的一个",
        "is_final": false
    },
    "timestamp": "2024-01-15T10:30:01Z"
}, {
    "type": "reference_chunk",
    "data": {
        "session_id": "sess_abc123def456",
        "message_id": "msg_assistant_123458",
        "reference": {
            "reference_id": "ref_456",
            "document_id": "doc_789",
            "chunk_id": "chunk_101",
            "excerpt": "深度学习是一种基于人工神经网络的机器学习方法...",
            "relevance_score": 0.92,
            "document_title": "深度学习入门指南"
        }
    },
    "timestamp": "2024-01-15T10:30:05Z"
}, {
    "type": "stream_end",
    "data": {
        "session_id": "sess_abc123def456",
        "message_id": "msg_assistant_123458",
        "final_content": "深度学习是机器学习的一个重要分支...",
        "total_tokens": 180,
        "total_chunks": 25,
        "references_count": 3,
        "processing_time_ms": 2500
    },
    "timestamp": "2024-01-15T10:30:15Z"
}, {
    "type": "error",
    "data": {
        "session_id": "sess_abc123def456",
        "error_code": "GENERATION_FAILED",
        "error_message": "LLM服务暂时不可用",
        "retry_after": 30
    },
    "timestamp": "2024-01-15T10:30:10Z"
}]"""

FRAMES: dict[str, dict[str, Any]] = {frame["type"]: frame for frame in json.loads(_PRINTED)}
"""Of the server, by type."""
