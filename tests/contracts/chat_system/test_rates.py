"""The document's limits: 60 messages a minute, 10 new sessions an hour, 100 searches a minute."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.acceptance.conftest import platform_env
from tests.client import Client
from tests.running import RunningPlatform


@pytest.fixture(scope="module")
def limited(vendor_url: str) -> Iterator[RunningPlatform]:
    # Beside the document's own limits: so that nothing else refuses first.
    env = platform_env(vendor_url, "ok-1", RATE_AUTH="1000/m", RATE_OTHERS="10000/m")
    with RunningPlatform(env=env) as running:
        yield running


@pytest_asyncio.fixture
async def alice(limited: RunningPlatform) -> AsyncIterator[Client]:
    async with Client(limited.url) as client:
        yield await client.register("alice")


async def refusals(client: Client, path: str, body: object, times: int) -> list[int]:
    """The statuses of `times` requests. The last refusal says when to come back."""
    statuses = []
    for _ in range(times):
        async with client.session.post(f"{client.url}/api/v1{path}", json=body, headers=client.headers) as response:
            statuses.append(response.status)
            answer = await response.json()
            if response.status == 429:
                assert answer["error"]["code"] == "RATE_LIMIT_EXCEEDED"
                assert answer["error"]["retry_after"] == int(response.headers["Retry-After"]) >= 1
    return statuses


async def test_new_sessions_are_ten_an_hour_and_what_could_not_be_read_is_none(alice):
    assert set(await refusals(alice, "/chat/sessions", {"title": 5}, 15)) == {400}
    statuses = await refusals(alice, "/chat/sessions", {}, 21)
    # An hour may turn while they are sent.
    assert statuses[:10] == [201] * 10
    assert 429 in statuses
    assert statuses.count(201) <= 20
    assert (await alice.call("GET", "/chat/sessions"))[0] == 200


async def test_messages_are_sixty_a_minute_with_regenerations(alice):
    nobodys = uuid.uuid4().hex
    sent = await refusals(alice, f"/chat/sessions/sess_{nobodys}/messages", {"content": "x"}, 59)
    assert set(sent) == {404}
    again = await refusals(alice, f"/chat/messages/msg_{nobodys}/regenerate", {}, 62)
    assert again[0] == 404
    assert 429 in again
    assert (await alice.call("POST", "/chat/search", {"query": "x"}))[0] == 200


async def test_searches_are_a_hundred_a_minute(alice):
    statuses = await refusals(alice, "/chat/search", {"query": ""}, 201)
    assert statuses[:100] == [400] * 100
    assert 429 in statuses
    assert statuses.count(400) <= 200
