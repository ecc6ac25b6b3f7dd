"""An example of every operation, for the OpenAPI document: the contract's own where it prints one, with the keys that we add."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.openapi.describing import Example
from chatplatform.contracts.state_shapes import EXAMPLES as STATE

_ID = "550e8400-e29b-41d4-a716-446655440060"
_DOCUMENT = "550e8400-e29b-41d4-a716-446655440070"
_SESSION = "550e8400-e29b-41d4-a716-446655440010"
_MESSAGE = "550e8400-e29b-41d4-a716-446655440021"
_TURN = "550e8400-e29b-41d4-a716-446655440040"
_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..."  # noqa: S105  # as the contract's document prints it
_MOMENT = "2025-10-18T10:30:00.000Z"
_AGENT: dict[str, Any] = {
    "id": _ID,
    "name": "智能体名称",
    "description": "智能体描述",
    "category": "写作助手",
    "provider": "fastgpt",
    "avatar": "/uploads/avatar.png",
    "status": "active",
    "capabilities": ["text_generation", "code_completion"],
    "config": {"model": "gpt-3.5-turbo", "temperature": 0.7, "maxTokens": 2000},
    "createdAt": _MOMENT,
    "updatedAt": _MOMENT,
}
_CHANGE: dict[str, Any] = {
    "name": "更新后的名称",
    "description": "更新后的描述",
    "config": {"model": "gpt-4", "temperature": 0.8, "maxTokens": 4000},
}
_FILE: dict[str, Any] = {
    "id": _DOCUMENT,
    "filename": f"{_DOCUMENT}.pdf",
    "originalName": "原始文件名.pdf",
    "size": 1024000,
    "type": "document",
    "mimeType": "application/pdf",
    "url": f"/uploads/{_DOCUMENT}.pdf",
    "description": "",
    "topicId": None,
    "title": "原始文件名",
    "author": "",
    "pages": None,
    "writtenAt": None,
    "status": "waiting",
    "progress": {"done": 0, "total": 0, "percent": 0},
    "failure": None,
    "uploadedAt": _MOMENT,
    "readyAt": None,
}
_READ: dict[str, Any] = _FILE | {
    "title": "产品手册",
    "author": "产品部",
    "pages": 12,
    "writtenAt": "2025-09-01T08:00:00.000Z",
    "status": "embedding",
    "progress": {"done": 64, "total": 128, "percent": 50},
}
_SIGNED_IN: dict[str, Any] = {
    "token": _TOKEN,
    "refreshToken": _TOKEN,
    "expiresIn": 1800,
    "user": {
        "id": "550e8400-e29b-41d4-a716-446655440000",
        "email": "user@example.com",
        "name": "用户名",
        "username": "user",
        "role": "user",
        "createdAt": _MOMENT,
    },
}
_CHAT: dict[str, Any] = {
    "agentId": _ID,
    "messages": [{"role": "user", "content": "你好，请介绍一下你自己"}],
    "stream": True,
    "sessionId": _SESSION,
    "config": {"temperature": 0.7, "maxTokens": 2000},
}
_STREAM = f"""\
id: 1
event: start
data: {{"type":"start","sessionId":"{_SESSION}","messageId":"{_MESSAGE}","turnId":"{_TURN}","model":"gpt-3.5-turbo"}}

id: 2
event: chunk
data: {{"type":"text","content":"你好"}}

id: 3
event: chunk
data: {{"type":"text","content":"！我是"}}

id: 4
event: end
data: {{"type":"end","sessionId":"{_SESSION}","messageId":"{_MESSAGE}","turnId":"{_TURN}",\
"usage":{{"promptTokens":25,"completionTokens":2,"totalTokens":27}},"finishReason":"stop","model":"gpt-3.5-turbo"}}

"""
_ANSWER: dict[str, Any] = {
    "id": _MESSAGE,
    "role": "assistant",
    "content": "你好！我是一个AI助手...",
    "status": "complete",
    "model": "gpt-3.5-turbo",
    "turnId": _TURN,
    "createdAt": _MOMENT,
    "updatedAt": _MOMENT,
}
_QUESTION: dict[str, Any] = _ANSWER | {
    "id": "550e8400-e29b-41d4-a716-446655440020",
    "role": "user",
    "content": "你好，请介绍一下你自己",
    "model": None,
    "turnId": None,
}

EXAMPLES: dict[str, Example] = {
    "register": Example(
        request={"email": "user@example.com", "password": "secure_password", "name": "用户名"},
        answer=_SIGNED_IN,
        message="注册成功",
    ),
    "log_in": Example(request={"email": "user@example.com", "password": "your_password"}, answer=_SIGNED_IN, message="登录成功"),
    "refresh_tokens": Example(request={"refreshToken": "your_refresh_token"}, answer=_SIGNED_IN, message="Token刷新成功"),
    "log_out": Example(message="登出成功"),
    "complete_chat": Example(
        request=_CHAT,
        answer={
            "id": _MESSAGE,
            "sessionId": _SESSION,
            "turnId": _TURN,
            "message": {"role": "assistant", "content": "你好！我是一个AI助手..."},
            "model": "gpt-3.5-turbo",
            "usage": {"promptTokens": 25, "completionTokens": 150, "totalTokens": 175},
            "stopped": False,
            "createdAt": _MOMENT,
        },
        message="聊天完成",
        stream=_STREAM,
    ),
    "get_history": Example(
        answer={"items": [_ANSWER, _QUESTION], "pagination": {"page": 1, "limit": 50, "total": 2, "totalPages": 1}},
        message="获取成功",
    ),
    "save_session": Example(
        request={
            "sessionId": _SESSION,
            "title": "对话标题",
            "agentId": _ID,
            "messages": [{"role": "user", "content": "用户消息"}, {"role": "assistant", "content": "AI回复"}],
        },
        answer={
            "sessionId": _SESSION,
            "title": "对话标题",
            "agentId": _ID,
            "messageCount": 2,
            "createdAt": _MOMENT,
            "updatedAt": _MOMENT,
        },
        message="保存成功",
    ),
    "list_agents": Example(
        answer={"items": [_AGENT], "pagination": {"page": 1, "limit": 20, "total": 50, "totalPages": 3}}, message="获取成功"
    ),
    "get_agent": Example(answer=_AGENT),
    "update_agent": Example(request=_CHANGE, answer=_AGENT | _CHANGE | {"systemPrompt": ""}),
    "get_agent_status": Example(
        answer={
            "id": _ID,
            "name": "智能体名称",
            "status": "active",
            "provider": "fastgpt",
            "available": True,
            "responseTime": 120,
            "checkedAt": _MOMENT,
        }
    ),
    "parse_drawing": Example(
        request={"file": "(binary)"},
        answer={
            "entities": [{"type": "LINE", "startPoint": {"x": 0, "y": 0}, "endPoint": {"x": 100, "y": 0}, "layer": "0"}],
            "layers": [{"name": "0", "color": 0, "visible": True}],
            "bounds": {"minX": 0, "minY": 0, "maxX": 100, "maxY": 100},
            "units": None,
            "truncated": False,
            "leftOut": 0,
        },
        message="解析成功",
    ),
    "upload_file": Example(
        request={"file": "(binary)", "type": "document", "description": "文件描述"},
        answer=_FILE | {"description": "文件描述"},
        message="上传成功",
    ),
    "list_files": Example(
        answer={"items": [_READ], "pagination": {"page": 1, "limit": 20, "total": 1, "totalPages": 1}}, message="获取成功"
    ),
    "get_file": Example(answer=_READ),
    "delete_file": Example(),
    "reload_agents": Example(answer={"agents": 3, "providers": 2, "changes": ["+ agent writer"]}),
    **STATE,
}
