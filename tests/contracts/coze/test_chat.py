"""Sending for the whole answer, and the sessions that it is sent under."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest


async def test_a_message_is_answered_in_one_body(anna):
    answer = await anna.chat("hello", "demo_session_1", user_id="user123")
    assert answer["response"]
    assert answer["session_id"] == "demo_session_1"
    assert re.fullmatch(r"msg_[0-9a-f]{32}", answer["message_id"])
    assert re.fullmatch(r"conv_[0-9a-f]{32}", answer["conversation_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", answer["timestamp"])
    assert answer["stopped"] is False


async def test_a_session_keeps_its_conversation_and_another_has_another(anna):
    first = await anna.chat("one", "mine")
    assert (await anna.chat("two", "mine"))["conversation_id"] == first["conversation_id"]
    assert (await anna.chat("three", "other"))["conversation_id"] != first["conversation_id"]
    assert (await anna.info("mine"))["message_count"] == 4


@pytest.mark.parametrize("session_id", [None, "", "  "])
async def test_a_session_without_a_name_gets_one_that_can_be_used(anna, session_id):
    answer = await anna.chat("one", session_id)
    assert re.fullmatch(r"sess_[0-9a-f]{32}", answer["session_id"])
    again = await anna.chat("two", answer["session_id"])
    assert (again["session_id"], again["conversation_id"]) == (answer["session_id"], answer["conversation_id"])


async def test_a_name_that_no_path_could_have_is_refused(anna):
    status, answer = await anna.call("POST", "/chat", {"message": "one", "session_id": "a/b"})
    assert (status, answer) == (400, {"detail": "session_id: 不能包含斜杠。"})


async def test_a_name_may_be_in_any_script(anna):
    answer = await anna.chat("one", "我的会话 №1")
    assert answer["session_id"] == "我的会话 №1"
    assert (await anna.info("%E6%88%91%E7%9A%84%E4%BC%9A%E8%AF%9D%20%E2%84%961"))["session_id"] == "我的会话 №1"


async def test_a_name_is_its_account_s(anna, ben):
    mine = await anna.chat("one", "shared-name")
    status, _ = await ben.call("GET", "/session/shared-name/info")
    assert status == 404
    assert (await ben.chat("one", "shared-name"))["conversation_id"] != mine["conversation_id"]


async def test_a_conversation_is_continued_by_any_of_its_ids(anna, alice):
    made = await alice.new_conversation(title="Begun elsewhere")
    digits = made.replace("-", "")
    for number, written in enumerate((f"conv_{digits}", f"sess_{digits}", made, made.upper())):
        answer = await anna.chat("go on", f"session-{number}", conversation_id=written)
        assert answer["conversation_id"] == f"conv_{digits}"
    assert len(await alice.messages(made)) == 8
    # The session leads there from now on.
    assert (await anna.chat("and on", "session-0"))["conversation_id"] == f"conv_{digits}"


async def test_what_is_begun_here_is_read_elsewhere(anna, alice):
    answer = await anna.chat("Where is the library?", "mine")
    identifier = answer["conversation_id"].removeprefix("conv_")
    said = await alice.messages(f"{identifier[:8]}-{identifier[8:12]}-{identifier[12:16]}-{identifier[16:20]}-{identifier[20:]}")
    assert [message["content"] for message in said] == ["Where is the library?", answer["response"]]


async def test_somebody_else_s_conversation_does_not_exist_and_the_session_stays_where_it_was(anna, ben, guest):
    mine = await anna.chat("one", "mine")
    theirs = [(await who.chat("secret", f"s-{uuid4()}"))["conversation_id"] for who in (ben, guest)]
    for foreign in (*theirs, f"conv_{uuid4().hex}", str(uuid4()), "conv_789xyz", "conv_", "12", "x" * 200):
        status, answer = await anna.call("POST", "/chat", {"message": "hi", "session_id": "mine", "conversation_id": foreign})
        assert status == 404, foreign
        assert list(answer) == ["detail"]
    status, _ = await guest.call("POST", "/chat", {"message": "hi", "conversation_id": mine["conversation_id"]})
    assert status == 404
    assert (await anna.info("mine"))["conversation_id"] == mine["conversation_id"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": " \n\t"},
        {"message": None},
        {"message": 5},
        {"message": ["hello"]},
        {"message": "x" * 10_001},
        {"message": "hi\0"},
        {"message": "hi", "session_id": 5},
        {"message": "hi", "session_id": "a\nb"},
        {"message": "hi", "session_id": "s" * 201},
        {"message": "hi", "user_id": {}},
        {"message": "hi", "user_id": "u" * 201},
        {"message": "hi", "conversation_id": 789},
        [],
        "hello",
    ],
)
async def test_bad_input_is_a_400_that_says_what_is_wrong(anna, body):
    for path in ("/chat", "/chat/stream"):
        status, answer = await anna.call("POST", path, body)
        assert status == 400
        assert set(answer) == {"detail"}
        assert isinstance(answer["detail"], str)
        assert answer["detail"]


async def test_a_body_that_is_no_json_and_one_of_another_type(anna):
    headers = {"Authorization": f"Bearer {anna.token}"}
    for data, kind, expected in ((b"{", "application/json", 400), (b"message=hi", "application/x-www-form-urlencoded", 415)):
        async with anna.session.post(f"{anna.url}/chat", data=data, headers=headers | {"Content-Type": kind}) as response:
            assert response.status == expected
            assert list(await response.json()) == ["detail"]
    async with anna.session.post(f"{anna.url}/chat", data=b" " * 1_000_001, headers=headers) as response:
        assert response.status == 413
        assert list(await response.json()) == ["detail"]


async def test_a_message_that_is_refused_leaves_no_session(anna, platform):
    status, _ = await anna.call("POST", "/chat", {"message": "hi", "session_id": "new", "conversation_id": str(uuid4())})
    assert status == 404
    assert (await anna.call("GET", "/session/new/info"))[0] == 404


@pytest.mark.parametrize("by_header", [True, False])
async def test_the_same_send_again_is_the_same_turn(anna, by_header):
    key = str(uuid4())
    body = {"message": "once"} if by_header else {"message": "once", "client_message_id": key}
    headers = {"Idempotency-Key": key} if by_header else {}
    _, first = await anna.call("POST", "/chat", body, **headers)
    status, again = await anna.call("POST", "/chat", body, **headers)
    assert status == 200
    for name in ("session_id", "conversation_id", "message_id", "turn_id", "response"):
        assert again[name] == first[name]
    status, answer = await anna.call("POST", "/chat", body | {"message": "twice"}, **headers)
    assert (status, list(answer)) == (422, ["detail"])


async def test_a_guest_s_key_leads_into_nobody_s_session(guest):
    body = {"message": "once", "client_message_id": "1"}
    (_, first), (_, second) = [await guest.call("POST", "/chat", body) for _ in range(2)]
    assert first["conversation_id"] != second["conversation_id"]


async def test_errors_are_in_the_language_that_is_asked_for(anna):
    _, chinese = await anna.call("GET", "/session/nothing/info")
    _, english = await anna.call("GET", "/session/nothing/info", **{"Accept-Language": "en"})
    assert english == {"detail": "The session does not exist."}
    assert not chinese["detail"].isascii()


async def test_wrong_methods_and_unknown_paths(anna):
    for method, path, expected in (
        ("GET", "/chat", 405),
        ("DELETE", "/session/x/info", 405),
        ("GET", "/session/x", 404),
        ("GET", "/nothing", 404),
        ("GET", "/session/x/clear", 405),
    ):
        status, answer = await anna.call(method, path)
        assert (status, list(answer)) == (expected, ["detail"]), path
