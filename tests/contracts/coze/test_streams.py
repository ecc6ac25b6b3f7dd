"""The answer as it is written: `data:` lines and blank ones, and nothing else."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from tests.client import PASSWORD

pytestmark = pytest.mark.timeout(120)


def is_documented(lines: list[str]) -> bool:
    return all(line == "\n" or (line.startswith("data: {") and line.endswith("}\n")) for line in lines)


async def test_chunks_are_numbered_and_the_last_event_sums_them_up(anna):
    read = await anna.stream("hello", "mine")
    *chunks, complete = read.events
    assert read.status == 200
    assert is_documented(read.lines)
    assert [chunk["type"] for chunk in chunks] == ["chunk"] * len(chunks)
    assert [chunk["data"]["chunk_index"] for chunk in chunks] == list(range(len(chunks)))
    assert [chunk["data"]["total_chunks"] for chunk in chunks] == list(range(1, len(chunks) + 1))
    assert complete["type"] == "complete"
    assert complete["data"]["total_chunks"] == len(chunks) > 1
    assert complete["data"]["full_content"] == read.text
    assert (await anna.info("mine"))["message_count"] == 2


async def test_the_head_says_of_what_it_is(anna):
    read = await anna.stream("hello", "我的 100%")
    assert read.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert read.headers["X-Accel-Buffering"] == "no"
    assert "no-store" in read.headers["Cache-Control"]
    data = read.events[-1]["data"]
    assert data["session_id"] == "我的 100%"
    assert read.headers["X-Session-ID"] == "%E6%88%91%E7%9A%84 100%25"
    assert read.headers["X-Conversation-ID"] == data["conversation_id"]
    assert read.headers["X-Turn-ID"] == data["turn_id"]


async def test_a_session_that_is_made_up_is_named_in_the_head(anna):
    read = await anna.stream("hello")
    name = read.headers["X-Session-ID"]
    assert read.events[-1]["data"]["session_id"] == name
    again = await anna.chat("and again", name)
    assert again["conversation_id"] == read.headers["X-Conversation-ID"]


async def begin(anna, alice, model: str):
    """An open response of a stream by this script of the vendor's."""
    conversation = await alice.new_conversation(model=model)
    return await anna.session.post(
        f"{anna.url}/chat/stream",
        json={"message": "go on", "session_id": "s", "conversation_id": conversation},
        headers={"Authorization": f"Bearer {anna.token}"},
    )


async def events_of(response) -> list[dict]:
    lines = [raw.decode() async for raw in response.content]
    assert is_documented(lines)
    return [json.loads(line[6:]) for line in lines if line != "\n"]


async def test_a_quiet_stream_gets_a_blank_line_at_least_every_fifteen_seconds(anna, alice):
    async with await begin(anna, alice, "stall-after-5") as response:
        seen = []
        while seen[-2:] != ["\n", "\n"]:  # the one that ends a frame, and one more
            seen.append((await asyncio.wait_for(response.content.readline(), 16)).decode())
        assert is_documented(seen)


async def test_a_failure_before_the_first_token_is_a_status(anna, alice):
    async with await begin(anna, alice, "500") as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) >= 1
        assert "detail" in await response.json()
    conversation = await alice.new_conversation(model="500")
    status, answer = await anna.call("POST", "/chat", {"message": "hi", "conversation_id": conversation})
    assert (status, set(answer)) == (503, {"detail", "turn_id"})


async def test_a_failure_after_the_first_token_is_an_event(anna, alice):
    async with await begin(anna, alice, "cut-after-5") as response:
        assert response.status == 200
        *chunks, last = await events_of(response)
    assert "".join(chunk["data"]["content"] for chunk in chunks) == "the of and to in"
    assert last["type"] == "error"
    assert last["data"]["message"]


async def test_a_stopped_answer_ends_with_an_ordinary_complete(anna, alice):
    async with await begin(anna, alice, "ok-200-rate-20") as response:
        await response.content.readline()
        await alice.data("POST", f"/turns/{response.headers['X-Turn-ID']}/stop")
        last = (await events_of(response))[-1]
    assert (last["type"], last["data"]["stopped"]) == ("complete", True)


async def test_a_second_send_is_refused_with_the_turn_that_runs(anna, alice):
    async with await begin(anna, alice, "ok-200-rate-20") as response:
        await response.content.readline()
        status, answer = await anna.call("POST", "/chat", {"message": "hi", "session_id": "s"})
        assert (status, answer["turn_id"]) == (409, response.headers["X-Turn-ID"])
        await alice.data("POST", f"/turns/{response.headers['X-Turn-ID']}/stop")


async def test_a_turn_is_read_again_from_any_event_in_this_dialect(anna, alice):
    read = await anna.stream("hello", "mine")
    url = f"{alice.url}/api/v1/turns/{read.headers['X-Turn-ID']}/events"
    for after, missing in ((0, 0), (3, 2)):  # the first event says that the turn has begun, and is none here
        async with alice.session.get(f"{url}?after={after}", headers=alice.headers) as response:
            *chunks, complete = await events_of(response)
        assert chunks == read.events[missing:-1]
        assert complete["data"] == {key: value for key, value in read.events[-1]["data"].items() if key != "session_id"}


async def test_a_stream_of_an_ended_session_says_so_and_closes(anna, alice):
    async with await begin(anna, alice, "ok-200-rate-20") as response:
        await response.content.readline()
        await alice.call("POST", "/auth/login", {"username": alice.username, "password": PASSWORD})
        await alice.data("POST", "/auth/logout")
        ended_at = time.monotonic()
        last = (await events_of(response))[-1]
        assert time.monotonic() - ended_at < 5
    assert last["type"] == "error"
