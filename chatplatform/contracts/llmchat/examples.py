"""An example of every operation, for the OpenAPI document: the contract's own where it prints one, with the keys that we add."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.openapi.describing import Example

_ID = "550e8400-e29b-41d4-a716-446655440060"
_DOCUMENT = "550e8400-e29b-41d4-a716-446655440070"
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

EXAMPLES: dict[str, Example] = {
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
}
