"""So many requests in a minute: in threads, in the loop and on sockets, counted together where they are one kind."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.acceptance.conftest import platform_env
from tests.client import Client
from tests.held import held_session
from tests.running import RunningPlatform


@pytest.fixture(scope="module")
def limited(vendor_url: str) -> Iterator[RunningPlatform]:
    with RunningPlatform(env=platform_env(vendor_url, "ok-1", TRUSTED_PROXIES="127.0.0.0/8")) as running:
        yield running


class From(Client):
    """A client behind a proxy of ours, from an address of its own."""

    address = "198.51.100.1"

    @property
    def headers(self) -> dict[str, str]:
        return super().headers | {"X-Forwarded-For": self.address}


@pytest_asyncio.fixture
async def alice(limited: RunningPlatform) -> AsyncIterator[From]:
    async with From(limited.url) as client:
        assert isinstance(client, From)
        client.address = f"198.51.100.{time.time_ns() % 250}"
        await client.register("alice")
        yield client


async def test_the_sixth_log_in_of_an_address_in_a_minute_is_refused_and_other_addresses_are_not(alice):
    alice.address = "203.0.113.1"
    statuses = []
    for number in range(8):
        body = {"username": f"nobody{number}", "password": "password123"}
        status, answer = await alice.call("POST", "/auth/login", body)
        statuses.append(status)
    assert 429 in statuses
    assert statuses.count(401) <= 10, "at most five in each of two windows"
    assert answer["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= answer["error"]["details"]["retry_after"] <= 60
    async with alice.session.post(
        f"{alice.url}/api/v1/auth/login", json={"username": "x", "password": "password123"}, headers=alice.headers
    ) as response:
        assert response.status == 429
        assert 1 <= int(response.headers["Retry-After"]) <= 60
    alice.address = "203.0.113.2"
    assert (await alice.call("POST", "/auth/login", {"username": "nobody", "password": "password123"}))[0] == 401


async def test_lyss_counts_as_chatgpt_backend_does_and_by_itself(limited, alice):
    alice.address = "203.0.113.9"
    url = f"{limited.url}/lyss/api/v1"
    for path, body, most, once in (
        ("/auth/login", {"username": "nobody", "password": "password123"}, 5, "INVALID_CREDENTIALS"),
        ("/chat/messages", {"messages": []}, 20, "VALIDATION_ERROR"),
    ):
        codes = []
        for _ in range(2 * most + 1):
            async with alice.session.post(url + path, json=body, headers=alice.headers) as response:
                codes.append((await response.json())["error"]["code"])
            if response.status == 429:
                break
        assert set(codes[:-1]) == {once}
        assert most <= len(codes[:-1]) <= 2 * most, "as many as are allowed in one window, or in two"
        assert (response.status, codes[-1]) == (429, "RATE_LIMITED")
        assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert (await alice.call("POST", "/auth/login", {"username": "nobody-else", "password": "password123"}))[0] == 401


async def test_sends_by_http_and_by_socket_are_counted_together(limited, alice):
    conversation = await alice.new_conversation()
    codes: list[str] = []
    async with held_session() as session:
        socket = await session.ws_connect(f"{limited.ws_url}/api/v1/ws/chat?token={alice.token}")
        for number in range(22):
            # None of these is stored: what is counted is the asking.
            frame = {"type": "chat_message", "conversation_id": "00000000-0000-4000-8000-000000000000", "content": "x"}
            if number % 2:
                await socket.send_json(frame)
                answer = await socket.receive_json(timeout=10)
            else:
                _, answer = await alice.call("POST", f"/conversations/{frame['conversation_id']}/messages", {"content": "x"})
            codes.append(answer["error"]["code"])
            if codes[-1] == "RATE_LIMIT_EXCEEDED":
                break
        refused_by_http = await alice.send(conversation, "x")
        await socket.send_json({**frame, "conversation_id": conversation})
        refused_by_socket = await socket.receive_json(timeout=10)
        await socket.close()
    assert set(codes[:-1]) == {"RESOURCE_NOT_FOUND"}
    assert codes[-1] == "RATE_LIMIT_EXCEEDED"
    assert refused_by_http[0] == 429
    assert refused_by_socket["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert await alice.messages(conversation) == []


async def test_messages_of_chat_system_by_http_and_by_socket_are_counted_together(limited, alice):
    session = (await alice.data("POST", "/chat/sessions", {}))["session_id"]
    codes: list[str] = []
    async with alice.session.ws_connect(f"{limited.ws_url}/api/v1/chat/sessions/{session}/stream?token={alice.token}") as socket:
        await alice.data("DELETE", f"/chat/sessions/{session}")  # so that nothing is stored: what is counted is the asking
        for number in range(125):
            if number % 2:
                await socket.send_json({"type": "send_message", "data": {"content": "x"}})
                codes.append((await socket.receive_json(timeout=10))["data"]["error_code"])
            else:
                _, answer = await alice.call("POST", f"/chat/sessions/{session}/messages", {"content": "x"})
                codes.append(answer["error"]["code"])
            if codes[-1] == "RATE_LIMIT_EXCEEDED":
                break
        await socket.send_json({"type": "send_message", "data": {"content": "x"}})
        refused = (await socket.receive_json(timeout=10))["data"]
    assert set(codes[:-1]) == {"SESSION_NOT_FOUND"}
    assert 60 <= len(codes[:-1]) <= 120, "as many as are allowed in one window, or in two"
    assert refused["error_code"] == "RATE_LIMIT_EXCEEDED"
    assert 1 <= refused["retry_after"] <= 60


async def test_other_requests_are_a_hundred_a_minute_by_user(alice):
    statuses = [(await alice.call("GET", "/users/me"))[0] for _ in range(205)]
    assert statuses.count(429) >= 5
    assert statuses[:50] == [200] * 50


async def test_tokens_cannot_be_guessed_without_a_limit(alice):
    alice.address, alice.token = "203.0.113.77", "garbage"
    statuses = [(await alice.call("GET", "/users/me"))[0] for _ in range(205)]
    assert set(statuses) == {401, 429}
