"""An example of every operation, for the OpenAPI document: the contract's own where it prints one, with the keys that we add."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.openapi.describing import Example

_HEX = "550e8400e29b41d4a7164466554400"
_SESSION_ID, _QUESTION_ID, _ANSWER_ID = f"sess_{_HEX}01", f"msg_{_HEX}20", f"msg_{_HEX}21"
_DOCUMENT_ID, _CHUNK_ID = f"doc_{_HEX}30", f"chunk_{_HEX}31"
_TURN = "550e8400-e29b-41d4-a716-446655440040"
_BEGUN, _ASKED, _ANSWERED = "2024-01-15T09:00:00Z", "2024-01-15T10:30:00Z", "2024-01-15T10:30:15Z"

_MODEL_CONFIG = {"model": "gpt-4", "temperature": 0.7, "max_tokens": 2000, "stream": True}
_CONTEXT_SETTINGS = {
    "max_context_length": 8000,
    "include_document_metadata": True,
    "context_window_strategy": "sliding",
    "relevance_threshold": 0.7,
}
_NEW_SESSION = {
    "title": "关于机器学习的讨论",
    "description": "探讨深度学习算法原理",
    "topic_id": 123,
    "model_config": _MODEL_CONFIG,
    "context_settings": _CONTEXT_SETTINGS,
}
_ITEM: dict[str, Any] = {
    "id": 1,
    "session_id": _SESSION_ID,
    "topic_id": 123,
    "title": "关于机器学习的讨论",
    "description": "探讨深度学习算法原理",
    "status": "active",
    "message_count": 15,
    "total_tokens": 3500,
    "last_activity_at": "2024-01-15T09:45:00Z",
    "created_at": _BEGUN,
    "updated_at": "2024-01-15T09:45:00Z",
}
_SESSION: dict[str, Any] = _ITEM | {
    "user_id": 1001,
    "document_ids": [],
    "model_config": _MODEL_CONFIG,
    "context_settings": _CONTEXT_SETTINGS,
}
_PAGINATION = {"page": 1, "page_size": 20, "total": 45, "total_pages": 3, "has_next": True, "has_prev": False}

_REFERENCE: dict[str, Any] = {
    "id": 1,
    "reference_id": f"ref_{_HEX}32",
    "message_id": _ANSWER_ID,
    "document_id": _DOCUMENT_ID,
    "document_version": 1,
    "document_deleted": False,
    "chunk_id": _CHUNK_ID,
    "reference_type": "direct",
    "relevance_score": 0.95,
    "excerpt": "机器学习是一种人工智能技术...",
    "start_char": 150,
    "end_char": 280,
    "page_number": 5,
    "display_order": 1,
    "document_info": {"title": "机器学习入门指南", "file_type": "pdf", "author": "李四"},
}
_QUESTION: dict[str, Any] = {
    "id": 1,
    "message_id": _QUESTION_ID,
    "session_id": _SESSION_ID,
    "parent_message_id": None,
    "role": "user",
    "content": "请解释一下机器学习的基本概念",
    "content_type": "text",
    "metadata": {"user_context": "初学者", "preferred_language": "zh-CN"},
    "tokens": 12,
    "model": None,
    "status": "completed",
    "processing_time_ms": None,
    "turn_id": None,
    "created_at": _ASKED,
}
_ANSWER: dict[str, Any] = {
    "id": 2,
    "message_id": _ANSWER_ID,
    "session_id": _SESSION_ID,
    "parent_message_id": _QUESTION_ID,
    "role": "assistant",
    "content": "机器学习是人工智能的一个重要分支...",
    "content_type": "markdown",
    "metadata": {},
    "tokens": 256,
    "model": "gpt-4",
    "status": "completed",
    "processing_time_ms": 1500,
    "turn_id": _TURN,
    "created_at": _ANSWERED,
}
_ANSWER_DETAIL: dict[str, Any] = _ANSWER | {
    "metadata": {"model_config": {"model": "gpt-4", "temperature": 0.7}},
    "prompt_tokens": 150,
    "completion_tokens": 256,
    "retrieval_time_ms": 300,
    "generation_time_ms": 1200,
    "updated_at": _ANSWERED,
}
_WITH_REFERENCES: dict[str, Any] = {"references": [_REFERENCE], "stopped": False}
_TOPIC: dict[str, Any] = {
    "id": 123,
    "name": "机器学习",
    "description": "论文与讲义",
    "user_id": 1001,
    "for_everyone": False,
    "created_at": _BEGUN,
    "updated_at": _BEGUN,
}

EXAMPLES: dict[str, Example] = {
    # Sessions
    "create_session": Example(
        request=_NEW_SESSION,
        answer=_SESSION
        | {"message_count": 0, "total_tokens": 0, "last_activity_at": None, "created_at": _ASKED, "updated_at": _ASKED},
        message="会话创建成功",
    ),
    "list_sessions": Example(answer={"sessions": [_ITEM], "pagination": _PAGINATION}, message="获取会话列表成功"),
    "get_session": Example(answer=_SESSION, message="获取会话详情成功"),
    "update_session": Example(
        request={
            "title": "更新后的标题",
            "description": "更新后的描述",
            "status": "archived",
            "model_config": {"temperature": 0.5},
        },
        answer=_SESSION
        | {
            "title": "更新后的标题",
            "description": "更新后的描述",
            "status": "archived",
            "model_config": _MODEL_CONFIG | {"temperature": 0.5},
        },
        message="会话更新成功",
    ),
    "delete_session": Example(message="会话删除成功"),
    # Messages
    "send_message": Example(
        request={
            "content": "请解释一下机器学习的基本概念",
            "content_type": "text",
            "metadata": {"user_context": "初学者", "preferred_language": "zh-CN", "include_examples": True},
        },
        answer=_QUESTION | {"turn_id": _TURN, "assistant_response": _ANSWER_DETAIL | _WITH_REFERENCES},
        message="消息发送成功",
    ),
    "list_messages": Example(
        answer={
            "messages": [_ANSWER, _QUESTION],
            "pagination": _PAGINATION | {"total": 2, "total_pages": 1, "has_next": False},
        },
        message="获取消息历史成功",
    ),
    "get_message": Example(answer=_ANSWER_DETAIL, message="获取消息详情成功"),
    "regenerate_message": Example(
        request={"model_config": {"temperature": 0.5, "max_tokens": 1500}, "regenerate_reason": "用户不满意当前回复"},
        answer=_ANSWER_DETAIL
        | _WITH_REFERENCES
        | {"metadata": {"model_config": {"model": "gpt-4", "temperature": 0.5, "max_tokens": 1500}}},
        message="回复重新生成成功",
    ),
    # WebSocket
    "open_session_socket": Example(),
    # Search
    "search_documents": Example(
        request={
            "query": "机器学习算法分类",
            "topic_id": 123,
            "search_type": "hybrid",
            "max_results": 10,
            "relevance_threshold": 0.6,
            "filters": {"content_type": ["pdf", "md"], "date_range": {"start": "2023-01-01", "end": "2024-01-01"}},
        },
        answer={
            "results": [
                {
                    "document_id": _DOCUMENT_ID,
                    "chunk_id": _CHUNK_ID,
                    "title": "机器学习算法详解",
                    "content": "机器学习算法可以分为监督学习、无监督学习和强化学习三大类...",
                    "relevance_score": 0.95,
                    "start_char": 5200,
                    "end_char": 5580,
                    "metadata": {
                        "file_type": "pdf",
                        "page_number": 15,
                        "author": "张三",
                        "created_at": "2023-06-15T00:00:00Z",
                    },
                }
            ],
            "total_results": 25,
            "search_time_ms": 150,
            "query_embedding_time_ms": 50,
        },
        message="文档搜索成功",
    ),
    "list_references": Example(answer={"references": [_REFERENCE], "total_references": 1}, message="获取引用成功"),
    # Context
    "get_context": Example(
        answer={
            "context": {
                "session_id": _SESSION_ID,
                "total_context_length": 7500,
                "max_context_length": 8000,
                "context_chunks": [
                    {
                        "context_type": "conversation",
                        "content": "用户: 什么是机器学习？\n助手: 机器学习是...",
                        "relevance_score": 1.0,
                        "weight": 1.0,
                        "context_order": 1,
                    },
                    {
                        "context_type": "retrieval",
                        "content": "机器学习算法分类...",
                        "relevance_score": 0.88,
                        "weight": 0.88,
                        "context_order": 2,
                        "document_id": _DOCUMENT_ID,
                        "chunk_id": _CHUNK_ID,
                        "title": "机器学习算法详解",
                        "page_number": 15,
                    },
                ],
            }
        },
        message="获取上下文成功",
    ),
    "update_context": Example(
        request=_CONTEXT_SETTINGS | {"max_context_length": 10000, "relevance_threshold": 0.75},
        answer={
            "session_id": _SESSION_ID,
            "context_settings": _CONTEXT_SETTINGS | {"max_context_length": 10000, "relevance_threshold": 0.75},
            "updated_at": "2024-01-15T09:45:00Z",
        },
        message="上下文设置更新成功",
    ),
    # Topics
    "list_topics": Example(
        answer={"topics": [_TOPIC], "pagination": _PAGINATION | {"total": 1, "total_pages": 1, "has_next": False}},
        message="获取主题列表成功",
    ),
    "create_topic": Example(request={"name": "机器学习", "description": "论文与讲义"}, answer=_TOPIC, message="主题创建成功"),
    "get_topic": Example(answer=_TOPIC, message="获取主题详情成功"),
    "update_topic": Example(request={"name": "深度学习"}, answer=_TOPIC | {"name": "深度学习"}, message="主题更新成功"),
    "delete_topic": Example(message="主题删除成功"),
    "share_topic": Example(
        request={"for_everyone": False, "user_ids": [1002, 1003]},
        answer=_TOPIC | {"user_ids": [1002, 1003]},
        message="主题共享设置成功",
    ),
}
