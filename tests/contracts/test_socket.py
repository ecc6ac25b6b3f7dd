"""The WebSocket protocol: who may connect, what comes back, and how it ends."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager

import aiohttp
import pytest

from tests.client import PASSWORD
from tests.held import held_session

PATH = "/api/v1/ws/chat"
NOBODY = "00000000-0000-4000-8000-000000000000"


@asynccontextmanager
async def socket_of(platform, token: str = "", **headers: str):
    async with held_session() as session:
        address = f"{platform.ws_url}{PATH}" + (f"?token={token}" if token else "")
        async with session.ws_connect(address, headers=headers) as socket:
            yield socket


async def say(socket, **frame):
    await socket.send_json(frame)
    return await socket.receive_json(timeout=10)


async def read_turn(socket) -> list[dict]:
    seen = [await socket.receive_json(timeout=10)]
    while seen[-1]["type"] not in ("message_end", "error"):
        seen.append(await socket.receive_json(timeout=10))
    return seen


async def close_code(socket) -> int:
    while True:
        message = await socket.receive(timeout=10)
        if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING):
            return socket.close_code


async def test_a_token_in_the_address_a_bearer_or_an_api_key_opens_it(platform, alice):
    key = (await alice.data("POST", "/users/me/api-keys", {"name": "script"}))["key"]
    for token, headers in (
        (alice.token, {}),
        ("", {"Authorization": f"Bearer {alice.token}"}),
        ("", {"Authorization": f"Bearer {key}"}),
        ("", {"X-API-Key": key}),
    ):
        async with socket_of(platform, token, **headers) as socket:
            assert (await say(socket, type="ping"))["type"] == "pong"


@pytest.mark.parametrize("token", ["", "garbage", "eyJhbGciOiJub25lIn0.e30."])
async def test_without_a_good_token_it_says_so_and_closes_with_4401(platform, token):
    async with socket_of(platform, token) as socket:
        assert (await socket.receive_json(timeout=10))["error"]["code"] == "AUTHENTICATION_ERROR"
        assert await close_code(socket) == 4401


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://chat.example.org.evil.example", "http://chat.example.org"]
)
async def test_a_page_of_a_foreign_origin_is_refused_at_the_handshake(platform, alice, origin):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with socket_of(platform, alice.token, Origin=origin):
            pass
    assert refused.value.status == 403


async def test_pages_of_our_own_host_and_of_configured_origins_may_connect(platform, alice):
    for origin in (platform.url, "https://chat.example.org"):
        async with socket_of(platform, alice.token, Origin=origin) as socket:
            assert (await say(socket, type="ping"))["type"] == "pong"


async def test_an_unknown_path_is_refused_at_the_handshake(platform, alice):
    for path in ("/api/v1/ws/nowhere", "/", "/api/v1/conversations"):
        async with held_session() as session:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(f"{platform.ws_url}{path}?token={alice.token}")
            assert refused.value.status == 403
            assert refused.value.headers["X-Request-ID"].startswith("req_")
    assert "without completing handshake" not in "".join(platform.log(f"web-{n}") for n in (1, 2))


async def test_a_sixth_socket_is_refused_and_a_closed_one_makes_room(platform, alice):
    async with held_session() as session:
        address = f"{platform.ws_url}{PATH}?token={alice.token}"
        five = [await session.ws_connect(address) for _ in range(5)]
        for socket in five:
            assert (await say(socket, type="ping"))["type"] == "pong"
        async with session.ws_connect(address) as sixth:
            assert (await sixth.receive_json(timeout=10))["error"]["code"] == "RATE_LIMIT_EXCEEDED"
            assert await close_code(sixth) == 4429
        await five.pop().close()
        await asyncio.sleep(0.3)
        async with session.ws_connect(address) as again:
            assert (await say(again, type="ping"))["type"] == "pong"
        for socket in five:
            await socket.close()


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        ("{", ""),
        ("[]", ""),
        ("null", ""),
        ('{"type":"ping","x":"\\u0000"}', "x"),
        ('{"type":NaN}', ""),
        ('{"a":' + "[" * 500 + "]" * 500 + "}", ""),
        (b'{"type":"ping"}', ""),
        ("{}", "type"),
        ('{"type":"sing"}', "type"),
        ('{"type":["ping"]}', "type"),
        ('{"type":"chat_message"}', "content"),
        ('{"type":"chat_message","content":"x"}', "conversation_id"),
        ('{"type":"chat_message","content":"x","conversation_id":5}', "conversation_id"),
        ('{"type":"chat_message","content":"x","conversation_id":"x"}', "conversation_id"),
        ('{"type":"chat_message","content":" ","conversation_id":"' + NOBODY + '"}', "content"),
        ('{"type":"chat_message","content":"x","temperature":3,"conversation_id":"' + NOBODY + '"}', "temperature"),
        ('{"type":"stop"}', "turn_id"),
        ('{"type":"resume","turn_id":"' + NOBODY + '","after":-1}', "after"),
    ],
)
async def test_a_bad_frame_gets_an_error_and_leaves_the_socket_open(platform, alice, frame, field):
    async with socket_of(platform, alice.token) as socket:
        await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        answer = await socket.receive_json(timeout=10)
        assert (answer["type"], answer["error"]["code"]) == ("error", "VALIDATION_ERROR")
        assert answer["error"]["details"]["field"] == field
        assert (await say(socket, type="ping"))["type"] == "pong"


async def test_foreign_and_unknown_conversations_and_turns_do_not_exist(platform, alice, bob):
    hers = await alice.new_conversation()
    turn = (await alice.send(hers, "hello"))[1]["data"]["turn_id"]
    async with socket_of(platform, bob.token) as socket:
        for frame in (
            {"type": "chat_message", "conversation_id": hers, "content": "x"},
            {"type": "chat_message", "conversation_id": NOBODY, "content": "x"},
            {"type": "stop", "turn_id": turn},
            {"type": "stop", "turn_id": NOBODY},
            {"type": "resume", "turn_id": turn, "after": 0},
            {"type": "resume", "turn_id": NOBODY, "after": 0},
        ):
            assert (await say(socket, **frame))["error"]["code"] == "RESOURCE_NOT_FOUND"


async def test_several_conversations_are_answered_on_one_socket_at_once(platform, alice):
    conversations = [await alice.new_conversation(model="ok-15-rate-30") for _ in range(3)]
    async with socket_of(platform, alice.token) as socket:
        for conversation in conversations:
            await socket.send_json({"type": "chat_message", "conversation_id": conversation, "content": "x"})
        seen: dict[str, list[dict]] = {conversation: [] for conversation in conversations}
        order = []
        while not all(frames and frames[-1]["type"] == "message_end" for frames in seen.values()):
            frame = await socket.receive_json(timeout=10)
            seen[frame["conversation_id"]].append(frame)
            order.append(frame["conversation_id"])
    for conversation, frames in seen.items():
        assert [frame["n"] for frame in frames] == list(range(1, len(frames) + 1))
        assert frames[0]["type"] == "message_start"
        assert len({(frame["message_id"], frame["turn_id"]) for frame in frames}) == 1
        text = "".join(frame["content"] for frame in frames if frame["type"] == "message_content")
        assert (await alice.messages(conversation))[-1]["content"] == text
    assert order != sorted(order), "they were answered side by side"


async def test_a_second_message_in_a_busy_conversation_names_the_turn_that_runs(platform, alice):
    conversation = await alice.new_conversation(model="ok-60-rate-20")
    async with socket_of(platform, alice.token) as socket:
        frame = {"type": "chat_message", "conversation_id": conversation, "content": "x"}
        started = await say(socket, **frame)
        await socket.send_json(frame)
        while (answer := await socket.receive_json(timeout=10))["type"] == "message_content":
            pass
        assert answer["error"]["code"] == "CONVERSATION_BUSY"
        assert answer["error"]["details"]["turn_id"] == started["turn_id"]
        assert answer["conversation_id"] == conversation


async def test_a_turn_is_resumed_from_any_number_on_another_socket(platform, alice):
    conversation = await alice.new_conversation(model="ok-30-rate-30")
    async with socket_of(platform, alice.token) as first:
        await first.send_json({"type": "chat_message", "conversation_id": conversation, "content": "x"})
        seen = [await first.receive_json(timeout=10) for _ in range(10)]
    async with socket_of(platform, alice.token) as second:
        await second.send_json({"type": "resume", "turn_id": seen[0]["turn_id"], "after": seen[-1]["n"]})
        rest = await read_turn(second)
    assert [frame["n"] for frame in seen + rest] == list(range(1, len(seen + rest) + 1))
    text = "".join(frame["content"] for frame in seen + rest if frame["type"] == "message_content")
    assert (await alice.messages(conversation))[-1]["content"] == text


async def test_stop_ends_the_turn_with_its_ordinary_end_marked_so(platform, alice):
    conversation = await alice.new_conversation(model="ok-200-rate-20")
    async with socket_of(platform, alice.token) as socket:
        started = await say(socket, type="chat_message", conversation_id=conversation, content="x")
        await socket.send_json({"type": "stop", "turn_id": started["turn_id"]})
        ended, told = None, None
        while ended is None or told is None:
            frame = await socket.receive_json(timeout=10)
            if frame["type"] == "message_end":
                ended = frame
            if frame["type"] == "turn_status":
                told = frame
        assert ended["stopped"] is True
        assert (told["turn_id"], told["status"]) == (started["turn_id"], "stopped")


async def test_a_failure_before_the_first_token_is_an_error_without_a_start(platform, alice):
    conversation = await alice.new_conversation(model="500")
    async with socket_of(platform, alice.token) as socket:
        answer = await say(socket, type="chat_message", conversation_id=conversation, content="x")
        assert (answer["type"], answer["error"]["code"]) == ("error", "OPENAI_API_ERROR")
        assert answer["conversation_id"] == conversation


async def test_an_ended_session_closes_the_socket_with_4401_within_five_seconds(platform, alice):
    async with socket_of(platform, alice.token) as socket:
        assert (await say(socket, type="ping"))["type"] == "pong"
        await alice.data("POST", "/auth/logout")
        ended_at = time.monotonic()
        assert (await socket.receive_json(timeout=10))["error"]["code"] == "AUTHENTICATION_ERROR"
        assert await close_code(socket) == 4401
        assert time.monotonic() - ended_at < 5


async def test_a_revoked_api_key_closes_its_sockets_and_leaves_others(platform, alice):
    key = await alice.data("POST", "/users/me/api-keys", {"name": "script"})
    async with socket_of(platform, "", **{"X-API-Key": key["key"]}) as by_key, socket_of(platform, alice.token) as by_token:
        await alice.data("DELETE", f"/users/me/api-keys/{key['id']}")
        assert (await by_key.receive_json(timeout=10))["error"]["code"] == "AUTHENTICATION_ERROR"
        assert await close_code(by_key) == 4401
        assert (await say(by_token, type="ping"))["type"] == "pong"


async def test_a_flood_of_frames_is_told_and_put_out(platform, alice):
    async with socket_of(platform, alice.token) as socket:
        for _ in range(2000):
            try:
                await socket.send_str('{"type":"ping"}')
            except ConnectionError:
                break
        kinds = []
        while (message := await socket.receive(timeout=10)).type is aiohttp.WSMsgType.TEXT:
            kinds.append(message.json().get("error", {}).get("code", "pong"))
        assert kinds.count("pong") < 300
        assert "RATE_LIMIT_EXCEEDED" in kinds
        assert socket.close_code == 4429


async def test_a_message_beyond_the_size_limit_closes_the_socket(platform, alice):
    async with socket_of(platform, alice.token) as socket:
        await socket.send_str('{"type":"ping","x":"' + "x" * 300_000 + '"}')
        assert await close_code(socket) == 1009
    status, _ = await alice.call("POST", "/auth/login", {"username": alice.username, "password": PASSWORD})
    assert status == 200


async def test_errors_are_told_in_the_language_that_was_asked_for(platform, alice):
    in_english = socket_of(platform, alice.token, **{"Accept-Language": "en"})
    async with socket_of(platform, alice.token) as chinese, in_english as english:
        assert (await say(english, type="sing"))["error"]["message"].isascii()
        assert not (await say(chinese, type="sing"))["error"]["message"].isascii()
