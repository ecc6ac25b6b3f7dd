"""An example of every operation, for the OpenAPI document: the contract's own where it prints one, with the keys that we add."""

from __future__ import annotations

import json
from typing import Any

from chatplatform.contracts.openapi.describing import Example
from chatplatform.contracts.state_shapes import EXAMPLES as STATE

_TURN = "550e8400-e29b-41d4-a716-446655440040"
_MOMENT = "2024-01-15T10:30:15.123456"
_NAMES = {
    "session_id": "demo_session_1",
    "conversation_id": "conv_550e8400e29b41d4a716446655440010",
    "message_id": "msg_550e8400e29b41d4a716446655440020",
    "turn_id": _TURN,
}
_SEND = {"user_id": "user123", "message": "我最近工作压力很大", "session_id": "demo_session_1"}
_PIECES = ("我理解您的", "感受。让我们", "一起探讨")


def _event(kind: str, data: dict[str, Any]) -> str:
    return f"data: {json.dumps({'type': kind, 'data': data}, ensure_ascii=False)}\n\n"


_CHUNKS = [
    _event("chunk", {"content": piece, "chunk_index": index, "total_chunks": index + 1}) for index, piece in enumerate(_PIECES)
]
_SUMMED = {"total_chunks": len(_PIECES), "full_content": "".join(_PIECES), **_NAMES}
_STREAM = "".join([*_CHUNKS, _event("complete", {**_SUMMED, "finish_reason": "stop", "model": "gpt-4"})])

EXAMPLES = {
    "get_start": Example(
        answer={
            "message": "聊天平台正在运行。",
            "name": "chatplatform",
            "version": "1.0.0",
            "status": "healthy",
            "docs": "/docs",
            "redoc": "/redoc",
            "openapi": "/openapi.json",
            "health": "/health",
            "api": "/api/v1",
        }
    ),
    "get_health": STATE["get_health"],
    "chat": Example(
        request=_SEND,
        answer={
            "response": "我理解您的工作压力。以下是一些缓解压力的建议...",
            "session_id": _NAMES["session_id"],
            "message_id": _NAMES["message_id"],
            "timestamp": _MOMENT,
            "conversation_id": _NAMES["conversation_id"],
            "turn_id": _TURN,
            "model": "gpt-4",
            "stopped": False,
        },
    ),
    "stream_chat": Example(request=_SEND, stream=_STREAM),
    "get_session": Example(
        answer={
            "session_id": _NAMES["session_id"],
            "user_id": "user123",
            "conversation_id": _NAMES["conversation_id"],
            "last_activity": _MOMENT,
            "message_count": 5,
            "status": "active",
        }
    ),
    "clear_session": Example(
        answer={"message": "会话已成功清除", "session_id": _NAMES["session_id"], "cleared_at": "2024-01-15T10:35:00.123456"}
    ),
}
