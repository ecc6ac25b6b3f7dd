"""Server-sent events as a reader sees them: whole frames, heartbeats, an ended session, a reader that stops reading."""

from __future__ import annotations

import asyncio
import json
import socket
import time

import psutil
import pytest

from tests.client import PASSWORD, frames

pytestmark = pytest.mark.timeout(120)


async def begin(alice, model: str, content: str = "go on"):
    """An open response, after its head has come."""
    conversation = await alice.new_conversation(model=model)
    response = await alice.session.post(
        f"{alice.url}/api/v1/conversations/{conversation}/messages/stream", json={"content": content}, headers=alice.headers
    )
    return conversation, response


async def test_the_head_says_that_nothing_may_buffer_it(alice):
    _, response = await begin(alice, "ok-3")
    async with response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-cache, no-store"
        assert response.headers["X-Accel-Buffering"] == "no"
        assert "Content-Encoding" not in response.headers
        assert response.headers["X-Request-ID"].startswith("req_")


async def test_a_quiet_stream_gets_a_comment_at_least_every_fifteen_seconds(alice):
    _, response = await begin(alice, "stall-after-5")
    async with response:
        while True:
            line = await asyncio.wait_for(response.content.readline(), 16)
            if line.startswith(b":"):
                break
        assert await response.content.readline() == b"\n"


async def test_a_stream_of_an_ended_session_says_so_and_closes_and_the_turn_goes_on(alice):
    conversation, response = await begin(alice, "ok-200-rate-20")
    _, again = await alice.call("POST", "/auth/login", {"username": alice.username, "password": PASSWORD})
    async with response:
        seen = []
        async for frame in frames(response):
            seen.append(frame)
            if len(seen) == 3:
                await alice.data("POST", "/auth/logout")
                ended_at = time.monotonic()
        assert time.monotonic() - ended_at < 5
    last = seen[-1]
    assert (last.data["type"], last.data["error"]["code"]) == ("error", "AUTHENTICATION_ERROR")
    assert last.id == seen[-2].id, "it has no number of its own: it is not an event of the turn"
    assert len(seen) < 200
    assert (await alice.call("GET", "/users/me"))[0] == 401

    alice.token = again["data"]["access_token"]
    rest = await alice.resume(seen[0].data["turn_id"], seen[-2].id)
    assert rest.end is not None
    assert rest.end["type"] == "end"
    assert rest.frames[0].id == seen[-2].id + 1
    whole = "".join(f.data["content"] for f in [*seen[:-1], *rest.frames] if f.data["type"] == "content")
    assert (await alice.messages(conversation))[-1]["content"] == whole


async def test_a_failure_before_the_first_token_is_a_status_and_costs_nothing(alice):
    before = await alice.data("GET", "/users/me/quota")
    for path in ("messages", "messages/stream"):
        conversation = await alice.new_conversation(model="500")
        status, answer = await alice.call("POST", f"/conversations/{conversation}/{path}", {"content": "x"})
        assert (status, answer["error"]["code"]) == (502, "OPENAI_API_ERROR")
        assert "vendor" not in json.dumps(answer).lower()
    after = await alice.data("GET", "/users/me/quota")
    assert before["usage_today"] == after["usage_today"]


async def test_a_failure_after_the_first_token_is_an_event_and_keeps_the_text(alice):
    conversation, response = await begin(alice, "cut-after-5")
    async with response:
        seen = [frame async for frame in frames(response)]
    assert response.status == 200
    assert [frame.data["type"] for frame in (seen[0], seen[-1])] == ["start", "error"]
    assert seen[-1].data["error"]["code"] == "OPENAI_API_ERROR"
    assert seen[-1].data["error"]["message"]
    text = "".join(frame.data["content"] for frame in seen if frame.data["type"] == "content")
    stored = (await alice.messages(conversation))[-1]
    assert (stored["content"], stored["status"]) == (text, "failed")
    assert text


async def test_a_second_send_is_refused_with_the_turn_that_runs(alice):
    conversation, response = await begin(alice, "ok-60-rate-20")
    async with response:
        started = await anext(aiter(frames(response)))
        for path in ("messages", "messages/stream"):
            status, answer = await alice.call("POST", f"/conversations/{conversation}/{path}", {"content": "x"})
            assert (status, answer["error"]["code"]) == (409, "CONVERSATION_BUSY")
            assert answer["error"]["details"]["turn_id"] == started.data["turn_id"]


async def test_a_stopped_stream_ends_with_its_ordinary_end_marked_so(alice):
    _, response = await begin(alice, "ok-200-rate-20")
    async with response:
        reading = aiter(frames(response))
        first = await anext(reading)
        await alice.data("POST", f"/turns/{first.data['turn_id']}/stop")
        last = [frame async for frame in reading][-1]
    assert last.data["type"] == "end"
    assert last.data["stopped"] is True


async def test_one_body_sends_can_ask_to_be_streamed(alice):
    conversation = await alice.new_conversation()
    async with alice.session.post(
        f"{alice.url}/api/v1/conversations/{conversation}/messages",
        json={"content": "x", "stream": True},
        headers=alice.headers,
    ) as response:
        assert response.content_type == "text/event-stream"
        assert [frame.data["type"] async for frame in frames(response)][-1] == "end"


async def test_a_client_that_leaves_ends_only_its_own_view(alice):
    conversation, response = await begin(alice, "ok-40-rate-20")
    await anext(aiter(frames(response)))
    response.close()
    for _ in range(100):
        last = (await alice.messages(conversation))[-1]
        if last["status"] == "complete":
            break
        await asyncio.sleep(0.1)
    assert last["tokens_used"] == 40


async def test_a_reader_that_stops_reading_is_cut_off_and_others_are_not(platform, alice):
    conversation = await alice.new_conversation(model="huge-2MB")
    long = await alice.stream(conversation, "x")
    host, port = platform.url.removeprefix("http://").split(":")
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect((host, int(port)))
        # The kernel alone buffers megabytes, so the long answer is asked for again and again, and never read.
        path = f"/api/v1/turns/{long.start['turn_id']}/events"
        again = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {alice.token}\r\n\r\n"
        reader.sendall(again.encode() * 12)
        local = reader.getsockname()
        await asyncio.sleep(1)
        assert _is_open(platform, local)
        for _half_second in range(72):
            await asyncio.sleep(0.5)
            if not _is_open(platform, local):
                break
        assert not _is_open(platform, local), "the server still holds the connection"
    assert (await alice.resume(long.start["turn_id"], 0)).text == long.text


def _is_open(platform, address: tuple[str, int]) -> bool:
    connections = (found for pid in platform.web_pids for found in psutil.Process(pid).net_connections("tcp"))
    return any(found.raddr and tuple(found.raddr) == address for found in connections)
