"""An example of every operation, for the OpenAPI document: the contract's own where it prints one, with the keys that we add."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.openapi.describing import Example

_ID = "550e8400-e29b-41d4-a716-4466554400"
_NOON = "2024-01-01T12:00:00Z"
_TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."  # noqa: S105  # as the contract's document prints it
_MODEL = "gpt-3.5-turbo"

_USER: dict[str, Any] = {
    "id": f"{_ID}00",
    "username": "testuser",
    "email": "test@example.com",
    "display_name": "",
    "role": "user",
    "tier": "standard",
    "is_active": True,
    "is_vip": False,
    "created_at": _NOON,
    "updated_at": _NOON,
}
_SESSION = {
    "user": _USER,
    "access_token": _TOKEN,
    "refresh_token": _TOKEN,
    "token_type": "bearer",
    "expires_in": 1800,
}
_QUOTA = {
    "daily_requests": 50,
    "monthly_requests": 1000,
    "daily_tokens": 10000,
    "monthly_tokens": 100000,
    "requests_used_today": 5,
    "tokens_used_today": 1500,
}
_API_KEY = {
    "id": f"{_ID}50",
    "name": "我的脚本",
    "prefix": "cp_3f9a1c0e5b7d2846",
    "created_at": _NOON,
    "expires_at": None,
    "last_used_at": None,
}
_CONVERSATION: dict[str, Any] = {
    "id": f"{_ID}01",
    "title": "关于 Python 编程的讨论",
    "model": _MODEL,
    "message_count": 15,
    "is_archived": False,
    "created_at": _NOON,
    "updated_at": "2024-01-01T14:30:00Z",
}
_NEW_CONVERSATION = _CONVERSATION | {
    "id": f"{_ID}02",
    "title": "新的对话",
    "message_count": 0,
    "created_at": "2024-01-01T15:00:00Z",
    "updated_at": "2024-01-01T15:00:00Z",
}


def _message(number: int, role: str, content: str, tokens: int, at: str, **more: Any) -> dict[str, Any]:
    message = {"id": f"{_ID}{number}", "role": role, "content": content, "tokens_used": tokens, "created_at": at}
    answering = _MODEL if role == "assistant" else None
    return message | {"status": "complete", "model": answering, "turn_id": f"{_ID}40", "edited_at": None} | more


_DECORATORS = [
    _message(10, "user", "请解释一下 Python 的装饰器", 12, _NOON),
    _message(11, "assistant", "Python 装饰器是一种设计模式...", 150, "2024-01-01T12:00:30Z"),
]
_LEARNING = [
    _message(20, "user", "请解释一下机器学习的基本概念", 15, "2024-01-01T15:30:00Z"),
    _message(21, "assistant", "机器学习是人工智能的一个分支...", 200, "2024-01-01T15:30:15Z"),
]
_USAGE = {"prompt_tokens": 15, "completion_tokens": 200, "total_tokens": 215, "source": "provider"}
_TURN = {
    "turn_id": f"{_ID}40",
    "conversation_id": f"{_ID}01",
    "message_id": f"{_ID}21",
    "user_message_id": f"{_ID}20",
    "status": "completed",
    "model": _MODEL,
    "created_at": "2024-01-01T15:30:00Z",
    "ended_at": "2024-01-01T15:30:15Z",
    "usage": _USAGE,
}
_STREAM = f"""\
id: 1
data: {{"type": "start", "message_id": "{_ID}22", "turn_id": "{_ID}40", "conversation_id": "{_ID}01", \
"user_message_id": "{_ID}20", "model": "{_MODEL}"}}

id: 2
data: {{"type": "content", "content": "春"}}

id: 3
data: {{"type": "content", "content": "天"}}

id: 4
data: {{"type": "content", "content": "来"}}

id: 5
data: {{"type": "end", "usage": {{"prompt_tokens": 12, "completion_tokens": 138, "total_tokens": 150, "source": "provider"}}, \
"turn_id": "{_ID}40", "message_id": "{_ID}22", "finish_reason": "stop", "model": "{_MODEL}"}}

"""
_METRICS = """\
# HELP http_requests_total Total number of HTTP requests
# TYPE http_requests_total counter
http_requests_total{endpoint="/health",method="GET"} 1234.0
# HELP openai_requests_total Total number of OpenAI API requests
# TYPE openai_requests_total counter
openai_requests_total{model="gpt-3.5-turbo",status="success"} 567.0
"""


def _model(name: str, title: str, about: str, longest: int, prices: tuple[float, float], can: list[str]) -> dict[str, Any]:
    return {
        "id": name,
        "name": title,
        "description": about,
        "max_tokens": longest,
        "context_window": 2 * longest,
        "cost_per_1k_tokens": {"input": prices[0], "output": prices[1]},
        "capabilities": can,
        "alias_of": None,
        "provider": "OpenAI",
    }


EXAMPLES: dict[str, Example] = {
    # Authentication
    "register": Example(
        request={
            "username": "testuser",
            "email": "test@example.com",
            "password": "password123",
            "confirm_password": "password123",
        },
        answer=_SESSION,
        message="用户注册成功",
    ),
    "log_in": Example(request={"username": "testuser", "password": "password123"}, answer=_SESSION, message="登录成功"),
    "refresh_tokens": Example(request={"refresh_token": _TOKEN}, answer=_SESSION),
    "log_out": Example(),
    "request_password_reset": Example(request={"email": "test@example.com"}),
    "reset_password": Example(
        request={"token": "reset_token_here", "new_password": "newpassword123", "confirm_password": "newpassword123"}
    ),
    # Users
    "get_me": Example(answer=_USER | {"quota": _QUOTA}),
    "update_me": Example(
        request={"email": "newemail@example.com", "username": "newusername"},
        answer=_USER | {"email": "newemail@example.com", "username": "newusername"},
    ),
    "change_password": Example(
        request={
            "current_password": "oldpassword123",
            "new_password": "newpassword123",
            "confirm_password": "newpassword123",
        }
    ),
    "get_quota": Example(
        answer={
            "daily_limit": {"requests": 50, "tokens": 10000},
            "monthly_limit": {"requests": 1000, "tokens": 100000},
            "usage_today": {"requests": 5, "tokens": 1500},
            "usage_this_month": {"requests": 120, "tokens": 25000},
            "remaining_today": {"requests": 45, "tokens": 8500},
            "remaining_this_month": {"requests": 880, "tokens": 75000},
            "day_ends_at": "2024-01-02T00:00:00Z",
            "month_ends_at": "2024-02-01T00:00:00Z",
        }
    ),
    "list_api_keys": Example(answer={"api_keys": [_API_KEY]}),
    "create_api_key": Example(
        request={"name": "我的脚本", "expires_at": None},
        answer=_API_KEY | {"key": "cp_3f9a1c0e5b7d2846_0Xk2mZ4vQ8sT1nB6yL9wR3"},
    ),
    "revoke_api_key": Example(),
    # Conversations
    "list_conversations": Example(
        answer={
            "conversations": [
                _CONVERSATION
                | {
                    "last_message": {
                        "content": "谢谢你的解释，我明白了！",
                        "role": "user",
                        "created_at": "2024-01-01T14:30:00Z",
                    }
                }
            ],
            "pagination": {"page": 1, "size": 20, "total": 5, "pages": 1},
        }
    ),
    "create_conversation": Example(
        request={"title": "新的对话", "model": _MODEL, "system_message": "你是一个有用的助手。"},
        answer=_NEW_CONVERSATION,
        message="对话创建成功",
    ),
    "get_conversation": Example(
        answer=_CONVERSATION | {"system_message": "你是一个有用的助手。", "messages": _DECORATORS},
    ),
    "update_conversation": Example(
        request={"title": "更新后的对话标题", "is_archived": False}, answer=_CONVERSATION | {"title": "更新后的对话标题"}
    ),
    "delete_conversation": Example(),
    "archive_conversation": Example(answer=_CONVERSATION | {"is_archived": True}),
    "unarchive_conversation": Example(answer=_CONVERSATION),
    # Messages
    "list_messages": Example(
        answer={"messages": _DECORATORS[::-1], "pagination": {"page": 1, "size": 50, "total": 2, "pages": 1}}
    ),
    "send_message": Example(
        request={
            "content": "请解释一下机器学习的基本概念",
            "role": "user",
            "model": _MODEL,
            "temperature": 0.7,
            "max_tokens": 1000,
            "stream": False,
        },
        answer={
            "user_message": _LEARNING[0],
            "assistant_message": _LEARNING[1],
            "usage": _USAGE,
            "turn_id": f"{_ID}40",
            "stopped": False,
        },
        message="消息发送成功",
        stream=_STREAM,
    ),
    "stream_message": Example(
        request={"content": "写一首关于春天的诗", "role": "user", "model": _MODEL, "temperature": 0.8}, stream=_STREAM
    ),
    "edit_message": Example(
        request={"content": "修改后的消息内容"},
        answer=_DECORATORS[0] | {"content": "修改后的消息内容", "edited_at": "2024-01-01T14:30:00Z"},
    ),
    "delete_message": Example(),
    # Turns
    "get_turn": Example(answer=_TURN),
    "follow_turn": Example(stream=_STREAM),
    "stop_turn": Example(answer=_TURN | {"status": "stopped"}),
    # WebSocket
    "open_chat_socket": Example(),
    # The platform
    "get_health": Example(
        answer={
            "status": "healthy",
            "timestamp": "2024-01-01T16:00:00Z",
            "version": "1.0.0",
            "services": {"database": "healthy", "redis": "healthy", "openai": "healthy"},
            "uptime": 86400,
        }
    ),
    "get_info": Example(
        answer={
            "name": "ChatGPT Backend API",
            "version": "1.0.0",
            "environment": "development",
            "supported_models": ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo"],
            "features": {"websocket": True, "streaming": True, "file_upload": False},
        }
    ),
    "list_models": Example(
        answer={
            "models": [
                _model("gpt-4", "GPT-4", "最先进的 GPT 模型", 8192, (0.03, 0.06), ["text", "code", "reasoning"]),
                _model(_MODEL, "GPT-3.5 Turbo", "快速且经济的 GPT 模型", 4096, (0.001, 0.002), ["text", "code"]),
            ]
        }
    ),
    "get_metrics": Example(answer=_METRICS),
}

_ABOUT = {"conversation_id": f"{_ID}01", "message_id": f"{_ID}30", "turn_id": f"{_ID}40"}
FRAMES: dict[str, dict[str, Any]] = {
    "ClientChatMessage": {
        "type": "chat_message",
        "conversation_id": f"{_ID}01",
        "content": "你好，世界！",
        "model": _MODEL,
        "temperature": 0.7,
    },
    "ClientStop": {"type": "stop", "turn_id": f"{_ID}40"},
    "ClientResume": {"type": "resume", "turn_id": f"{_ID}40", "after": 2},
    "ClientPing": {"type": "ping"},
    "MessageStart": {
        "type": "message_start",
        **_ABOUT,
        "n": 1,
        "timestamp": "2024-01-01T16:00:00Z",
        "user_message_id": f"{_ID}29",
        "model": _MODEL,
    },
    "MessageContent": {
        "type": "message_content",
        **_ABOUT,
        "n": 2,
        "timestamp": "2024-01-01T16:00:01Z",
        "content": "你好！",
    },
    "MessageEnd": {
        "type": "message_end",
        **_ABOUT,
        "n": 3,
        "timestamp": "2024-01-01T16:00:05Z",
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25, "source": "provider"},
        "finish_reason": "stop",
        "model": _MODEL,
    },
    "TurnStatus": {"type": "turn_status", **_ABOUT, "status": "stopped", "timestamp": "2024-01-01T16:00:05Z"},
    "ErrorFrame": {
        "type": "error",
        "error": {"code": "QUOTA_EXCEEDED", "message": "今日配额已用完"},
        "conversation_id": f"{_ID}01",
        "timestamp": "2024-01-01T16:00:00Z",
    },
    "Pong": {"type": "pong", "timestamp": "2024-01-01T16:00:00Z"},
}
"""Of the socket's frames, by their shape."""
