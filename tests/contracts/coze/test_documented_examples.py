"""The examples of the document "Coze", kept here as it prints them, against the live answers: every key of an example is there,
with the same JSON type. More keys are welcome."""

from __future__ import annotations

import json
import re

from tests.contracts.test_documented_examples import agrees

HEALTH = json.loads("""{
    "status": "healthy",
    "timestamp": "2024-01-15T10:30:00",
    "coze_client_status": "initialized"
}""")
ROOT = json.loads("""{
    "message": "Coze聊天机器人API服务正在运行",
    "version": "1.0.0",
    "status": "healthy",
    "docs": "/docs"
}""")
SEND = {
    "user_id": "user123",           # 可选，用户ID
    "message": "我最近工作压力很大",   # 必填，消息内容
    "session_id": "demo_session_1"   # 可选，会话ID
}  # fmt: skip
ANSWER = json.loads("""{
    "response": "我理解您的工作压力。以下是一些缓解压力的建议...",
    "session_id": "demo_session_1",
    "message_id": "msg_abc123def456",
    "timestamp": "2024-01-15T10:30:15.123456",
    "conversation_id": "conv_789xyz"
}""")
STREAM = [
    json.loads(line.removeprefix("data: "))
    for line in """\
data: {"type": "chunk", "data": {"content": "我理解您的", "chunk_index": 0, "total_chunks": 5}}
data: {"type": "complete", "data": {"total_chunks": 3, "full_content": "我理解您的感受。together..."}}
data: {"type": "error", "data": {"message": "错误信息"}}""".splitlines()
]
INFO = json.loads("""{
    "session_id": "demo_session_1",
    "user_id": "user123",
    "conversation_id": "conv_789xyz",
    "last_activity": "2024-01-15T10:30:15.123456",
    "message_count": 5,
    "status": "active"
}""")
CLEARED = json.loads("""{
    "message": "会话已成功清除",
    "session_id": "demo_session_1",
    "cleared_at": "2024-01-15T10:35:00.123456"
}""")
FAILED = json.loads("""{
    "detail": "错误描述信息"
}""")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}")


async def test_the_root_and_the_health(guest):
    status, answer = await guest.call("GET", "/")
    assert status == 200
    agrees(ROOT, answer)
    assert (answer["version"], answer["docs"]) == ("1.0.0", "/docs")
    status, answer = await guest.call("GET", "/health")
    assert status == 200
    agrees(HEALTH, answer)
    assert answer["coze_client_status"] == "initialized"


async def test_a_chat_in_one_body_its_session_and_its_end(anna):
    status, answer = await anna.call("POST", "/chat", SEND)
    assert status == 200
    agrees(ANSWER, answer)
    assert answer["session_id"] == SEND["session_id"]
    assert MOMENT.fullmatch(answer["timestamp"])
    status, info = await anna.call("GET", "/session/demo_session_1/info")
    assert status == 200
    agrees(INFO, info)
    assert (info["user_id"], info["status"], info["conversation_id"]) == ("user123", "active", answer["conversation_id"])
    assert MOMENT.fullmatch(info["last_activity"])
    status, cleared = await anna.call("POST", "/session/demo_session_1/clear")
    assert status == 200
    agrees(CLEARED, cleared)
    assert cleared["message"] == CLEARED["message"]
    assert MOMENT.fullmatch(cleared["cleared_at"])


async def test_a_stream(anna, alice):
    read = await anna.stream(**SEND)
    assert read.headers["Content-Type"].startswith("text/event-stream")
    documented = {event["type"]: event for event in STREAM}
    for event in read.events:
        agrees(documented[event["type"]], event)
    assert {event["type"] for event in read.events} == {"chunk", "complete"}
    conversation = await alice.new_conversation(model="cut-after-5")
    read = await anna.stream("hello", conversation_id=conversation)
    agrees(documented["error"], read.events[-1])


async def test_the_documented_statuses_of_errors(anna, alice):
    conversation = await alice.new_conversation(model="500")
    for method, path, body, expected in (
        ("POST", "/chat", {}, 400),
        ("POST", "/chat", {"message": "hi", "conversation_id": conversation}, 503),
        ("GET", "/session/nobody/info", None, 404),
    ):
        status, answer = await anna.call(method, path, body)
        assert status == expected
        agrees(FAILED, answer)
