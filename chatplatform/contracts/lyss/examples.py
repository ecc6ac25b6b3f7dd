"""An example of every operation, for the OpenAPI document: the contract's own where it prints one, with the keys that we add."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.openapi.describing import Example

_NOON = "2025-07-07T12:00:00Z"
_TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9..."  # noqa: S105  # as the contract's document prints it
_TURN = "550e8400-e29b-41d4-a716-446655440040"

_USER = {
    "id": 1,
    "username": "testuser",
    "email": "test@example.com",
    "role": "user",
    "is_active": True,
    "created_at": _NOON,
    "updated_at": _NOON,
}
_TOKENS = {"access_token": _TOKEN, "refresh_token": _TOKEN, "token_type": "bearer", "expires_in": 1800}
_SESSION = {"user": _USER} | _TOKENS
_NEW_PROVIDER: dict[str, Any] = {
    "name": "OpenAI GPT-4",
    "provider_type": "openai",
    "scope": "personal",
    "api_key": "sk-xxx...",
    "api_base_url": "https://api.openai.com/v1",
    "config": {"model": "gpt-4", "temperature": 0.7, "max_tokens": 2000},
}
_PROVIDER_CHANGE: dict[str, Any] = {
    "name": "OpenAI GPT-4 Turbo",
    "api_base_url": "https://api.openai.com/v1",
    "config": {"model": "gpt-4-turbo", "temperature": 0.8, "max_tokens": 4000},
}
_PROVIDER: dict[str, Any] = {
    "id": 1,
    "name": "OpenAI GPT-4",
    "provider_type": "openai",
    "scope": "personal",
    "created_by": 1,
    "api_base_url": "https://api.openai.com/v1",
    "config": {"model": "gpt-4", "temperature": 0.7, "max_tokens": 2000},
    "is_active": True,
    "is_default": False,
    "has_key": True,
    "key_last4": "",
    "created_at": _NOON,
    "updated_at": _NOON,
}
_PAGINATION = {"page": 1, "page_size": 20, "total": 1, "total_pages": 1, "has_next": False, "has_prev": False}
_ANSWERER = {"id": 1, "name": "OpenAI GPT-4", "provider_type": "openai"}
_METADATA: dict[str, Any] = {"tags": ["编程", "Python"], "description": "学习Python编程语言"}
_CONVERSATION: dict[str, Any] = {
    "id": 123,
    "title": "关于Python编程的讨论",
    "user_id": 1,
    "provider_id": 1,
    "metadata": _METADATA,
    "created_at": "2025-07-07T10:00:00Z",
    "updated_at": _NOON,
}
_CONVERSATION_CHANGE: dict[str, Any] = {
    "title": "Python编程学习笔记",
    "metadata": {"tags": ["编程", "Python", "学习"], "description": "深入学习Python编程语言"},
}
_QUESTION = {
    "id": 455,
    "role": "user",
    "content": "你好，请介绍一下Python编程语言",
    "status": "complete",
    "created_at": _NOON,
}
_ANSWER: dict[str, Any] = {
    "id": 456,
    "role": "assistant",
    "content": "Python是一种高级编程语言，具有简洁易读的语法...",
    "status": "complete",
    "metadata": {"model": "gpt-4", "tokens_used": 150, "cost": 0.003, "cached": False},
    "turn_id": _TURN,
    "created_at": _NOON,
}
_SEND: dict[str, Any] = {
    "provider_id": 1,
    "conversation_id": 123,
    "messages": [{"role": "user", "content": "你好，请介绍一下Python编程语言"}],
}
_STREAM = f"""\
id: 1
data: {{"type": "start", "conversation_id": 123, "message_id": 456, "turn_id": "{_TURN}", "model": "gpt-4"}}

id: 2
data: {{"type": "content", "content": "Python"}}

id: 3
data: {{"type": "content", "content": "是一种"}}

id: 4
data: {{"type": "content", "content": "高级编程语言"}}

id: 5
data: {{"type": "end", "message_id": 456, "tokens_used": 150, "cost": 0.003, "cached": false, "turn_id": "{_TURN}", \
"finish_reason": "stop", "model": "gpt-4"}}

"""

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
        message="注册成功",
    ),
    "log_in": Example(request={"username": "testuser", "password": "password123"}, answer=_SESSION, message="登录成功"),
    "get_me": Example(answer=_USER, message="获取用户信息成功"),
    "refresh_token": Example(request={"refresh_token": _TOKEN}, answer=_TOKENS, message="Token刷新成功"),
    "log_out": Example(message="登出成功"),
    # Providers
    "list_providers": Example(answer={"items": [_PROVIDER], "pagination": _PAGINATION}, message="获取供应商列表成功"),
    "create_provider": Example(request=_NEW_PROVIDER, answer=_PROVIDER, message="供应商创建成功"),
    "list_available_providers": Example(answer=[_PROVIDER], message="获取可用供应商列表成功"),
    "set_default_provider": Example(request={"provider_id": 1}, answer={"provider_id": 1}, message="默认供应商已更改"),
    "get_provider": Example(answer=_PROVIDER, message="获取供应商详情成功"),
    "update_provider": Example(request=_PROVIDER_CHANGE, answer=_PROVIDER | _PROVIDER_CHANGE, message="供应商更新成功"),
    "delete_provider": Example(message="供应商删除成功"),
    "distribute_provider": Example(
        request={"user_ids": [2, 3, 4]},
        answer={"provider_id": 1, "distributed_to": [2, 3, 4], "distributed_at": _NOON},
        message="供应商分发成功",
    ),
    "undistribute_provider": Example(message="取消分发成功"),
    "list_distributions": Example(
        answer=[
            {
                "id": 1,
                "user_id": 2,
                "user": {"id": 2, "username": "user2", "email": "user2@example.com"},
                "distributed_by": 1,
                "distributor": {"id": 1, "username": "admin", "email": "admin@example.com"},
                "distributed_at": _NOON,
                "is_active": True,
            }
        ],
        message="获取分发记录成功",
    ),
    # Chat
    "send_message": Example(
        request=_SEND,
        answer={
            "message": _ANSWER,
            "conversation": {"id": 123, "title": "关于Python编程", "updated_at": _NOON},
            "provider": _ANSWERER,
            "turn_id": _TURN,
            "stopped": False,
        },
        message="对话成功",
    ),
    "stream_message": Example(request=_SEND, stream=_STREAM),
    # Conversations
    "list_conversations": Example(
        answer={
            "items": [
                {
                    "id": 123,
                    "title": "关于Python编程的讨论",
                    "provider": _ANSWERER,
                    "message_count": 10,
                    "last_message_at": _NOON,
                    "created_at": "2025-07-07T10:00:00Z",
                    "updated_at": _NOON,
                }
            ],
            "pagination": _PAGINATION,
        },
        message="获取对话列表成功",
    ),
    "create_conversation": Example(
        request={"title": "关于Python编程的讨论", "provider_id": 1, "metadata": _METADATA},
        answer=_CONVERSATION,
        message="对话创建成功",
    ),
    "get_conversation": Example(
        answer=_CONVERSATION | {"provider": _ANSWERER, "messages": [_QUESTION, _ANSWER]}, message="获取对话详情成功"
    ),
    "update_conversation": Example(request=_CONVERSATION_CHANGE, answer=_CONVERSATION | _CONVERSATION_CHANGE),
    "delete_conversation": Example(),
}
