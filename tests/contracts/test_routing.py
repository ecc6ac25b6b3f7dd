"""Who answers a path that several contracts have: its owner, unless the client's `Accept` or an id in the path says otherwise."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from chatplatform.contracts.routing import dialect_for, find_place

LYSS = "application/vnd.lyss.v1+json"
CHATGPT = "application/vnd.chatgpt.v1+json"
LLMCHAT = "application/vnd.llmchat.v1+json"
CHAT_SYSTEM = "application/vnd.chat-system.v1+json"
COZE = "application/vnd.coze.v1+json"
SESSION = "sess_550e8400e29b41d4a716446655440001"
UUID = "550e8400-e29b-41d4-a716-446655440001"


def who(path: str, accept: str = "") -> str | None:
    found = find_place(path, accept)
    return found and found[0].contract.name


@pytest.mark.parametrize(
    ("path", "owner"),
    [
        ("/api/v1/auth/login", "chatgpt_backend"),
        ("/api/v1/auth/refresh", "chatgpt_backend"),
        ("/api/v1/auth/me", "lyss"),
        ("/api/v1/conversations", "chatgpt_backend"),
        (f"/api/v1/conversations/{UUID}", "chatgpt_backend"),
        ("/api/v1/conversations/123", "lyss"),
        ("/api/v1/conversations/12x", "chatgpt_backend"),
        ("/api/v1/conversations/-1", "chatgpt_backend"),
        ("/api/v1/conversations/١٢", "chatgpt_backend"),
        ("/api/v1/conversations/123/messages", "chatgpt_backend"),
        ("/api/v1/providers", "lyss"),
        ("/api/v1/providers/available", "lyss"),
        ("/api/v1/providers/7/distribute/8", "lyss"),
        ("/api/v1/providers/available/distribute", "lyss"),  # of a provider that nobody has
        ("/api/v1/chat/messages", "lyss"),
        ("/api/v1/chat/stream", "lyss"),
        ("/api/v1/chat/messages/msg_550e8400e29b41d4a716446655440001", "chat_system"),
        ("/api/v1/chat/sessions", "chat_system"),
        (f"/api/v1/chat/sessions/{SESSION}", "chat_system"),
        ("/api/v1/chat/sessions/nothing", "chat_system"),
        ("/api/v1/chat/sessions/save", "llmchat"),  # no id, but a word of its own
        (f"/api/v1/chat/sessions/{UUID}/history", "llmchat"),
        (f"/api/v1/chat/sessions/{UUID}", "chat_system"),
        ("/api/v1/chat/completions", "llmchat"),
        ("/api/chat/completions", "llmchat"),
        ("/api/chat/sessions", None),
        ("/api/v2/agents", None),
        (f"/api/v1/chat/sessions/{SESSION}/stream", "chat_system"),
        ("/api/v1/chat/search", "chat_system"),
        ("/api/v1/topics", "chat_system"),
        ("/api/v1/topics/12/sharing", "chat_system"),
        ("/api/v1/users/me", "chatgpt_backend"),
        ("/lyss/api/v1/auth/login", "lyss"),
        ("/lyss/api/v1/conversations", "lyss"),
        (f"/lyss/api/v1/conversations/{UUID}", "lyss"),
        ("/lyss/api/v1/users/me", None),
        ("/api/agents", "llmchat"),
        ("/api/v1/agents", "llmchat"),
        ("/api/v1/agents/reload", "llmchat"),
        (f"/api/v1/agents/{UUID}/status", "llmchat"),
        ("/lyss/api/v1", None),
        ("/api/v1", None),
        ("/api/v1/", None),
        ("", "coze"),
        ("//", None),
        ("/chat", "coze"),
        ("/chat/stream", "coze"),
        ("/chat/other", None),
        ("/session/demo_session_1/info", "coze"),
        ("/session/info/info", "coze"),
        ("/session/info", None),
        ("/session//info", None),
        ("/health", "llmchat"),  # Coze has it too, with the same answer
        ("/health/detailed", "llmchat"),
        ("/metrics", "llmchat"),
        ("//api/v1/providers", None),
        ("/api/v1/providers//", None),
        ("/api/v1//providers", None),
        ("/api/v1/conversations//messages", None),
    ],
)
def test_a_path_is_its_owners(path, owner):
    assert who(path) == owner
    if owner:
        assert who(f"{path}/") == owner


@pytest.mark.parametrize(
    ("path", "accept", "owner"),
    [
        ("/api/v1/auth/login", LYSS, "lyss"),
        ("/api/v1/conversations", LYSS, "lyss"),
        (f"/api/v1/conversations/{UUID}", LYSS, "lyss"),
        ("/api/v1/conversations/123", CHATGPT, "chatgpt_backend"),
        ("/api/v1/conversations", CHATGPT, "chatgpt_backend"),
        ("/api/v1/conversations", f"text/event-stream, {LYSS};q=0.9", "lyss"),
        ("/api/v1/conversations", LYSS.upper(), "lyss"),
        ("/api/v1/conversations", f"{LYSS}, {CHATGPT}", "lyss"),
        ("/api/v1/conversations", f"application/vnd.lyss.v2+json, {CHATGPT}", "chatgpt_backend"),
        ("/api/v1/conversations", "application/vnd.lyss.v2+json", "lyss"),  # which then says 406
        ("/api/v1/conversations", "application/vnd.nobody.v1+json", "chatgpt_backend"),
        ("/api/v1/conversations", "application/json", "chatgpt_backend"),
        ("/api/v1/users/me", LYSS, "chatgpt_backend"),  # nobody else has it
        ("/api/v1/providers", CHATGPT, "lyss"),
        ("/lyss/api/v1/conversations", CHATGPT, "lyss"),
        ("/api/agents", LLMCHAT, "llmchat"),
        ("/api/v1/agents", LLMCHAT, "llmchat"),
        ("/api/v1/auth/login", LLMCHAT, "llmchat"),
        ("/api/v1/auth/me", LLMCHAT, "lyss"),  # nobody else has it
        ("/api/v1/chat/completions", CHAT_SYSTEM, "llmchat"),
        ("/api/agents", LYSS, "llmchat"),
        ("/api/v1/chat/sessions", CHAT_SYSTEM, "chat_system"),
        ("/api/v1/chat/sessions", LYSS, "chat_system"),
    ],
)
def test_accept_chooses_among_those_who_could_answer(path, accept, owner):
    assert who(path, accept) == owner


def test_what_a_path_names_is_handed_on_as_it_was_written():
    found = find_place("/api/v1/providers/%7B0%7D{x}/distribute/é 8")
    assert found is not None
    place, parts = found
    assert parts == {"provider_id": "%7B0%7D{x}", "user_id": "é 8"}
    assert place.address(parts) == "/lyss/api/v1/providers/%7B0%7D{x}/distribute/é 8"


@pytest.mark.parametrize(
    ("path", "accept", "dialect"),
    [
        ("/lyss/api/v1/nothing", "", "lyss"),
        ("/api/v1/providers/1/2/3", "", "lyss"),
        ("/api/v1/statistics/nothing", "", "lyss"),
        ("/api/v1/admin/users/x/y/z", "", "lyss"),
        ("/api/v1/admin/userscript", "", "chatgpt_backend"),
        ("/api/v1/conversations/123", "", "lyss"),
        ("/api/v1/nothing", "", "chatgpt_backend"),
        ("/api/v1/nothing", LYSS, "lyss"),
        ("/api/v1/users/me", LYSS, "chatgpt_backend"),
        ("/nothing", LYSS, "coze"),
        ("/nothing", "", "coze"),
        ("/chat/nothing", "", "coze"),
        ("/api/v1/nothing", COZE, "chatgpt_backend"),
        ("/health/nothing", "", "llmchat"),
        ("/api/nothing", "", "llmchat"),
        ("/api/v1/agents/1/2/3", "", "llmchat"),
        ("/api/v1/nothing", LLMCHAT, "llmchat"),
        ("/api/v1/nothing", CHAT_SYSTEM, "chat_system"),
        ("/api/v1/chat/sessions/save", "", "llmchat"),
        ("/api/v1/chat/sessions/save/", "", "llmchat"),
        ("/api/v1/chat/sessions/1/2/3", "", "chat_system"),
        ("/api/v1/chat/messages/1/2/3", "", "chat_system"),
        ("/api/v1/chat/messages", "", "lyss"),
        ("/api/v1/chat/completions", "", "llmchat"),
        ("/api/v1/chat/nothing", "", "chatgpt_backend"),
        ("/api/v1/topics/1/2/3", "", "chat_system"),
    ],
)
def test_what_no_view_answers_is_refused_in_the_dialect_of_the_path(path, accept, dialect):
    assert dialect_for(path, accept).name == dialect


async def ask(alice, method, path, body=None, **headers):
    async with alice.session.request(method, alice.url + path, json=body, headers=alice.headers | headers) as response:
        return response.status, await response.json()


async def test_one_path_answers_in_two_dialects_by_accept_and_by_the_id(alice):
    made = await alice.new_conversation(title="Two views of it")
    status, mine = await ask(alice, "GET", "/api/v1/conversations", Accept=LYSS)
    assert status == 200
    assert mine["data"]["pagination"]["total_pages"] == 1
    [item] = mine["data"]["items"]
    status, by_number = await ask(alice, "GET", f"/api/v1/conversations/{item['id']}")
    assert (status, by_number["data"]["id"]) == (200, item["id"])
    status, by_uuid = await ask(alice, "GET", f"/api/v1/conversations/{made}")
    assert (status, by_uuid["data"]["id"]) == (200, made)
    assert by_uuid["data"]["title"] == by_number["data"]["title"] == "Two views of it"
    status, foreign = await ask(alice, "GET", f"/api/v1/conversations/{made}", Accept=LYSS)
    assert (status, foreign["error"]["code"]) == (404, "CONVERSATION_NOT_FOUND")
    status, foreign = await ask(alice, "GET", f"/api/v1/conversations/{item['id']}", Accept=CHATGPT)
    assert (status, foreign["error"]["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_a_version_that_is_not_spoken_is_406_in_the_dialect_that_was_asked_for(alice):
    for path, accept, shown in (
        ("/api/v1/conversations", "application/vnd.lyss.v2+json", "lyss"),
        ("/api/v1/conversations", "application/vnd.nobody.v1+json", "chatgpt"),
        ("/lyss/api/v1/conversations", "application/vnd.nobody.v1+json", "lyss"),
        ("/api/v1/providers", "application/vnd.lyss.v7+json", "lyss"),
    ):
        status, answer = await ask(alice, "GET", path, Accept=accept)
        assert (status, answer["error"]["code"]) == (406, "NOT_ACCEPTABLE"), (path, shown)
    for accept in (LYSS, CHATGPT, "application/vnd.nobody.v1+json, */*"):
        for path in ("/api/v1/users/me", "/api/v1/auth/me", "/lyss/api/v1/auth/me"):
            status, _ = await ask(alice, "GET", path, Accept=accept)
            assert status == 200, (path, accept)


async def test_refusals_of_the_machinery_speak_the_paths_dialect(alice):
    huge = {"messages": [{"role": "user", "content": "x" * 1_200_000}]}
    for path in ("/api/v1/chat/messages", "/lyss/api/v1/chat/messages"):
        status, answer = await ask(alice, "POST", path, huge)
        assert (status, answer["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
        async with alice.session.post(
            alice.url + path, data=b"a=b", headers=alice.headers | {"Content-Type": "text/plain"}
        ) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        async with alice.session.post(
            alice.url + path, data=b"{", headers=alice.headers | {"Content-Type": "application/json"}
        ) as response:
            assert (response.status, (await response.json())["error"]["code"]) == (400, "VALIDATION_ERROR")
        status, answer = await ask(alice, "PATCH", path)
        assert (status, answer["error"]["code"]) == (405, "METHOD_NOT_ALLOWED")
    for path in ("/lyss/api/v1/nothing", "/api/v1/providers/1/2/3"):
        status, answer = await ask(alice, "GET", path)
        assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
    status, answer = await ask(alice, "GET", "/api/v1/nothing", Accept=LYSS)
    assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
    status, answer = await ask(alice, "GET", f"/api/v1/{uuid4()}")
    assert (status, answer["error"]["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_a_path_of_another_base_is_logged_as_it_was_asked_for(platform, alice):
    """Django is asked at the contract's own base; that is nobody else's business."""
    mark = uuid4().hex
    status, _ = await ask(alice, "GET", f"/api/v1/providers/available?mark={mark}")
    assert status == 200
    lines: list[str] = []
    while not lines:  # a log is written a moment later
        await asyncio.sleep(0.1)
        lines = [line for part in ("web-1", "web-2") for line in platform.log(part).splitlines() if mark in line]
    assert "/api/v1/providers/available" in lines[0]
    assert "/lyss" not in lines[0]
