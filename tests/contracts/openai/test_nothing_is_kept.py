"""A completion without a conversation leaves no text, ends with its reader, and can be stopped and looked at while it runs."""

from __future__ import annotations

import asyncio
from uuid import UUID

import aiohttp

from tests.acceptance.conftest import books_agree, database, scalar
from tests.client import Client

WHY = [{"role": "user", "content": "Why does the canary sing?"}]


async def begin(alice: Client, model: str, **more) -> aiohttp.ClientResponse:
    """An open stream, after its head has come."""
    return await alice.session.post(
        f"{alice.url}/v1/chat/completions",
        json={"model": model, "messages": WHY, "stream": True, **more},
        headers=alice.headers,
    )


async def state_of(platform, turn: str) -> str:
    """Once it is no longer running."""
    async with asyncio.timeout(10):
        while (state := scalar(platform, "SELECT state FROM conversations_turn WHERE uuid = %s", UUID(turn))) == "running":
            await asyncio.sleep(0.05)
    return str(state)


def charged(platform, turn: str) -> tuple:
    with database(platform) as connection:
        row = connection.execute(
            "SELECT source, completion_tokens, message_id, conversation_id FROM quotas_usage WHERE turn_id = %s", [UUID(turn)]
        ).fetchone()
    assert row is not None
    return row


async def test_no_message_and_no_text_is_left(alice, platform, official_async):
    before = scalar(platform, "SELECT count(*) FROM conversations_message")
    raw = await official_async.chat.completions.with_raw_response.create(model="ok-3", messages=WHY)
    turn = raw.headers["X-Turn-ID"]
    assert raw.parse().id == f"chatcmpl-{UUID(turn).hex}"
    assert "X-Conversation-ID" not in raw.headers
    assert scalar(platform, "SELECT count(*) FROM conversations_message") == before
    row = scalar(platform, "SELECT row_to_json(t)::text FROM conversations_turn t WHERE uuid = %s", UUID(turn))
    assert "canary" not in row
    assert charged(platform, turn)[:2] == ("provider", 3)
    assert (await alice.data("GET", "/conversations"))["conversations"] == []


async def test_a_reader_that_leaves_ends_it_and_pays_for_what_was_said(alice, platform):
    response = await begin(alice, "ok-200-rate-20")
    turn = response.headers["X-Turn-ID"]
    for _ in range(30):
        await response.content.readline()
    response.close()
    assert await state_of(platform, turn) == "stopped"
    source, tokens, message, conversation = charged(platform, turn)
    assert (source, message, conversation) == ("estimated", None, None)
    assert 0 < tokens < 200
    books_agree(platform)


async def test_one_who_waits_for_the_whole_answer_and_leaves_ends_it_too(alice, platform):
    asked = alice.session.post(
        f"{alice.url}/v1/chat/completions", json={"model": "ok-200-rate-20", "messages": WHY}, headers=alice.headers
    )
    waiting = asyncio.ensure_future(asked.__aenter__())
    newest = "SELECT uuid::text FROM conversations_turn WHERE conversation_id IS NULL AND state = 'running'"
    async with asyncio.timeout(10):
        while (turn := scalar(platform, newest)) is None:
            await asyncio.sleep(0.05)
    waiting.cancel()
    assert await state_of(platform, str(turn)) == "stopped"


async def test_it_is_stopped_by_its_name(alice):
    response = await begin(alice, "ok-200-rate-20")
    stopped = await alice.data("POST", f"/turns/{response.headers['X-Turn-ID']}/stop")
    assert (stopped["status"], stopped["conversation_id"], stopped["message_id"]) == ("stopped", None, None)
    text = (await response.text()).strip()
    assert '"stopped":true' in text
    assert '"finish_reason":"stop"' in text
    assert text.endswith("data: [DONE]")


async def test_it_is_read_by_its_name_in_its_own_dialect_while_it_runs(alice, bob):
    response = await begin(alice, "ok-60-rate-20")
    turn = response.headers["X-Turn-ID"]
    for path in ("", "/events"):
        status, _ = await bob.call("GET", f"/turns/{turn}{path}")
        assert status == 404, "it is alice's"
    status, answer = await alice.call("GET", f"/turns/{turn}/events?contract=lyss")
    assert (status, answer["error"]["details"]["field"]) == (422, "contract")
    async with alice.session.get(f"{alice.url}/api/v1/turns/{turn}/events?after=3", headers=alice.headers) as again:
        read = await again.text()
    first = await response.text()
    assert read.startswith("id: 4\n")
    assert first.endswith(read.removeprefix(": still here\n"))


async def test_an_ended_session_ends_it(alice, platform):
    response = await begin(alice, "ok-200-rate-20")
    turn = response.headers["X-Turn-ID"]
    await response.content.readline()
    await alice.data("POST", "/auth/logout")
    assert '"code":"invalid_api_key"' in await response.text()
    assert await state_of(platform, turn) == "stopped"


async def test_every_frame_but_the_last_is_json_with_a_number(alice):
    response = await begin(alice, "ok-3")
    assert response.headers["Content-Type"].startswith("text/event-stream")
    body = await response.text()
    events = body.removesuffix("\n\n").split("\n\n")
    assert events[-1] == "data: [DONE]"
    assert [event.split("\n")[0] for event in events[:-1]] == [f"id: {n}" for n in range(1, len(events))]
