"""The examples of the document "ChatGPT Backend", kept here as it prints them, against the live answers: every key of an example
is there, with the same JSON type. More keys are welcome."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from tests.acceptance.conftest import database
from tests.client import PASSWORD
from tests.held import held_session

REGISTERED = json.loads("""{
  "success": true,
  "data": {
    "user": {
      "id": "550e8400-e29b-41d4-a716-446655440000",
      "username": "testuser",
      "email": "test@example.com",
      "is_active": true,
      "is_vip": false,
      "created_at": "2024-01-01T12:00:00Z"
    },
    "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...",
    "refresh_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...",
    "token_type": "bearer",
    "expires_in": 1800
  },
  "message": "用户注册成功"
}""")

LOGGED_IN = json.loads("""{
  "success": true,
  "data": {
    "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...",
    "refresh_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...",
    "token_type": "bearer",
    "expires_in": 1800,
    "user": {
      "id": "550e8400-e29b-41d4-a716-446655440000",
      "username": "testuser",
      "email": "test@example.com"
    }
  },
  "message": "登录成功"
}""")

DONE = json.loads("""{
  "success": true,
  "data": {},
  "message": "操作成功",
  "timestamp": "2024-01-01T12:00:00Z"
}""")

FAILED = json.loads("""{
  "success": false,
  "error": {
    "code": "VALIDATION_ERROR",
    "message": "输入数据验证失败",
    "details": {
      "field": "username",
      "issue": "用户名已存在"
    }
  },
  "timestamp": "2024-01-01T12:00:00Z"
}""")

ME = json.loads("""{
  "success": true,
  "data": {
    "id": "550e8400-e29b-41d4-a716-446655440000",
    "username": "testuser",
    "email": "test@example.com",
    "is_active": true,
    "is_vip": false,
    "created_at": "2024-01-01T12:00:00Z",
    "updated_at": "2024-01-01T12:00:00Z",
    "quota": {
      "daily_requests": 50,
      "monthly_requests": 1000,
      "daily_tokens": 10000,
      "monthly_tokens": 100000,
      "requests_used_today": 5,
      "tokens_used_today": 1500
    }
  }
}""")

QUOTA = json.loads("""{
  "success": true,
  "data": {
    "daily_limit": {"requests": 50, "tokens": 10000},
    "monthly_limit": {"requests": 1000, "tokens": 100000},
    "usage_today": {"requests": 5, "tokens": 1500},
    "usage_this_month": {"requests": 120, "tokens": 25000},
    "remaining_today": {"requests": 45, "tokens": 8500}
  }
}""")

CONVERSATIONS = json.loads("""{
  "success": true,
  "data": {
    "conversations": [
      {
        "id": "550e8400-e29b-41d4-a716-446655440001",
        "title": "关于 Python 编程的讨论",
        "model": "gpt-3.5-turbo",
        "message_count": 15,
        "is_archived": false,
        "created_at": "2024-01-01T12:00:00Z",
        "updated_at": "2024-01-01T14:30:00Z",
        "last_message": {
          "content": "谢谢你的解释，我明白了！",
          "role": "user",
          "created_at": "2024-01-01T14:30:00Z"
        }
      }
    ],
    "pagination": {"page": 1, "size": 20, "total": 5, "pages": 1}
  }
}""")

CREATED = json.loads("""{
  "success": true,
  "data": {
    "id": "550e8400-e29b-41d4-a716-446655440002",
    "title": "新的对话",
    "model": "gpt-3.5-turbo",
    "message_count": 0,
    "is_archived": false,
    "created_at": "2024-01-01T15:00:00Z",
    "updated_at": "2024-01-01T15:00:00Z"
  },
  "message": "对话创建成功"
}""")

DETAIL = json.loads("""{
  "success": true,
  "data": {
    "id": "550e8400-e29b-41d4-a716-446655440001",
    "title": "关于 Python 编程的讨论",
    "model": "gpt-3.5-turbo",
    "message_count": 15,
    "is_archived": false,
    "created_at": "2024-01-01T12:00:00Z",
    "updated_at": "2024-01-01T14:30:00Z",
    "messages": [
      {
        "id": "550e8400-e29b-41d4-a716-446655440010",
        "role": "user",
        "content": "请解释一下 Python 的装饰器",
        "tokens_used": 12,
        "created_at": "2024-01-01T12:00:00Z"
      },
      {
        "id": "550e8400-e29b-41d4-a716-446655440011",
        "role": "assistant",
        "content": "Python 装饰器是一种设计模式...",
        "tokens_used": 150,
        "created_at": "2024-01-01T12:00:30Z"
      }
    ]
  }
}""")

SENT = json.loads("""{
  "success": true,
  "data": {
    "user_message": {
      "id": "550e8400-e29b-41d4-a716-446655440020",
      "role": "user",
      "content": "请解释一下机器学习的基本概念",
      "tokens_used": 15,
      "created_at": "2024-01-01T15:30:00Z"
    },
    "assistant_message": {
      "id": "550e8400-e29b-41d4-a716-446655440021",
      "role": "assistant",
      "content": "机器学习是人工智能的一个分支...",
      "tokens_used": 200,
      "created_at": "2024-01-01T15:30:15Z"
    },
    "usage": {"prompt_tokens": 15, "completion_tokens": 200, "total_tokens": 215}
  },
  "message": "消息发送成功"
}""")

STREAM = [
    json.loads('{"type": "start", "message_id": "550e8400-e29b-41d4-a716-446655440022"}'),
    json.loads('{"type": "content", "content": "春"}'),
    json.loads('{"type": "end", "usage": {"total_tokens": 150}}'),
]

SOCKET = [
    json.loads("""{
      "type": "message_start",
      "conversation_id": "550e8400-e29b-41d4-a716-446655440001",
      "message_id": "550e8400-e29b-41d4-a716-446655440030",
      "timestamp": "2024-01-01T16:00:00Z"
    }"""),
    json.loads("""{
      "type": "message_content",
      "conversation_id": "550e8400-e29b-41d4-a716-446655440001",
      "message_id": "550e8400-e29b-41d4-a716-446655440030",
      "content": "你好！",
      "timestamp": "2024-01-01T16:00:01Z"
    }"""),
    json.loads("""{
      "type": "message_end",
      "conversation_id": "550e8400-e29b-41d4-a716-446655440001",
      "message_id": "550e8400-e29b-41d4-a716-446655440030",
      "usage": {"total_tokens": 25},
      "timestamp": "2024-01-01T16:00:05Z"
    }"""),
]

SOCKET_ERROR = json.loads("""{
  "type": "error",
  "error": {"code": "QUOTA_EXCEEDED", "message": "今日配额已用完"},
  "timestamp": "2024-01-01T16:00:00Z"
}""")

HEALTH = json.loads("""{
  "status": "healthy",
  "timestamp": "2024-01-01T16:00:00Z",
  "version": "1.0.0",
  "services": {"database": "healthy", "redis": "healthy", "openai": "healthy"},
  "uptime": 86400
}""")


INFO = json.loads("""{
  "name": "ChatGPT Backend API",
  "version": "1.0.0",
  "environment": "development",
  "supported_models": ["gpt-4", "gpt-4-turbo", "gpt-3.5-turbo"],
  "features": {"websocket": true, "streaming": true, "file_upload": true}
}""")

MODEL = json.loads("""{
  "id": "gpt-4",
  "name": "GPT-4",
  "description": "最先进的 GPT 模型",
  "max_tokens": 8192,
  "cost_per_1k_tokens": {"input": 0.03, "output": 0.06},
  "capabilities": ["text", "code", "reasoning"]
}""")

METRICS = """
# HELP http_requests_total Total number of HTTP requests
# TYPE http_requests_total counter
http_requests_total{method="GET",endpoint="/health"} 1234

# HELP openai_requests_total Total number of OpenAI API requests
# TYPE openai_requests_total counter
openai_requests_total{model="gpt-3.5-turbo",status="success"} 567
"""


def differences(example: Any, answer: Any, where: str = "$") -> list[str]:
    """Where `answer` lacks a key of `example` or has another JSON type there. A timestamp must be written alike."""
    if type(example) is not type(answer):
        return [f"{where}: {type(answer).__name__} instead of {type(example).__name__} ({answer!r})"]
    if isinstance(example, dict):
        missing = [f"{where}.{key} is missing" for key in example if key not in answer]
        return missing + [
            found for key in example if key in answer for found in differences(example[key], answer[key], f"{where}.{key}")
        ]
    if isinstance(example, list) and example:
        if len(answer) < len(example):
            return [f"{where}: {len(answer)} items instead of {len(example)}"]
        return [found for index, item in enumerate(example) for found in differences(item, answer[index], f"{where}[{index}]")]
    if isinstance(example, str):
        return _text_differences(example, answer, where)
    return []


def _text_differences(example: str, answer: str, where: str) -> list[str]:
    for length, mark in ((20, "T"), (36, "-")):  # a timestamp, a UUID
        if len(example) == length and mark in example and [c.isalnum() for c in example] != [c.isalnum() for c in answer]:
            return [f"{where}: {answer!r} is not written like {example!r}"]
    return []


def agrees(example: Any, answer: Any) -> None:
    found = differences(example, answer)
    assert not found, "\n".join(found) + f"\nin {answer}"


async def test_registering_and_logging_in(platform, alice):
    person = {"username": f"{alice.username}x", "email": f"{alice.username}x@example.com"}
    status, answer = await alice.call(
        "POST", "/auth/register", {**person, "password": "password123", "confirm_password": "password123"}
    )
    assert status == 201
    agrees(REGISTERED, answer)
    assert answer["message"] == REGISTERED["message"]
    assert answer["data"]["token_type"] == "bearer"
    assert answer["data"]["expires_in"] == 1800

    status, answer = await alice.call("POST", "/auth/login", {"username": person["username"], "password": "password123"})
    assert status == 200
    agrees(LOGGED_IN, answer)
    assert answer["message"] == LOGGED_IN["message"]

    status, answer = await alice.call("POST", "/auth/refresh", {"refresh_token": answer["data"]["refresh_token"]})
    assert status == 200
    agrees({**LOGGED_IN, "message": ""}, answer)


async def test_the_address_logs_in_where_the_document_says_username(alice):
    email = f"{alice.username}@example.com"
    for body in ({"username": email, "password": PASSWORD}, {"email": email, "password": PASSWORD}):
        status, answer = await alice.call("POST", "/auth/login", body)
        assert status == 200
        agrees(LOGGED_IN, answer)


async def test_what_has_no_example_answers_with_the_common_envelope(alice):
    _, session = await alice.call("POST", "/auth/login", {"username": alice.username, "password": PASSWORD})
    bodiless = {**DONE, "data": None}
    answers = [
        await alice.call("POST", "/auth/forgot-password", {"email": f"{alice.username}@example.com"}),
        await alice.call("POST", "/auth/logout", Authorization=f"Bearer {session['data']['access_token']}"),
    ]
    conversation = await alice.new_conversation()
    answers.append(await alice.call("DELETE", f"/conversations/{conversation}"))
    for status, answer in answers:
        assert status == 200
        agrees(bodiless, answer)


async def test_a_taken_name(alice):
    body = {
        "username": alice.username.upper(),
        "email": "somebody-else@example.com",
        "password": "password123",
        "confirm_password": "password123",
    }
    status, answer = await alice.call("POST", "/auth/register", body)
    assert status == 422
    agrees(FAILED, answer)
    assert answer["error"] == {**FAILED["error"], "message": answer["error"]["message"]}


async def test_the_person_and_her_quota(alice):
    status, answer = await alice.call("GET", "/users/me")
    assert status == 200
    agrees(ME, answer)
    limits = ("daily_requests", "monthly_requests", "daily_tokens", "monthly_tokens")
    assert [answer["data"]["quota"][name] for name in limits] == [50, 1000, 10000, 100000]

    status, answer = await alice.call("GET", "/users/me/quota")
    assert status == 200
    agrees(QUOTA, answer)
    assert answer["data"]["daily_limit"] == QUOTA["data"]["daily_limit"]
    assert answer["data"]["monthly_limit"] == QUOTA["data"]["monthly_limit"]


async def test_changing_the_account(alice):
    name = f"{alice.username}-new"
    status, answer = await alice.call("PUT", "/users/me", {"email": f"{name}@example.com", "username": name})
    assert status == 200
    agrees({**ME, "data": {key: value for key, value in ME["data"].items() if key != "quota"}}, answer)
    assert (answer["data"]["username"], answer["data"]["email"]) == (name, f"{name}@example.com")

    body = {"current_password": PASSWORD, "new_password": "newpassword123", "confirm_password": "newpassword123"}
    status, answer = await alice.call("POST", "/users/me/change-password", body)
    assert status == 200
    agrees({**DONE, "data": None}, answer)
    status, _ = await alice.call("POST", "/auth/login", {"username": name, "password": "newpassword123"})
    assert status == 200


async def test_changing_a_conversation(alice):
    conversation = await alice.new_conversation(title="新的对话")
    shape = {**DONE, "data": CREATED["data"]}
    for method, path, body, expected in (
        ("PUT", "", {"title": "更新后的对话标题", "is_archived": False}, False),
        ("POST", "/archive", None, True),
        ("POST", "/unarchive", None, False),
    ):
        status, answer = await alice.call(method, f"/conversations/{conversation}{path}", body)
        assert status == 200
        agrees(shape, answer)
        assert (answer["data"]["title"], answer["data"]["is_archived"]) == ("更新后的对话标题", expected)


async def test_editing_and_deleting_a_message(alice):
    conversation = await alice.new_conversation()
    sent = (await alice.send(conversation, "hello"))[1]["data"]
    path = f"/messages/{sent['user_message']['id']}"
    status, answer = await alice.call("PUT", path, {"content": "修改后的消息内容"})
    assert status == 200
    agrees({**DONE, "data": SENT["data"]["user_message"]}, answer)
    assert answer["data"]["content"] == "修改后的消息内容"
    status, answer = await alice.call("DELETE", path)
    assert status == 200
    agrees({**DONE, "data": None}, answer)
    detail = await alice.data("GET", f"/conversations/{conversation}")
    assert [message["role"] for message in detail["messages"]] == ["assistant"]
    assert detail["message_count"] == 1


async def test_conversations_and_messages(alice):
    body = {"title": "新的对话", "model": "gpt-3.5-turbo", "system_message": "你是一个有用的助手。"}
    status, created = await alice.call("POST", "/conversations", body)
    assert status == 201
    agrees(CREATED, created)
    assert created["message"] == CREATED["message"]
    assert created["data"]["title"] == "新的对话"
    assert created["data"]["model"] == "gpt-3.5-turbo"
    conversation = created["data"]["id"]

    sent = {
        "content": "请解释一下机器学习的基本概念",
        "role": "user",
        "model": "gpt-3.5-turbo",
        "temperature": 0.7,
        "max_tokens": 1000,
        "stream": False,
    }
    status, answer = await alice.call("POST", f"/conversations/{conversation}/messages", sent)
    assert status == 200
    agrees(SENT, answer)
    assert answer["message"] == SENT["message"]

    status, answer = await alice.call("GET", f"/conversations/{conversation}")
    assert status == 200
    agrees(DETAIL, answer)
    assert answer["data"]["message_count"] == 2

    status, answer = await alice.call("GET", "/conversations?page=1&size=20&archived=false")
    assert status == 200
    agrees(CONVERSATIONS, answer)

    status, answer = await alice.call("GET", f"/conversations/{conversation}/messages?page=1&size=50&order=desc")
    assert status == 200
    agrees({"messages": DETAIL["data"]["messages"], "pagination": CONVERSATIONS["data"]["pagination"]}, answer["data"])
    assert [message["role"] for message in answer["data"]["messages"]] == ["assistant", "user"]


async def test_a_streamed_answer(alice):
    conversation = await alice.new_conversation()
    answer = await alice.stream(conversation, "写一首关于春天的诗", role="user", model="gpt-3.5-turbo", temperature=0.8)
    kinds = [frame.data["type"] for frame in answer.frames]
    assert (kinds[0], set(kinds[1:-1]), kinds[-1]) == ("start", {"content"}, "end")
    for example, frame in zip(STREAM, (answer.frames[0], answer.frames[1], answer.frames[-1]), strict=True):
        agrees(example, frame.data)
    assert [frame.id for frame in answer.frames] == list(range(1, len(kinds) + 1))


async def test_the_socket(platform, alice):
    conversation = await alice.new_conversation()
    address = f"{platform.ws_url}/api/v1/ws/chat?token={alice.token}"
    async with held_session() as session, session.ws_connect(address) as socket:
        await socket.send_json(
            {
                "type": "chat_message",
                "conversation_id": conversation,
                "content": "你好，世界！",
                "model": "gpt-3.5-turbo",
                "temperature": 0.7,
            }
        )
        frames = [await socket.receive_json(timeout=10)]
        while frames[-1]["type"] not in ("message_end", "error"):
            frames.append(await socket.receive_json(timeout=10))
        for example, frame in zip(SOCKET, (frames[0], frames[1], frames[-1]), strict=True):
            agrees(example, frame)
            assert frame["type"] == example["type"]
            assert frame["conversation_id"] == conversation
        await socket.send_json({"type": "ping"})
        assert (await socket.receive_json(timeout=10))["type"] == "pong"
        await socket.send_json({"type": "chat_message", "conversation_id": conversation})
        agrees(SOCKET_ERROR, await socket.receive_json(timeout=10))


async def test_health(alice):
    alice.token = ""
    status, answer = await alice.call("GET", "/health")
    assert status == 200
    agrees(HEALTH, answer)
    assert answer["services"] == HEALTH["services"]
    assert answer["status"] == "healthy"


async def test_info(alice):
    alice.token = ""
    status, answer = await alice.call("GET", "/info")
    assert status == 200
    agrees(INFO, answer)
    assert answer["name"] == INFO["name"]
    assert set(INFO["supported_models"]) <= set(answer["supported_models"])


async def test_models(platform, alice):
    alice.token = ""
    status, answer = await alice.call("GET", "/models")
    assert status == 200
    agrees({"success": True, "data": {"models": []}}, answer)
    models = {model["id"]: model for model in answer["data"]["models"]}
    assert {"gpt-4", "gpt-4-turbo", "gpt-3.5-turbo"} <= set(models)
    assert models["gpt-4"]["alias_of"] == "ok-5-rate-40"
    agrees({**MODEL, "cost_per_1k_tokens": {"input": None, "output": None}, "capabilities": ["text"]}, models["ok-3"])

    with database(platform) as connection:  # an operator's price: nobody else knows what a script costs
        connection.execute(
            """INSERT INTO providers_modelprice (vendor, name, pattern, display_name, description, source, as_of,
                 input_micros_per_million, output_micros_per_million, position)
               VALUES ('', 'ok-15-rate-30', '', 'A script', 'Says so.', 'operator', now(), 30000000, 60000000, 0)"""
        )
    for _ in range(50):
        models = {model["id"]: model for model in (await alice.data("GET", "/models"))["models"]}
        if models["ok-15-rate-30"]["cost_per_1k_tokens"]["input"] is not None:
            break
        await asyncio.sleep(0.1)
    agrees({**MODEL, "capabilities": ["text"]}, models["ok-15-rate-30"])
    assert models["ok-15-rate-30"]["cost_per_1k_tokens"] == MODEL["cost_per_1k_tokens"]


async def test_metrics(alice):
    await alice.call("GET", "/health")
    await alice.send(await alice.new_conversation(), "hello")
    async with alice.session.get(f"{alice.url}/api/v1/metrics") as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        text = await response.text()
    for line in filter(None, METRICS.splitlines()):
        if line.startswith("#"):
            assert line in text.splitlines()
        else:
            name, labels, _ = re.match(r"(\w+){(.*)} (\d+)", line).groups()
            assert re.search(
                rf"^{name}{{{','.join(sorted(re.sub('=.*', '=.*?', label) for label in labels.split(',')))}}} \d", text, re.M
            )
    assert re.search(r'^http_requests_total{endpoint="/health",method="GET"} \d', text, re.M)
    assert re.search(r'^openai_requests_total{model="ok-5-rate-40",status="success"} \d', text, re.M)
