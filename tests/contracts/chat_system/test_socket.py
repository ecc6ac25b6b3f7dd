"""The WebSocket of a session, as the document has it: its frames, and how it is stopped, resumed and refused."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from chatplatform.contracts.chat_system.contract import CHAT_SYSTEM
from chatplatform.contracts.openapi.documents import contract_document
from tests.acceptance.conftest import another_web_process
from tests.client import frames as server_sent
from tests.contracts.chat_system.conftest import ECHO, QUESTION, new_session
from tests.contracts.chat_system.documented_frames import FRAMES, SEND
from tests.contracts.chat_system.sockets import address, close_code, hear, read_turn, say, send, socket_of, text_of
from tests.contracts.test_documented_examples import agrees
from tests.contracts.test_openapi import validator

NOBODY = "00000000-0000-4000-8000-000000000000"
UNKNOWN = "sess_" + "0" * 32


async def history(client, session: str) -> list[dict]:
    return (await client.data("GET", f"/chat/sessions/{session}/messages"))["messages"]


# --- Frames


async def test_the_documented_message_is_answered_with_the_documented_frames(alice):
    session = await new_session(alice)
    async with socket_of(alice, session) as socket:
        await socket.send_json(SEND)
        frames = await read_turn(socket)
    assert [frame["type"] for frame in frames] == ["stream_start", *["content_chunk"] * (len(frames) - 2), "stream_end"]
    for frame in frames:
        agrees(FRAMES[frame["type"]], frame)
        assert frame["data"]["session_id"] == session
    chunks = [frame["data"] for frame in frames if frame["type"] == "content_chunk"]
    assert [chunk["chunk_index"] for chunk in chunks] == list(range(1, len(chunks) + 1))
    assert [chunk["is_final"] for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    end = frames[-1]["data"]
    assert end["final_content"] == text_of(frames)
    assert (end["total_chunks"], end["references_count"]) == (len(chunks), 0)


async def test_the_frames_name_the_messages_of_the_history(alice):
    session = await new_session(alice)
    async with socket_of(alice, session) as socket:
        await send(socket, "你好", metadata={"user_context": "初学者"})
        frames = await read_turn(socket)
    start, end = frames[0]["data"], frames[-1]["data"]
    answer, question = await history(alice, session)
    assert (answer["message_id"], question["message_id"]) == (start["message_id"], start["user_message_id"])
    assert (answer["content"], question["content"]) == (end["final_content"], "你好")
    shown = await alice.data("GET", f"/chat/messages/{question['message_id']}")
    assert shown["metadata"] == {"user_context": "初学者"}


async def test_references_come_before_the_text_and_are_those_of_the_answer(alice, alices_topic):
    session = await new_session(
        alice, topic_id=alices_topic, model_config={"model": ECHO}, context_settings={"relevance_threshold": 0.0}
    )
    async with socket_of(alice, session) as socket:
        await send(socket, QUESTION)
        frames = await read_turn(socket)
    kinds = [frame["type"] for frame in frames]
    found = [frame for frame in frames if frame["type"] == "reference_chunk"]
    assert found
    assert kinds[: len(found) + 2] == ["stream_start", *["reference_chunk"] * len(found), "content_chunk"]
    for frame in found:
        agrees(FRAMES["reference_chunk"], frame)
    assert frames[-1]["data"]["references_count"] == len(found)
    stored = await alice.data("GET", f"/chat/messages/{frames[0]['data']['message_id']}/references")
    told = [frame["data"]["reference"] for frame in found]
    for one, kept in zip(told, stored["references"], strict=True):
        assert {key: kept[key] for key in one.keys() & kept.keys()} == {key: one[key] for key in one.keys() & kept.keys()}
        assert one.keys() - kept.keys() == {"document_title"}
        assert one["document_title"] == kept["document_info"]["title"]
    shown = await alice.data("GET", f"/chat/messages/{frames[0]['data']['message_id']}")
    assert frames[-1]["data"]["processing_time_ms"] == shown["processing_time_ms"] >= shown["retrieval_time_ms"]


async def test_live_frames_are_what_the_interfaces_document_says(alice, alices_topic):
    document = contract_document(CHAT_SYSTEM)
    path = "/api/v1/chat/sessions/{session_id}/stream"
    told = validator(document, document["paths"][path]["get"]["x-websocket-messages"]["server"])
    session = await new_session(alice, topic_id=alices_topic, context_settings={"relevance_threshold": 0.0})
    async with socket_of(alice, session) as socket:
        frames = [await say(socket, type="ping"), await say(socket, type="nonsense")]
        await send(socket, QUESTION)
        frames += await read_turn(socket)
        frames.append(await say(socket, type="stop", turn_id=frames[-1]["data"]["turn_id"]))
    assert {frame["type"] for frame in frames} == {*FRAMES, "pong", "turn_status"}
    for frame in frames:
        told.validate(frame)


async def test_ping(alice):
    async with socket_of(alice, await new_session(alice)) as socket:
        answer = await say(socket, type="ping")
        assert answer["type"] == "pong"
        assert answer.keys() == {"type", "data", "timestamp"}


# --- One turn, seen from several places


async def test_a_turn_is_resumed_through_another_process_and_its_end_tells_of_all_of_it(platform, alice):
    session = await new_session(alice, model_config={"model": "ok-30-rate-30"})
    async with another_web_process(platform, RATE_LIMITS="off") as other:
        async with socket_of(alice, session) as first:
            await send(first, "x")
            seen = [await hear(first) for _ in range(10)]
        start, last = seen[0]["data"], seen[-1]["data"]
        async with socket_of(alice, session, url=other) as second:
            await second.send_json({"type": "resume", "turn_id": start["turn_id"], "after": last["n"]})
            rest = await read_turn(second)
            again = {"type": "resume", "turn_id": start["turn_id"], "after": rest[-1]["data"]["n"]}
            await second.send_json(again)
            ending = await read_turn(second)
    frames = seen + rest
    chunks = [frame["data"]["chunk_index"] for frame in frames if frame["type"] == "content_chunk"]
    assert chunks == list(range(1, len(chunks) + 1))
    end = rest[-1]["data"]
    assert (end["final_content"], end["total_chunks"]) == (text_of(frames), len(chunks))
    assert (await history(alice, session))[0]["content"] == end["final_content"]
    assert [frame["data"] for frame in ending] == [frame["data"] for frame in rest[-2:]], "whoever has it all gets the ending"


async def test_a_turn_is_read_again_as_server_sent_events(alice):
    session = await new_session(alice)
    async with socket_of(alice, session) as socket:
        await send(socket, "x")
        told = await read_turn(socket)
    turn = told[0]["data"]["turn_id"]

    async def events(path: str, **headers: str):
        async with alice.session.get(f"{alice.url}/api/v1{path}", headers=alice.headers | headers) as response:
            assert response.status == 200
            return [frame async for frame in server_sent(response)]

    for path in (f"/turns/{turn}/events", f"/turns/{turn}/events?contract=chat_system"):
        found = await events(path)
        assert [frame.data["data"] for frame in found] == [frame["data"] for frame in told]
        assert found[-1].id == told[-1]["data"]["n"]
        rest = await events(path, **{"Last-Event-ID": "2"})
        assert [frame.data["data"] for frame in rest] == [frame["data"] for frame in told[2:]]


async def test_what_began_elsewhere_can_be_read_in_these_frames(alice):
    conversation = await alice.new_conversation()
    turn = (await alice.send(conversation, "hello"))[1]["data"]["turn_id"]
    session = "sess_" + conversation.replace("-", "")
    async with socket_of(alice, session) as socket:
        await socket.send_json({"type": "resume", "turn_id": turn})
        frames = await read_turn(socket)
    assert (frames[0]["type"], frames[-1]["type"]) == ("stream_start", "stream_end")


async def test_stop_ends_the_turn_with_its_ordinary_end_marked_so(alice):
    session = await new_session(alice, model_config={"model": "ok-200-rate-20"})
    async with socket_of(alice, session) as socket:
        await send(socket, "x")
        start = (await hear(socket))["data"]
        await socket.send_json({"type": "stop", "turn_id": start["turn_id"]})
        frames = []
        while {"stream_end", "turn_status"} - {frame["type"] for frame in frames}:
            frames.append(await hear(socket))
    end = next(frame["data"] for frame in frames if frame["type"] == "stream_end")
    told = next(frame["data"] for frame in frames if frame["type"] == "turn_status")
    assert end["stopped"] is True
    assert (told["turn_id"], told["message_id"], told["status"]) == (start["turn_id"], start["message_id"], "stopped")
    assert any(frame["data"].get("is_final") for frame in frames)


async def test_the_same_message_id_attaches_to_the_same_turn(alice):
    session = await new_session(alice, model_config={"model": "ok-30-rate-30"})
    async with socket_of(alice, session) as first, socket_of(alice, session) as second:
        await send(first, "x", "client_msg_1")
        begun = await hear(first)
        await send(second, "x", "client_msg_1")
        one, two = [begun, *await read_turn(first)], await read_turn(second)
        assert [frame["data"] for frame in one] == [frame["data"] for frame in two]
        await send(second, "y", "client_msg_1")
        refused = await hear(second)
    assert refused["data"]["error_code"] == "VALIDATION_ERROR"
    assert refused["data"]["client_message_id"] == "client_msg_1"
    assert len(await history(alice, session)) == 2


async def test_a_second_message_while_one_is_answered_names_the_turn_that_runs(alice):
    session = await new_session(alice, model_config={"model": "ok-60-rate-20"})
    async with socket_of(alice, session) as socket:
        await send(socket, "x")
        start = await hear(socket)
        await send(socket, "y", "client_msg_2")
        while (answer := await hear(socket))["type"] == "content_chunk":
            pass
    assert answer["type"] == "error"
    told = answer["data"]
    assert (told["error_code"], told["turn_id"]) == ("SESSION_BUSY", start["data"]["turn_id"])
    assert told["client_message_id"] == "client_msg_2"


# --- Refusals


@pytest.mark.parametrize(
    ("frame", "code", "field"),
    [
        ("{", "WEBSOCKET_ERROR", ""),
        ("[]", "WEBSOCKET_ERROR", ""),
        (b'{"type":"ping"}', "WEBSOCKET_ERROR", ""),
        ('{"a":' + "[" * 500 + "]" * 500 + "}", "WEBSOCKET_ERROR", ""),
        ('{"type":"ping","x":"\\u0000"}', "WEBSOCKET_ERROR", "x"),
        ("{}", "WEBSOCKET_ERROR", "type"),
        ('{"type":"chat_message"}', "WEBSOCKET_ERROR", "type"),
        ('{"type":"send_message"}', "VALIDATION_ERROR", "data"),
        ('{"type":"send_message","data":"x"}', "VALIDATION_ERROR", "data"),
        ('{"type":"send_message","data":{"content":" "}}', "VALIDATION_ERROR", "data.content"),
        ('{"type":"send_message","data":{"content":"x","metadata":[]}}', "VALIDATION_ERROR", "data.metadata"),
        ('{"type":"send_message","data":{"content":"x"},"message_id":5}', "VALIDATION_ERROR", "message_id"),
        ('{"type":"stop"}', "VALIDATION_ERROR", "turn_id"),
        ('{"type":"resume","turn_id":"' + NOBODY + '","after":-1}', "VALIDATION_ERROR", "after"),
    ],
)
async def test_a_bad_frame_gets_an_error_and_leaves_the_socket_open(alice, frame, code, field):
    session = await new_session(alice)
    async with socket_of(alice, session) as socket:
        await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))
        answer = await hear(socket)
        assert (answer["type"], answer["data"]["error_code"]) == ("error", code)
        assert list(answer["data"]["field_errors"]) == ([field] if field else [])
        assert answer["data"]["retry_after"] is None
        assert answer["data"]["session_id"] == session
        assert (await say(socket, type="ping"))["type"] == "pong"


async def test_a_session_that_is_not_hers_does_not_exist(alice, bob):
    hers, gone = await new_session(alice), await new_session(bob)
    await bob.data("DELETE", f"/chat/sessions/{gone}")
    for session in (hers, gone, UNKNOWN, NOBODY, "sess_abc123def456", hers.upper(), hers.removeprefix("sess_")):
        async with socket_of(bob, session) as socket:
            answer = await hear(socket)
            assert (answer["type"], answer["data"]["error_code"]) == ("error", "SESSION_NOT_FOUND"), session
            assert answer["data"]["session_id"] == session
            assert await close_code(socket) == 4404


async def test_a_turn_of_another_session_or_person_does_not_exist(alice, bob):
    one, other, bobs = await new_session(alice), await new_session(alice), await new_session(bob)
    async with socket_of(alice, one) as socket:
        await send(socket, "x")
        turn = (await read_turn(socket))[0]["data"]["turn_id"]
    for person, session in ((alice, other), (bob, bobs)):
        async with socket_of(person, session) as socket:
            for frame in ({"type": "stop", "turn_id": turn}, {"type": "resume", "turn_id": turn, "after": 0}):
                answer = await say(socket, **frame)
                assert (answer["data"]["error_code"], answer["data"]["turn_id"]) == ("NOT_FOUND", turn)


async def test_a_failure_before_the_first_token_is_an_error_without_a_start(alice):
    session = await new_session(alice, model_config={"model": "500"})
    async with socket_of(alice, session) as socket:
        await send(socket, "x", "client_msg_3")
        answer = await hear(socket)
    agrees(FRAMES["error"], answer)
    assert answer["data"]["error_code"] == "LLM_SERVICE_ERROR"
    assert answer["data"]["client_message_id"] == "client_msg_3"


async def test_a_failure_in_the_middle_is_the_documented_error_and_the_text_is_kept(alice):
    session = await new_session(alice, model_config={"model": "cut-after-5"})
    async with socket_of(alice, session) as socket:
        await send(socket, "x")
        frames = await read_turn(socket)
    agrees(FRAMES["error"], frames[-1])
    assert frames[-1]["data"]["error_code"] == "GENERATION_FAILED"
    assert not any(frame["data"].get("is_final") for frame in frames)
    assert (await history(alice, session))[0]["content"] == text_of(frames)


@pytest.mark.parametrize("token", ["", "garbage", "eyJhbGciOiJub25lIn0.e30."])
async def test_without_a_good_token_it_says_so_and_closes_with_4401(alice, token):
    async with socket_of(alice, await new_session(alice), token=token) as socket:
        answer = await hear(socket)
        assert answer["data"]["error_code"] == "AUTHENTICATION_FAILED"
        assert await close_code(socket) == 4401


async def test_an_api_key_opens_it(alice):
    key = (await alice.data("POST", "/users/me/api-keys", {"name": "script"}))["key"]
    async with socket_of(alice, await new_session(alice), token="", **{"X-API-Key": key}) as socket:
        assert (await say(socket, type="ping"))["type"] == "pong"


async def test_a_person_has_five_sockets_over_all_her_sessions(alice, bob):
    sessions = [await new_session(alice) for _ in range(3)]
    five = [await alice.session.ws_connect(f"{address(alice.url, sessions[n % 3])}?token={alice.token}") for n in range(5)]
    for socket in five:
        assert (await say(socket, type="ping"))["type"] == "pong"
    async with socket_of(alice, sessions[0]) as sixth:
        answer = await hear(sixth)
        agrees(FRAMES["error"], answer)
        assert answer["data"]["error_code"] == "RATE_LIMIT_EXCEEDED"
        assert await close_code(sixth) == 4429
    async with socket_of(bob, await new_session(bob)) as bobs:
        assert (await say(bobs, type="ping"))["type"] == "pong"
    await five.pop().close()
    await asyncio.sleep(0.3)
    async with socket_of(alice, sessions[0]) as again:
        assert (await say(again, type="ping"))["type"] == "pong"
    for socket in five:
        await socket.close()


async def test_no_other_path_of_a_session_is_a_socket(alice):
    session = await new_session(alice)
    for path in (f"/chat/sessions/{session}", "/chat/sessions", f"/chat/sessions/{session}/messages", "/chat/sessions//stream"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await alice.session.ws_connect(f"ws{alice.url.removeprefix('http')}/api/v1{path}?token={alice.token}")
        assert refused.value.status == 403


async def test_a_plain_get_says_what_is_spoken_there_with_or_without_a_slash(alice):
    session = await new_session(alice)
    for slash in ("", "/"):
        async with alice.session.get(f"{alice.url}/api/v1/chat/sessions/{session}/stream{slash}") as response:
            assert (response.status, response.headers["Upgrade"]) == (426, "websocket")
            assert (await response.json())["error"]["code"] == "UPGRADE_REQUIRED"
    async with alice.session.ws_connect(f"{address(alice.url, session)}/?token={alice.token}") as socket:
        assert (await say(socket, type="ping"))["type"] == "pong"
