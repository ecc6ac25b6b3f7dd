"""The examples of the document "LLMChat" about agents, kept here as it prints them, against the live answers: every key of an
example is there, with the same JSON type. More keys are welcome."""

from __future__ import annotations

import json
import re

from tests.contracts.llmchat.conftest import ask
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
    status, answer = await ask(alice, "GET", "/api/agents", Accept="application/vnd.llmchat.v2+json")
    assert (status, answer["code"]) == (406, "NOT_ACCEPTABLE")
