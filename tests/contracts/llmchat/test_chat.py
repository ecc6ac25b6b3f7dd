"""Talking through LLMChat: which session a message goes to, who answers, what becomes of a send that is refused or fails."""

from __future__ import annotations

import asyncio
import uuid

from tests.acceptance.conftest import database, scalar
from tests.client import PASSWORD, Client
from tests.contracts.llmchat.conftest import Stream, ask, being_written, complete, history, read_stream, said


def texts(messages: list[dict], role: str = "user") -> list[str]:
    return [message["content"] for message in messages if message["role"] == role]


async def conversations_of(client: Client) -> list[dict]:
    found: list[dict] = (await client.data("GET", "/conversations"))["conversations"]
    return found


# --- Which session ------------------------------------------------------------------------------------------------------------


async def test_a_message_without_a_session_begins_one_which_then_goes_on(alice):
    status, first = await complete(alice, "How do I boil an egg?")
    assert status == 200
    session = first["data"]["sessionId"]
    status, second = await complete(alice, "And for how long?", sessionId=session)
    assert (status, second["data"]["sessionId"]) == (200, session)
    messages = await history(alice, session)
    assert texts(messages) == ["How do I boil an egg?", "And for how long?"]
    assert messages[-1]["id"] == second["data"]["id"]
    assert messages[-1]["turnId"] == second["data"]["turnId"]
    [seen] = await conversations_of(alice)
    assert (seen["id"], seen["title"]) == (session, "How do I boil an egg?")


async def test_a_session_that_nobody_has_yet_is_made_with_its_id(alice, base):
    session = str(uuid.uuid4())
    body = {"messages": said("hello"), "sessionId": session.upper(), "stream": True}
    stream = await read_stream(alice, body, f"{base}/chat/completions")
    assert {event.data["sessionId"] for event in stream.events if event.name != "chunk"} == {session}
    assert (await complete(alice, "again", sessionId=session))[1]["data"]["sessionId"] == session
    assert texts(await history(alice, session)) == ["hello", "again"]


async def test_two_sends_that_begin_one_session_at_once_are_one_session(alice):
    session = str(uuid.uuid4())
    answers = await asyncio.gather(*(complete(alice, f"hello {n}", sessionId=session) for n in range(4)))
    assert {status for status, _ in answers} <= {200, 409}
    assert 200 in {status for status, _ in answers}
    assert [seen["id"] for seen in await conversations_of(alice)] == [session]


async def test_somebody_elses_session_and_one_that_was_deleted_do_not_exist(alice, bob):
    _, answer = await complete(alice, "mine")
    session = answer["data"]["sessionId"]
    for stream in (False, True):
        status, refused = await complete(bob, "his", sessionId=session, stream=stream)
        assert (status, refused["code"]) == (404, "NOT_FOUND")
    status, refused = await ask(bob, "GET", f"/api/chat/sessions/{session}/history")
    assert (status, refused["code"]) == (404, "NOT_FOUND")
    assert texts(await history(alice, session)) == ["mine"]
    assert await conversations_of(bob) == []
    await alice.data("DELETE", f"/conversations/{session}")
    assert (await complete(alice, "still mine", sessionId=session))[0] == 404
    assert (await ask(alice, "GET", f"/api/chat/sessions/{session}/history"))[0] == 404


async def test_what_was_said_before_counts_in_a_new_session_and_not_in_an_old_one(platform, alice):
    messages = said("My name is Alice.", "Hello Alice!", "What is my name?", system="Be brief.")
    status, answer = await ask(alice, "POST", "/api/chat/completions", {"messages": messages})
    assert status == 200
    session = answer["data"]["sessionId"]
    told = await history(alice, session)
    assert [message["content"] for message in told[:3]] == [message["content"] for message in messages[1:]]
    system = scalar(platform, "SELECT system_message FROM conversations_conversation WHERE uuid = %s", session)
    assert system == "Be brief."
    body = {"sessionId": session, "messages": said("What is my name?", "what I say it said", "and now?", system="Be rude.")}
    assert (await ask(alice, "POST", "/api/chat/completions", body))[0] == 200
    assert texts(await history(alice, session)) == ["My name is Alice.", "What is my name?", "and now?"]


async def test_a_repeated_send_with_the_same_key_is_the_same_turn_in_the_same_session(alice):
    body = {"messages": said("first", "an answer", "only once"), "clientMessageId": uuid.uuid4().hex}
    answers = await asyncio.gather(*(ask(alice, "POST", "/api/chat/completions", body) for _ in range(4)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["data"]["turnId"] for _, answer in answers}) == 1
    assert len(await conversations_of(alice)) == 1
    key = body.pop("clientMessageId")
    stream = await read_stream(alice, body | {"stream": True}, **{"Idempotency-Key": key})
    assert stream.events[0].data["turnId"] == answers[0][1]["data"]["turnId"]
    assert stream.text == answers[0][1]["data"]["message"]["content"]
    status, answer = await ask(alice, "POST", "/api/chat/completions", {"messages": said("another")}, **{"Idempotency-Key": key})
    assert (status, answer["code"]) == (422, "VALIDATION_ERROR")


# --- Who answers --------------------------------------------------------------------------------------------------------------


async def test_a_session_stays_with_the_agent_that_it_began_with(platform, alice, agents):
    status, answer = await complete(alice, "hello", agentId=agents["open"])
    assert (status, answer["data"]["model"]) == (200, "ok-3")
    session = answer["data"]["sessionId"]
    _, again = await complete(alice, "and again", sessionId=session)
    assert again["data"]["model"] == "ok-3"
    status, _ = await complete(alice, "to another", sessionId=session, agentId=agents["anybodys"])
    assert status == 200
    with_prompt, without = again["data"]["usage"]["promptTokens"], (await complete(alice, "hello"))[1]["data"]
    assert without["model"] == "ok-5-rate-40"
    assert with_prompt > without["usage"]["promptTokens"]
    agent = scalar(
        platform,
        """SELECT agent.uuid FROM conversations_conversation conversation
           JOIN providers_agent agent ON agent.id = conversation.agent_id WHERE conversation.uuid = %s""",
        session,
    )
    assert str(agent) == agents["open"]


async def test_an_agent_that_is_switched_off_closed_or_unknown_is_not_found_and_leaves_nothing(alice, agents):
    _, answer = await complete(alice, "hello")
    session = answer["data"]["sessionId"]
    for agent in (agents["off"], agents["closed"], str(uuid.uuid4())):
        for more in ({}, {"sessionId": str(uuid.uuid4())}, {"sessionId": session}):
            status, refused = await complete(alice, "to you", agentId=agent, **more)
            assert (status, refused["code"]) == (404, "NOT_FOUND")
    assert [seen["id"] for seen in await conversations_of(alice)] == [session]
    assert texts(await history(alice, session)) == ["hello"]


async def test_the_config_says_how_the_model_is_asked(platform, alice):
    config = {"model": "ok-15-rate-30", "maxTokens": 4, "temperature": 0.25}
    status, answer = await complete(alice, "hello", config=config)
    assert status == 200
    assert (answer["data"]["model"], answer["data"]["usage"]["completionTokens"]) == ("ok-15-rate-30", 4)
    options = scalar(platform, "SELECT options FROM conversations_turn WHERE uuid = %s", answer["data"]["turnId"])
    assert options == {"temperature": 0.25, "max_tokens": 4}
    usage = answer["data"]["usage"]
    assert usage["totalTokens"] == usage["promptTokens"] + 4


# --- What is refused, and what fails --------------------------------------------------------------------------------------------


async def test_a_refused_send_leaves_no_session_behind(platform, alice):
    with database(platform) as connection:
        connection.execute(
            """INSERT INTO quotas_tier (slug, name, daily_requests, monthly_requests, daily_tokens, monthly_tokens, updated_at)
               VALUES ('none', 'None', 0, 0, 0, 0, now()) ON CONFLICT DO NOTHING"""
        )
        connection.execute("UPDATE accounts_user SET tier = 'none' WHERE username = %s", [alice.username])
    alice.token = (await alice.data("POST", "/auth/login", {"username": alice.username, "password": PASSWORD}))["access_token"]
    for stream in (False, True):
        status, refused = await complete(alice, "hello", stream=stream, sessionId=str(uuid.uuid4()))
        assert (status, refused["code"]) == (429, "QUOTA_EXCEEDED")
        assert refused["error"]["retryAfter"] > 0
    assert await conversations_of(alice) == []


async def test_a_session_where_an_answer_is_being_written_is_busy_and_what_is_stopped_says_so(alice):
    session = str(uuid.uuid4())
    slowly = {"messages": said("slowly"), "sessionId": session, "config": {"model": "ok-40-rate-20"}}
    for stream in (False, True):
        sending = asyncio.create_task(
            read_stream(alice, slowly | {"stream": True}) if stream else ask(alice, "POST", "/api/chat/completions", slowly)
        )
        turn = (await being_written(alice, session))["turnId"]
        status, refused = await complete(alice, "at once", sessionId=session)
        assert (status, refused["code"], refused["error"]["turnId"]) == (409, "CONFLICT", turn)
        await alice.data("POST", f"/turns/{turn}/stop")
        ended = await sending
        if isinstance(ended, Stream):
            assert (ended.events[-1].name, ended.events[-1].data["stopped"]) == ("end", True)
        else:
            assert (ended[0], ended[1]["data"]["stopped"], ended[1]["data"]["turnId"]) == (200, True, turn)


async def test_a_vendor_that_fails_is_a_status_before_the_first_word_and_an_event_after_it(alice):
    for stream in (False, True):
        status, refused = await complete(alice, "hello", stream=stream, config={"model": "500"})
        assert (status, refused["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert uuid.UUID(refused["error"]["turnId"])
    late = await read_stream(alice, {"messages": said("hello"), "stream": True, "config": {"model": "cut-after-5"}})
    assert late.status == 200
    ending = late.events[-1]
    assert (ending.name, ending.data["type"], ending.data["code"]) == ("error", "error", "SERVICE_UNAVAILABLE")
    assert ending.data["message"]
    last = (await history(alice, ending.data["sessionId"]))[-1]
    assert (last["id"], last["status"], last["content"]) == (ending.data["messageId"], "failed", late.text)


async def test_who_hangs_up_ends_nothing_and_reads_the_rest_by_the_turn(alice):
    body = {"messages": said("hello"), "stream": True, "config": {"model": "ok-15-rate-30"}}
    async with alice.session.post(f"{alice.url}/api/chat/completions", json=body, headers=alice.headers) as response:
        begun = b""
        while b"event: chunk" not in begun:
            begun += await response.content.readany()
        response.close()
    turn = begun.split(b'"turnId":"')[1][:36].decode()
    async with alice.session.get(f"{alice.url}/api/v1/turns/{turn}/events", headers=alice.headers) as response:
        again = await response.text()
    assert again.startswith("id: 1\nevent: start\n")
    assert again.count("event: chunk") == 15
    assert "event: end" in again


async def test_a_conversation_of_another_contract_is_a_session_here_and_the_other_way_round(alice):
    made = await alice.new_conversation(title="Made elsewhere")
    await alice.send(made, "hello from there")
    status, answer = await complete(alice, "hello from here", sessionId=made)
    assert (status, answer["data"]["sessionId"]) == (200, made)
    said_here = [message for message in await history(alice, made) if message["role"] == "user"]
    assert texts(said_here) == ["hello from there", "hello from here"]
    assert texts(await alice.messages(made)) == texts(said_here)
    _, answer = await complete(alice, "begun here")
    session = answer["data"]["sessionId"]
    detail = await alice.data("GET", f"/chat/sessions/sess_{uuid.UUID(session).hex}/messages")
    assert [message["content"] for message in detail["messages"]][::-1][0] == "begun here"


async def test_the_form_of_an_id_says_whose_session_it_is(alice):
    _, answer = await complete(alice, "hello")
    session = answer["data"]["sessionId"]
    status, told = await ask(alice, "GET", f"/api/v1/chat/sessions/{session}/history")
    assert (status, told["code"], told["data"]["pagination"]["total"]) == (200, "SUCCESS", 2)
    status, told = await ask(alice, "GET", f"/api/v1/chat/sessions/sess_{uuid.UUID(session).hex}")
    assert (status, told["success"]) == (200, True)
    # This contract's ids carry no prefix.
    for wrong in (f"sess_{uuid.UUID(session).hex}", "nothing", "save"):
        status, told = await ask(alice, "GET", f"/api/chat/sessions/{wrong}/history")
        assert (status, told["code"]) == (404, "NOT_FOUND")
