"""What a client gets wrong in a chat: the contract's own error, at once, and nothing is left behind."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.contracts.llmchat.conftest import ask, complete, history

USER = {"role": "user", "content": "hello"}
ASSISTANT = {"role": "assistant", "content": "hello yourself"}
SOME_ID = str(uuid.UUID(int=7))


async def test_a_bad_send_names_the_field_and_leaves_nothing(alice):
    for body, field in BAD_SENDS:
        for stream in (False, True):
            status, answer = await ask(alice, "POST", "/api/chat/completions", {"stream": stream, **body})
            assert (status, answer["code"]) == (400, "VALIDATION_ERROR"), body
            assert answer["error"]["type"] == "ValidationError"
            assert answer["error"]["field"] == field, answer
            assert answer["error"]["details"].startswith(f"{field}: ")
    assert (await alice.data("GET", "/conversations"))["conversations"] == []


BAD_LISTS: list[tuple[Any, str]] = [
    (None, "messages"),
    ([], "messages"),
    ("hello", "messages"),
    ({"0": USER}, "messages"),
    ([USER] * 1_001, "messages"),
    (["hello"], "messages.0"),
    ([USER, None], "messages.1"),
    ([USER, {"role": "user"}], "messages.1.content"),
    ([{"content": "hello"}], "messages.0.role"),
    ([{"role": "robot", "content": "hello"}], "messages.0.role"),
    ([{"role": "USER", "content": "hello"}], "messages.0.role"),
    ([{"role": 7, "content": "hello"}], "messages.0.role"),
    ([{"role": ["user"], "content": "hello"}], "messages.0.role"),
    ([USER, {"role": "user", "content": " \n"}], "messages.1.content"),
    ([{"role": "user", "content": ""}], "messages.0.content"),
    ([{"role": "user", "content": 7}], "messages.0.content"),
    ([{"role": "user", "content": [{"type": "text", "text": "hello"}]}], "messages.0.content"),
    ([{"role": "user", "content": "x" * 10_001}], "messages.0.content"),
    ([ASSISTANT], "messages"),
    ([{"role": "system", "content": "Be brief."}], "messages"),
    ([{"role": "system", "content": "x" * 9_000}] * 2 + [USER], "messages"),
    ([USER, {"role": "user", "content": "nul \0"}], "messages.1.content"),
]
BAD_SENDS: list[tuple[dict[str, Any], str]] = [
    ({}, "messages"),
    *(({"messages": messages}, field) for messages, field in BAD_LISTS),
    ({"messages": [USER, ASSISTANT]}, "messages"),
    ({"messages": [USER], "sessionId": "session_uuid"}, "sessionId"),
    ({"messages": [USER], "sessionId": 7}, "sessionId"),
    ({"messages": [USER], "sessionId": f"sess_{uuid.UUID(SOME_ID).hex}"}, "sessionId"),
    ({"messages": [USER], "sessionId": ""}, "sessionId"),
    ({"messages": [USER], "agentId": "agent_uuid"}, "agentId"),
    ({"messages": [USER], "agentId": {}}, "agentId"),
    ({"messages": [USER], "stream": "true"}, "stream"),
    ({"messages": [USER], "stream": 1}, "stream"),
    ({"messages": [USER], "config": "hot"}, "config"),
    ({"messages": [USER], "config": []}, "config"),
    ({"messages": [USER], "config": {"temperature": "0.7"}}, "config.temperature"),
    ({"messages": [USER], "config": {"temperature": 2.1}}, "config.temperature"),
    ({"messages": [USER], "config": {"temperature": -0.1}}, "config.temperature"),
    ({"messages": [USER], "config": {"maxTokens": 0}}, "config.maxTokens"),
    ({"messages": [USER], "config": {"maxTokens": 1.5}}, "config.maxTokens"),
    ({"messages": [USER], "config": {"maxTokens": 2**31}}, "config.maxTokens"),
    ({"messages": [USER], "config": {"model": 7}}, "config.model"),
    ({"messages": [USER], "config": {"model": "no such model"}}, "model"),
    ({"messages": [USER], "clientMessageId": "x" * 201}, "clientMessageId"),
    ({"messages": [USER], "clientMessageId": 7}, "clientMessageId"),
]
TWICE = [
    ('{"messages":[%s],"stream":true,"stream":false}', "stream"),
    ('{"stream":false,"messages":[%s],"stream":false}', "stream"),
    ('{"messages":[%s],"\\u0073tream":true,"stream":false}', "stream"),
    ('{"messages":[%s],"sessionId":null,"sessionId":null}', "sessionId"),
]


@pytest.mark.parametrize(("body", "field"), TWICE)
async def test_two_values_of_one_key_are_refused_since_nobody_knows_which_was_meant(alice, body, field):
    text = body % json.dumps(USER)
    async with alice.session.post(
        f"{alice.url}/api/chat/completions", data=text, headers=alice.headers | {"Content-Type": "application/json"}
    ) as response:
        answer = await response.json()
    assert (response.status, answer["code"], answer["error"]["field"]) == (400, "VALIDATION_ERROR", field)


async def test_what_was_said_may_speak_of_keys(alice):
    text = '"stream": true, "stream": false {"stream"} \\u0073tream \u00e9'
    status, answer = await complete(alice, text, stream=False)
    assert status == 200
    assert (await history(alice, answer["data"]["sessionId"]))[0]["content"] == text


async def test_the_largest_message_and_the_longest_list_are_taken(alice):
    status, answer = await complete(alice, "x" * 10_000)
    assert status == 200
    assert len((await history(alice, answer["data"]["sessionId"]))[0]["content"]) == 10_000
    body = {"messages": [USER, ASSISTANT] * 499 + [USER]}
    assert len(body["messages"]) == 999
    assert (await ask(alice, "POST", "/api/chat/completions", body))[0] == 200


HUGE = {"messages": [{"role": ("user", "assistant")[n % 2], "content": "x" * 10_000} for n in range(1_000)]}


@pytest.mark.parametrize("path", ["/chat/completions", "/chat/sessions/save"])
async def test_a_transcript_of_ten_megabytes_is_too_large(alice, base, path):
    status, answer = await ask(alice, "POST", base + path, HUGE)
    assert (status, answer["code"]) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "VALIDATION_ERROR"),
        (b"[]", 400, "VALIDATION_ERROR"),
        (b'"hello"', 400, "VALIDATION_ERROR"),
        (b"\xff\xfe{}", 400, "VALIDATION_ERROR"),
        (b'{"messages":' + b"[" * 100 + b"]" * 100 + b"}", 400, "VALIDATION_ERROR"),
        (b"", 400, "VALIDATION_ERROR"),
    ],
)
async def test_what_is_no_object_is_refused(alice, base, body, status, code):
    for path in ("/chat/completions", "/chat/sessions/save"):
        headers = alice.headers | {"Content-Type": "application/json"}
        async with alice.session.post(alice.url + base + path, data=body, headers=headers) as response:
            answer = await response.json()
        assert (response.status, answer["code"]) == (status, code)


async def test_another_type_another_method_and_nobody(alice, base):
    for path, other in (
        ("/chat/completions", "GET"),
        ("/chat/sessions/save", "GET"),
        (f"/chat/sessions/{SOME_ID}/history", "POST"),
    ):
        method = "GET" if other == "POST" else "POST"
        status, answer = await ask(alice, other, base + path, None if other == "GET" else {})
        assert (status, answer["code"]) == (405, "METHOD_NOT_ALLOWED")
        status, answer = await ask(alice, method, base + path, None if method == "GET" else {}, Authorization="")
        assert (status, answer["code"]) == (401, "UNAUTHORIZED")
        if method == "POST":
            headers = alice.headers | {"Content-Type": "text/plain"}
            async with alice.session.post(alice.url + base + path, data=b"x", headers=headers) as response:
                assert (response.status, (await response.json())["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


BAD_TRANSCRIPTS: list[tuple[dict[str, Any], str]] = [
    ({}, "messages"),
    *(({"messages": messages}, field) for messages, field in BAD_LISTS),
    ({"messages": [USER], "sessionId": "session_uuid"}, "sessionId"),
    ({"messages": [USER], "agentId": 7}, "agentId"),
    ({"messages": [USER], "title": 7}, "title"),
    ({"messages": [USER], "title": "x" * 201}, "title"),
    ({"messages": [USER], "title": "two\nlines"}, "title"),
]


async def test_a_bad_transcript_names_the_field_and_nothing_of_it_is_stored(alice):
    session = str(uuid.uuid4())
    for body, field in BAD_TRANSCRIPTS:
        status, answer = await ask(alice, "POST", "/api/chat/sessions/save", {"sessionId": session, **body})
        assert (status, answer["code"], answer["error"]["field"]) == (400, "VALIDATION_ERROR", field), body
    assert (await alice.data("GET", "/conversations"))["conversations"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [("page=0", "page"), ("page=x", "page"), ("limit=0", "limit"), ("limit=-1", "limit"), ("before=nothing", "before")],
)
async def test_a_bad_query_of_the_history_names_the_parameter(alice, query, field):
    _, made = await complete(alice, "hello")
    status, answer = await ask(alice, "GET", f"/api/chat/sessions/{made['data']['sessionId']}/history?{query}")
    assert (status, answer["code"], answer["error"]["field"]) == (400, "VALIDATION_ERROR", field)
