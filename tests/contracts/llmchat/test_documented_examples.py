"""The examples of the document "LLMChat" about accounts, agents and chats, kept here as it prints them, against the live answers:
every key of an example is there, with the same JSON type. More keys are welcome."""

from __future__ import annotations

import json
import re
import uuid

from tests.client import Client
from tests.contracts.llmchat.conftest import ask, read_stream
from tests.contracts.test_documented_examples import agrees

AGENTS = json.loads("""{
  "code": "SUCCESS",
  "message": "获取成功",
  "data": {
    "items": [
      {
        "id": "agent_uuid",
        "name": "智能体名称",
        "description": "智能体描述",
        "category": "写作助手",
        "provider": "fastgpt",
        "avatar": "avatar_url",
        "status": "active",
        "capabilities": ["text_generation"],
        "config": {
          "model": "gpt-3.5-turbo",
          "temperature": 0.7,
          "maxTokens": 2000
        }
      }
    ],
    "pagination": {
      "page": 1,
      "limit": 20,
      "total": 50,
      "totalPages": 3
    }
  }
}""")

CHANGE = json.loads("""{
  "name": "更新后的名称",
  "description": "更新后的描述",
  "config": {
    "model": "gpt-4",
    "temperature": 0.8,
    "maxTokens": 4000
  }
}""")

DONE = json.loads("""{
  "code": "SUCCESS",
  "message": "操作成功",
  "data": {},
  "timestamp": "2025-10-18T10:30:00.000Z"
}""")

FAILED = json.loads("""{
  "code": "ERROR_CODE",
  "message": "错误描述",
  "error": {
    "type": "ValidationError",
    "details": "具体错误信息"
  },
  "timestamp": "2025-10-18T10:30:00.000Z"
}""")

LOGIN = json.loads("""{
  "email": "user@example.com",
  "password": "your_password"
}""")

LOGGED_IN = json.loads("""{
  "code": "SUCCESS",
  "message": "登录成功",
  "data": {
    "token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
    "refreshToken": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
    "expiresIn": 3600,
    "user": {
      "id": "uuid",
      "email": "user@example.com",
      "role": "user"
    }
  }
}""")

REGISTRATION = json.loads("""{
  "email": "user@example.com",
  "password": "secure_password",
  "name": "用户名"
}""")

REGISTERED = json.loads("""{
  "code": "SUCCESS",
  "message": "注册成功",
  "data": {
    "user": {
      "id": "uuid",
      "email": "user@example.com",
      "name": "用户名",
      "createdAt": "2025-10-18T10:30:00.000Z"
    }
  }
}""")

PAGE = json.loads("""{
  "code": "SUCCESS",
  "message": "获取成功",
  "data": {
    "items": [],
    "pagination": {
      "page": 1,
      "limit": 20,
      "total": 100,
      "totalPages": 5
    }
  },
  "timestamp": "2025-10-18T10:30:00.000Z"
}""")

STREAMED_CHAT = json.loads("""{
  "agentId": "agent_uuid",
  "messages": [
    {
      "role": "user",
      "content": "你好，请介绍一下你自己"
    }
  ],
  "stream": true,
  "sessionId": "session_uuid",
  "config": {
    "temperature": 0.7,
    "maxTokens": 2000
  }
}""")

STREAM = """\
event: chunk
data: {"type":"text","content":"你好"}

event: chunk
data: {"type":"text","content":"！我是"}

event: end
data: {"type":"end","sessionId":"session_uuid","messageId":"msg_uuid"}
"""

CHAT = json.loads("""{
  "agentId": "agent_uuid",
  "messages": [
    {
      "role": "user",
      "content": "你好，请介绍一下你自己"
    }
  ],
  "stream": false,
  "sessionId": "session_uuid"
}""")

COMPLETED = json.loads("""{
  "code": "SUCCESS",
  "message": "聊天完成",
  "data": {
    "id": "message_uuid",
    "sessionId": "session_uuid",
    "message": {
      "role": "assistant",
      "content": "你好！我是一个AI助手..."
    },
    "usage": {
      "promptTokens": 25,
      "completionTokens": 150,
      "totalTokens": 175
    },
    "createdAt": "2025-10-18T10:30:00.000Z"
  }
}""")

TRANSCRIPT = json.loads("""{
  "sessionId": "session_uuid",
  "title": "对话标题",
  "agentId": "agent_uuid",
  "messages": [
    {
      "role": "user",
      "content": "用户消息"
    },
    {
      "role": "assistant",
      "content": "AI回复"
    }
  ]
}""")

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


async def test_the_list_of_a_fresh_server_has_an_agent(alice, base):
    status, answer = await ask(alice, "GET", f"{base}/agents?page=1&limit=20")
    assert status == 200
    agrees(AGENTS, answer)
    agrees(DONE, answer)
    assert answer["message"] == AGENTS["message"]
    assert MOMENT.fullmatch(answer["timestamp"])
    assert answer["data"]["items"][0]["status"] == "active"


async def test_one_agent_its_status_and_its_change(alice, admin, base):
    _, listed = await ask(alice, "GET", f"{base}/agents")
    agent = listed["data"]["items"][0]
    status, answer = await ask(alice, "GET", f"{base}/agents/{agent['id']}")
    assert (status, answer["data"]) == (200, agent)
    agrees(DONE, answer)

    status, answer = await ask(alice, "GET", f"{base}/agents/{agent['id']}/status")
    assert status == 200
    agrees(DONE, answer)
    assert (answer["data"]["id"], answer["data"]["status"], answer["data"]["available"]) == (agent["id"], "active", True)
    assert MOMENT.fullmatch(answer["data"]["checkedAt"])

    status, answer = await ask(admin, "PUT", f"{base}/agents/{agent['id']}", CHANGE)
    assert status == 200
    agrees({**AGENTS, "message": "", "data": AGENTS["data"]["items"][0]}, answer)
    assert {name: answer["data"][name] for name in CHANGE} == CHANGE
    before = {name: agent[name] for name in CHANGE}
    assert (await ask(admin, "PUT", f"{base}/agents/{agent['id']}", before))[0] == 200


async def test_reloading(admin, base, providers_file):
    providers_file.write_text("")
    status, answer = await ask(admin, "POST", f"{base}/agents/reload")
    assert status == 200
    agrees(DONE, answer)


def own_address() -> str:
    return f"user-{uuid.uuid4().hex[:12]}@example.com"


async def test_registering_logging_in_refreshing_and_logging_out(platform):
    async with Client(platform.url) as user:
        registration = REGISTRATION | {"email": own_address()}
        status, answer = await ask(user, "POST", "/api/auth/register", registration)
        assert status == 201
        agrees(REGISTERED, answer)
        agrees(DONE, answer)
        assert answer["message"] == REGISTERED["message"]
        registered = answer["data"]["user"]
        assert (registered["email"], registered["name"]) == (registration["email"], "用户名")
        assert MOMENT.fullmatch(registered["createdAt"])

        login = LOGIN | {name: registration[name] for name in LOGIN}
        status, answer = await ask(user, "POST", "/api/auth/login", login)
        assert status == 200
        agrees(LOGGED_IN, answer)
        agrees(DONE, answer)
        assert answer["message"] == LOGGED_IN["message"]
        assert answer["data"]["user"] == registered
        assert answer["data"]["user"]["role"] == "user"
        assert answer["data"]["expiresIn"] == 1800

        user.token = answer["data"]["refreshToken"]
        status, refreshed = await ask(user, "POST", "/api/auth/refresh", {"refreshToken": user.token})
        assert status == 200
        agrees({**LOGGED_IN, "message": ""}, refreshed)

        user.token = refreshed["data"]["token"]
        status, answer = await ask(user, "POST", "/api/auth/logout")
        assert (status, answer["code"], answer["data"]) == (200, "SUCCESS", None)
        assert (await ask(user, "POST", "/api/auth/logout"))[0] == 401


async def an_agent(alice) -> str:
    _, listed = await ask(alice, "GET", "/api/agents")
    agent: str = listed["data"]["items"][0]["id"]
    return agent


def events_of(text: str) -> list[tuple[str, dict]]:
    blocks = (dict(line.split(": ", 1) for line in block.splitlines()) for block in text.strip().split("\n\n"))
    return [(block["event"], json.loads(block["data"])) for block in blocks]


async def test_a_streamed_chat(alice, base):
    session = str(uuid.uuid4())
    body = STREAMED_CHAT | {"agentId": await an_agent(alice), "sessionId": session}
    stream = await read_stream(alice, body, f"{base}/chat/completions")
    assert stream.status == 200
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"].split(", ")[0] == "no-cache"
    # The connection is kept, as it is in HTTP/1.1 without a word.
    assert stream.headers.get("connection", "keep-alive") == "keep-alive"
    assert stream.names == ["start", *["chunk"] * (len(stream.events) - 2), "end"]
    (_, chunk), _, (_, end) = events_of(STREAM)
    agrees(chunk, stream.events[1].data)
    agrees(end, stream.events[-1].data)
    assert stream.events[1].data["type"] == chunk["type"]
    assert stream.events[-1].data["type"] == end["type"]
    assert stream.events[-1].data["sessionId"] == session

    _, answer = await ask(alice, "GET", f"{base}/chat/sessions/{session}/history")
    assert answer["data"]["items"][0]["id"] == stream.events[-1].data["messageId"]
    assert answer["data"]["items"][0]["content"] == stream.text


async def test_a_chat_in_one_body_and_its_history(alice, base):
    session = str(uuid.uuid4())
    body = CHAT | {"agentId": await an_agent(alice), "sessionId": session}
    status, answer = await ask(alice, "POST", f"{base}/chat/completions", body)
    assert status == 200
    agrees(COMPLETED, answer)
    agrees(DONE, answer)
    assert answer["message"] == COMPLETED["message"]
    assert answer["data"]["sessionId"] == session
    assert MOMENT.fullmatch(answer["data"]["createdAt"])

    status, told = await ask(alice, "GET", f"{base}/chat/sessions/{session}/history?page=1&limit=50")
    assert status == 200
    agrees(PAGE, told)
    assert told["message"] == PAGE["message"]
    assert told["data"]["pagination"] == {"page": 1, "limit": 50, "total": 2, "totalPages": 1}
    answered, asked = told["data"]["items"]
    assert (answered["id"], answered["content"]) == (answer["data"]["id"], answer["data"]["message"]["content"])
    assert (asked["role"], asked["content"]) == ("user", CHAT["messages"][0]["content"])
    before = f"{base}/chat/sessions/{session}/history?before={answered['id']}"
    assert (await ask(alice, "GET", before))[1]["data"]["items"] == [asked]


async def test_saving_a_chat(alice, base):
    session, agent = str(uuid.uuid4()), await an_agent(alice)
    body = TRANSCRIPT | {"sessionId": session, "agentId": agent}
    status, answer = await ask(alice, "POST", f"{base}/chat/sessions/save", body)
    assert status == 201
    agrees(DONE, answer)
    assert {name: answer["data"][name] for name in ("sessionId", "title", "agentId", "messageCount")} == {
        "sessionId": session,
        "title": TRANSCRIPT["title"],
        "agentId": agent,
        "messageCount": 2,
    }
    _, told = await ask(alice, "GET", f"{base}/chat/sessions/{session}/history")
    assert [{name: item[name] for name in ("role", "content")} for item in told["data"]["items"][::-1]] == TRANSCRIPT["messages"]


async def test_an_error(alice, base):
    for method, path, code, status, kind in (
        ("GET", "/agents?page=0", "VALIDATION_ERROR", 400, "ValidationError"),
        ("GET", "/agents/nobody", "NOT_FOUND", 404, "NotFoundError"),
        ("POST", "/agents/reload", "FORBIDDEN", 403, "ForbiddenError"),
        ("DELETE", "/agents", "METHOD_NOT_ALLOWED", 405, "MethodNotAllowedError"),
    ):
        answered, answer = await ask(alice, method, base + path)
        assert answered == status
        agrees(FAILED, answer)
        assert (answer["code"], answer["error"]["type"]) == (code, kind)
        assert MOMENT.fullmatch(answer["timestamp"])


async def test_the_contract_is_chosen_by_accept(alice):
    status, answer = await ask(alice, "GET", "/api/agents", Accept="application/vnd.llmchat.v1+json")
    assert (status, answer["code"]) == (200, "SUCCESS")
    # At `/api/v1` another contract has this path, unless this one is asked for.
    login = {"email": "nobody@example.com", "password": "your_password"}
    status, answer = await ask(alice, "POST", "/api/v1/auth/login", login, Accept="application/vnd.llmchat.v1+json")
    assert (status, answer["code"]) == (401, "UNAUTHORIZED")
    assert "success" in (await ask(alice, "POST", "/api/v1/auth/login", login))[1]


async def test_there_is_no_other_version_by_header_and_none_by_path(alice):
    for method, path in (("GET", "/agents"), ("POST", "/chat/completions"), ("POST", "/auth/login")):
        for accept in ("application/vnd.llmchat.v2+json", "application/vnd.llmchat.v11+json"):
            status, answer = await ask(alice, method, f"/api{path}", {}, Accept=accept)
            assert (status, answer["code"]) == (406, "NOT_ACCEPTABLE")
            agrees(FAILED, answer)
        status, answer = await ask(alice, method, f"/api/v2{path}", {})
        assert (status, answer["code"]) == (404, "NOT_FOUND")
        agrees(FAILED, answer)
