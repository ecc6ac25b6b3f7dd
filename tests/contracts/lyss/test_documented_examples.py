"""The examples of the document "LYSS", kept here as it prints them, against the live answers at both bases: every key of an
example is there, with the same JSON type. More keys are welcome."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.contracts.lyss.client import PASSWORD, UNCLAIMED, Person
from tests.contracts.lyss.conftest import PRICED
from tests.contracts.test_documented_examples import agrees

REGISTERED = json.loads("""{
  "success": true,
  "data": {
    "user": {
      "id": 1,
      "username": "testuser",
      "email": "test@example.com",
      "role": "user",
      "is_active": true,
      "created_at": "2025-07-07T12:00:00Z"
    },
    "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...",
    "token_type": "bearer",
    "expires_in": 1800
  },
  "message": "注册成功"
}""")

LOGGED_IN = json.loads("""{
  "success": true,
  "data": {
    "user": {
      "id": 1,
      "username": "testuser",
      "email": "test@example.com",
      "role": "user",
      "is_active": true
    },
    "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...",
    "token_type": "bearer",
    "expires_in": 1800
  },
  "message": "登录成功"
}""")

ME = json.loads("""{
  "success": true,
  "data": {
    "id": 1,
    "username": "testuser",
    "email": "test@example.com",
    "role": "user",
    "is_active": true,
    "created_at": "2025-07-07T12:00:00Z",
    "updated_at": "2025-07-07T12:00:00Z"
  },
  "message": "获取用户信息成功"
}""")

REFRESHED = json.loads("""{
  "success": true,
  "data": {
    "access_token": "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...",
    "token_type": "bearer",
    "expires_in": 1800
  },
  "message": "Token刷新成功"
}""")

LOGGED_OUT = json.loads('{"success": true, "data": null, "message": "登出成功"}')

SUCCESS = json.loads("""{
  "success": true,
  "message": "操作成功",
  "timestamp": "2025-07-07T12:00:00Z"
}""")

FAILED = json.loads("""{
  "success": false,
  "error": {
    "code": "VALIDATION_ERROR",
    "message": "请求参数验证失败",
    "details": {
      "field": "username",
      "reason": "用户名长度必须在3-50个字符之间"
    }
  },
  "timestamp": "2025-07-07T12:00:00Z"
}""")

NEW_PROVIDER = json.loads("""{
  "name": "OpenAI GPT-4",
  "provider_type": "openai",
  "scope": "personal",
  "api_key": "sk-xxx...",
  "api_base_url": "https://api.openai.com/v1",
  "config": {
    "model": "gpt-4",
    "temperature": 0.7,
    "max_tokens": 2000
  }
}""")

PROVIDER = json.loads("""{
  "success": true,
  "data": {
    "id": 1,
    "name": "OpenAI GPT-4",
    "provider_type": "openai",
    "scope": "personal",
    "created_by": 1,
    "api_base_url": "https://api.openai.com/v1",
    "config": {
      "model": "gpt-4",
      "temperature": 0.7,
      "max_tokens": 2000
    },
    "is_active": true,
    "created_at": "2025-07-07T12:00:00Z",
    "updated_at": "2025-07-07T12:00:00Z"
  },
  "message": "供应商创建成功"
}""")

PROVIDERS = json.loads("""{
  "success": true,
  "data": {
    "items": [
      {
        "id": 1,
        "name": "OpenAI GPT-4",
        "provider_type": "openai",
        "scope": "personal",
        "created_by": 1,
        "api_base_url": "https://api.openai.com/v1",
        "config": {
          "model": "gpt-4",
          "temperature": 0.7
        },
        "is_active": true,
        "created_at": "2025-07-07T12:00:00Z",
        "updated_at": "2025-07-07T12:00:00Z"
      }
    ],
    "pagination": {
      "page": 1,
      "page_size": 20,
      "total": 1,
      "total_pages": 1,
      "has_next": false,
      "has_prev": false
    }
  },
  "message": "获取供应商列表成功"
}""")

PROVIDER_CHANGE = json.loads("""{
  "name": "OpenAI GPT-4 Turbo",
  "api_base_url": "https://api.openai.com/v1",
  "config": {
    "model": "gpt-4-turbo",
    "temperature": 0.8,
    "max_tokens": 4000
  }
}""")

PROVIDER_DELETED = json.loads('{"success": true, "data": null, "message": "供应商删除成功"}')

DISTRIBUTED = json.loads("""{
  "success": true,
  "data": {
    "provider_id": 1,
    "distributed_to": [2, 3],
    "distributed_at": "2025-07-07T12:00:00Z"
  },
  "message": "供应商分发成功"
}""")

DISTRIBUTIONS = json.loads("""{
  "success": true,
  "data": [
    {
      "id": 1,
      "user_id": 2,
      "user": {
        "id": 2,
        "username": "user2",
        "email": "user2@example.com"
      },
      "distributed_by": 1,
      "distributor": {
        "id": 1,
        "username": "admin",
        "email": "admin@example.com"
      },
      "distributed_at": "2025-07-07T12:00:00Z",
      "is_active": true
    }
  ],
  "message": "获取分发记录成功"
}""")

SENT = json.loads("""{
  "success": true,
  "data": {
    "message": {
      "id": 456,
      "role": "assistant",
      "content": "Python是一种高级编程语言，具有简洁易读的语法...",
      "metadata": {
        "model": "gpt-4",
        "tokens_used": 150,
        "cost": 0.003,
        "cached": false
      },
      "created_at": "2025-07-07T12:00:00Z"
    },
    "conversation": {
      "id": 123,
      "title": "关于Python编程",
      "updated_at": "2025-07-07T12:00:00Z"
    },
    "provider": {
      "id": 1,
      "name": "OpenAI GPT-4",
      "provider_type": "openai"
    }
  },
  "message": "对话成功"
}""")

STREAM = [
    json.loads('{"type": "start", "conversation_id": 123}'),
    json.loads('{"type": "content", "content": "Python"}'),
    json.loads('{"type": "end", "message_id": 456, "tokens_used": 150, "cost": 0.003}'),
]

NEW_CONVERSATION = json.loads("""{
  "title": "关于Python编程的讨论",
  "provider_id": 1,
  "metadata": {
    "tags": ["编程", "Python"],
    "description": "学习Python编程语言"
  }
}""")

CREATED = json.loads("""{
  "success": true,
  "data": {
    "id": 123,
    "title": "关于Python编程的讨论",
    "user_id": 1,
    "provider_id": 1,
    "metadata": {
      "tags": ["编程", "Python"],
      "description": "学习Python编程语言"
    },
    "created_at": "2025-07-07T12:00:00Z",
    "updated_at": "2025-07-07T12:00:00Z"
  },
  "message": "对话创建成功"
}""")

CONVERSATIONS = json.loads("""{
  "success": true,
  "data": {
    "items": [
      {
        "id": 123,
        "title": "关于Python编程的讨论",
        "provider": {
          "id": 1,
          "name": "OpenAI GPT-4",
          "provider_type": "openai"
        },
        "message_count": 10,
        "last_message_at": "2025-07-07T12:00:00Z",
        "created_at": "2025-07-07T10:00:00Z"
      }
    ],
    "pagination": {
      "page": 1,
      "page_size": 20,
      "total": 1,
      "total_pages": 1,
      "has_next": false,
      "has_prev": false
    }
  },
  "message": "获取对话列表成功"
}""")

CONVERSATION = json.loads("""{
  "success": true,
  "data": {
    "id": 123,
    "title": "关于Python编程的讨论",
    "user_id": 1,
    "provider": {
      "id": 1,
      "name": "OpenAI GPT-4",
      "provider_type": "openai"
    },
    "messages": [
      {
        "id": 1,
        "role": "user",
        "content": "你好，请介绍一下Python编程语言",
        "created_at": "2025-07-07T10:00:00Z"
      },
      {
        "id": 2,
        "role": "assistant",
        "content": "Python是一种高级编程语言...",
        "metadata": {
          "model": "gpt-4",
          "tokens_used": 150,
          "cost": 0.003
        },
        "created_at": "2025-07-07T10:01:00Z"
      }
    ],
    "metadata": {
      "tags": ["编程", "Python"],
      "description": "学习Python编程语言"
    },
    "created_at": "2025-07-07T10:00:00Z",
    "updated_at": "2025-07-07T12:00:00Z"
  },
  "message": "获取对话详情成功"
}""")

CONVERSATION_CHANGE = json.loads("""{
  "title": "Python编程学习笔记",
  "metadata": {
    "tags": ["编程", "Python", "学习"],
    "description": "深入学习Python编程语言"
  }
}""")


@pytest.fixture
def at_base(alice, base):
    return alice.at(base)


async def first_available(person: Person) -> dict[str, Any]:
    found: dict[str, Any] = (await person.data("GET", "/providers/available"))[0]
    return found


async def test_registering_logging_in_refreshing_and_logging_out(at_base):
    person = Person(at_base.url, at_base.session, at_base.base)
    person.username = f"testuser-{uuid.uuid4().hex[:10]}"
    status, answer = await person.call("POST", "/auth/register", person.registration())
    assert status == 201
    agrees(REGISTERED, answer)
    assert answer["message"] == REGISTERED["message"]
    assert answer["data"]["user"]["role"] == "user"

    status, answer = await person.call("POST", "/auth/login", {"username": person.username, "password": PASSWORD})
    assert status == 200
    agrees(LOGGED_IN, answer)
    assert answer["message"] == LOGGED_IN["message"]
    person.token = answer["data"]["access_token"]

    status, me = await person.call("GET", "/auth/me")
    assert status == 200
    agrees(ME, me)
    assert me["message"] == ME["message"]
    assert me["data"]["id"] == answer["data"]["user"]["id"]

    for body, headers in (({"refresh_token": answer["data"]["refresh_token"]}, {}), (None, {})):
        status, refreshed = await person.call("POST", "/auth/refresh", body, **headers)
        assert status == 200
        agrees(REFRESHED, refreshed)
        assert refreshed["message"] == REFRESHED["message"]
        person.token = refreshed["data"]["access_token"]

    status, answer = await person.call("POST", "/auth/logout")
    assert (status, answer["data"], answer["message"]) == (200, None, LOGGED_OUT["message"])
    agrees(SUCCESS, answer)


async def test_an_error_names_the_field_and_the_reason(at_base):
    person = Person(at_base.url, at_base.session, at_base.base)
    person.username = "ab"
    status, answer = await person.call("POST", "/auth/register", person.registration() | {"email": "ab@example.com"})
    assert status == 400
    agrees(FAILED, answer)
    assert answer["error"]["code"] == FAILED["error"]["code"]
    assert answer["error"]["details"]["field"] == "username"


async def test_a_provider_of_ones_own(at_base):
    status, answer = await at_base.call("POST", "/providers", NEW_PROVIDER)
    assert status == 201
    agrees(PROVIDER, answer)
    assert answer["message"] == PROVIDER["message"]
    made = answer["data"]
    assert {name: made[name] for name in NEW_PROVIDER if name != "api_key"} == {
        name: value for name, value in NEW_PROVIDER.items() if name != "api_key"
    }
    assert made["created_by"] == at_base.id

    query = "?page=1&page_size=20&scope=personal&provider_type=openai&is_active=true"
    status, answer = await at_base.call("GET", f"/providers{query}")
    assert status == 200
    agrees(PROVIDERS, answer)
    assert answer["data"]["pagination"] == PROVIDERS["data"]["pagination"]
    assert answer["message"] == PROVIDERS["message"]
    assert answer["data"]["items"] == [made]

    status, answer = await at_base.call("GET", f"/providers/{made['id']}")
    assert (status, answer["data"]) == (200, made)
    agrees({**PROVIDER, "message": "获取供应商详情成功"}, answer)

    available = await at_base.data("GET", "/providers/available")
    assert made["id"] in [provider["id"] for provider in available]

    status, answer = await at_base.call("PUT", f"/providers/{made['id']}", PROVIDER_CHANGE)
    assert status == 200
    agrees(PROVIDER, answer)
    assert {name: answer["data"][name] for name in PROVIDER_CHANGE} == PROVIDER_CHANGE

    status, answer = await at_base.call("DELETE", f"/providers/{made['id']}")
    assert (status, answer["data"], answer["message"]) == (200, None, PROVIDER_DELETED["message"])
    agrees(SUCCESS, answer)


async def test_handing_an_organizations_provider_out(admin, at_base, bob, base):
    admin = admin.at(base)
    made = await admin.data("POST", "/providers", {**NEW_PROVIDER, "scope": "organization"})
    status, answer = await admin.call("POST", f"/providers/{made['id']}/distribute", {"user_ids": [at_base.id, bob.id]})
    assert status == 200
    agrees(DISTRIBUTED, answer)
    assert answer["message"] == DISTRIBUTED["message"]
    assert (answer["data"]["provider_id"], answer["data"]["distributed_to"]) == (made["id"], [at_base.id, bob.id])

    status, answer = await admin.call("GET", f"/providers/{made['id']}/distributions")
    assert status == 200
    agrees(DISTRIBUTIONS, answer)
    assert answer["message"] == DISTRIBUTIONS["message"]
    assert [row["user"]["username"] for row in answer["data"]] == [at_base.username, bob.username]
    assert {row["distributor"]["username"] for row in answer["data"]} == {admin.username}

    assert made["id"] in [provider["id"] for provider in await at_base.data("GET", "/providers/available")]
    status, answer = await admin.call("DELETE", f"/providers/{made['id']}/distribute/{at_base.id}")
    assert (status, answer["data"]) == (200, None)
    agrees(SUCCESS, answer)
    assert made["id"] not in [provider["id"] for provider in await at_base.data("GET", "/providers/available")]


async def test_conversations(at_base):
    provider = await first_available(at_base)
    status, answer = await at_base.call("POST", "/conversations", {**NEW_CONVERSATION, "provider_id": provider["id"]})
    assert status == 201
    agrees(CREATED, answer)
    assert answer["message"] == CREATED["message"]
    made = answer["data"]
    assert (made["title"], made["metadata"]) == (NEW_CONVERSATION["title"], NEW_CONVERSATION["metadata"])
    assert (made["user_id"], made["provider_id"]) == (at_base.id, provider["id"])

    await at_base.send("你好，请介绍一下Python编程语言", conversation_id=made["id"], provider_id=provider["id"], model=PRICED)
    status, answer = await at_base.call("GET", f"/conversations?page=1&page_size=20&provider_id={provider['id']}&search=Python")
    assert status == 200
    agrees(CONVERSATIONS, answer)
    assert answer["message"] == CONVERSATIONS["message"]
    [item] = answer["data"]["items"]
    assert (item["id"], item["message_count"], item["provider"]["id"]) == (made["id"], 2, provider["id"])

    status, answer = await at_base.call("GET", f"/conversations/{made['id']}")
    assert status == 200
    agrees(CONVERSATION, answer)
    assert answer["message"] == CONVERSATION["message"]
    assert [message["role"] for message in answer["data"]["messages"]] == ["user", "assistant"]

    status, answer = await at_base.call("PUT", f"/conversations/{made['id']}", CONVERSATION_CHANGE)
    assert status == 200
    agrees({**CREATED, "message": ""}, answer)
    assert {name: answer["data"][name] for name in CONVERSATION_CHANGE} == CONVERSATION_CHANGE

    status, answer = await at_base.call("DELETE", f"/conversations/{made['id']}")
    assert (status, answer["data"]) == (200, None)
    agrees(SUCCESS, answer)


async def test_sending_a_message(at_base):
    provider = await first_available(at_base)
    conversation = await at_base.data("POST", "/conversations", {"title": "关于Python编程"})
    body = {
        "provider_id": provider["id"],
        "conversation_id": conversation["id"],
        "messages": [{"role": "user", "content": "你好，请介绍一下Python编程语言"}],
        "model": PRICED,
    }
    status, answer = await at_base.call("POST", "/chat/messages", body)
    assert status == 200
    agrees(SENT, answer)
    assert answer["message"] == SENT["message"]
    assert answer["data"]["conversation"]["id"] == conversation["id"]
    assert answer["data"]["provider"]["id"] == provider["id"]
    metadata = answer["data"]["message"]["metadata"]
    assert metadata["tokens_used"] > 6
    assert metadata["cost"] == pytest.approx(((metadata["tokens_used"] - 6) * 100 + 6 * 300) / 1e6)


async def test_streaming_an_answer(at_base):
    provider = await first_available(at_base)
    stream = await at_base.stream("你好，请介绍一下Python编程语言", provider_id=provider["id"], model=PRICED)
    assert stream.status == 200
    start, content, end = stream.frames[0], stream.frames[1], stream.frames[-1]
    agrees(STREAM[0], start)
    agrees(STREAM[1], content)
    agrees(STREAM[2], end)
    assert [frame["type"] for frame in stream.frames] == ["start", *["content"] * (len(stream.frames) - 2), "end"]
    assert stream.ids == list(range(1, len(stream.frames) + 1))
    detail = await at_base.data("GET", f"/conversations/{start['conversation_id']}")
    assert detail["messages"][-1]["id"] == end["message_id"]
    assert {name: detail["messages"][-1]["metadata"][name] for name in ("tokens_used", "cost", "cached")} == {
        name: end[name] for name in ("tokens_used", "cost", "cached")
    }


async def test_the_paths_that_nobody_else_has_answer_at_the_common_base_without_being_asked_for(alice):
    alice = alice.at(UNCLAIMED)
    assert (await alice.call("GET", "/auth/me"))[0] == 200
    status, answer = await alice.call("GET", "/providers")
    agrees({**PROVIDERS, "data": {**PROVIDERS["data"], "items": []}}, answer)
    status, answer = await alice.send("Hello, world!")
    assert status == 200
    number = answer["data"]["conversation"]["id"]
    status, answer = await alice.call("GET", f"/conversations/{number}")
    assert (status, answer["data"]["id"]) == (200, number)
