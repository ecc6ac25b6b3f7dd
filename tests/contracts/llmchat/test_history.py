"""What was said in a session, as its client reads it, and sessions that a client kept itself and saves."""

from __future__ import annotations

import asyncio
import uuid

from tests.acceptance.conftest import scalar
from tests.contracts.llmchat.conftest import ask, being_written, complete, history, said


async def save(client, messages: list[dict], session: str | None = None, **more: object) -> tuple[int, dict]:
    return await ask(client, "POST", "/api/chat/sessions/save", {"sessionId": session, "messages": messages, **more})


def plain(messages: list[dict]) -> list[dict]:
    return [{"role": message["role"], "content": message["content"]} for message in messages]


# --- History ------------------------------------------------------------------------------------------------------------------


async def test_the_history_is_read_in_pages_newest_first_and_from_any_message_back(alice):
    messages = said(*(f"line {n}" for n in range(7)))
    _, saved = await save(alice, messages)
    path = f"/api/chat/sessions/{saved['data']['sessionId']}/history"
    _, first = await ask(alice, "GET", f"{path}?limit=3")
    assert [item["content"] for item in first["data"]["items"]] == ["line 6", "line 5", "line 4"]
    assert first["data"]["pagination"] == {"page": 1, "limit": 3, "total": 7, "totalPages": 3}
    _, last = await ask(alice, "GET", f"{path}?limit=3&page=3")
    assert [item["content"] for item in last["data"]["items"]] == ["line 0"]
    _, beyond = await ask(alice, "GET", f"{path}?limit=3&page=4")
    assert (beyond["data"]["items"], beyond["data"]["pagination"]["total"]) == ([], 7)
    _, before = await ask(alice, "GET", f"{path}?limit=2&before={first['data']['items'][-1]['id']}")
    assert [item["content"] for item in before["data"]["items"]] == ["line 3", "line 2"]
    assert before["data"]["pagination"]["total"] == 4
    _, most = await ask(alice, "GET", f"{path}?limit=1000")
    assert most["data"]["pagination"]["limit"] == 100
    for page in (first, last, before):
        for item in page["data"]["items"]:
            assert (item["status"], item["model"], item["turnId"]) == ("complete", None, None)


async def test_the_history_shows_the_newest_thousand_and_says_no_more(alice):
    session = str(uuid.uuid4())
    earlier = said(*(f"line {n}" for n in range(999)))
    assert (await save(alice, earlier, session))[0] == 201
    grown = said(*(f"line {n}" for n in range(1_000)))
    assert (await save(alice, grown, session))[0] == 200
    status, answer = await complete(alice, "the last", sessionId=session)
    assert status == 200
    path = f"/api/chat/sessions/{session}/history?limit=100"
    _, first = await ask(alice, "GET", path)
    assert first["data"]["items"][0]["id"] == answer["data"]["id"]
    assert first["data"]["pagination"] == {"page": 1, "limit": 100, "total": 1_000, "totalPages": 10}
    _, last = await ask(alice, "GET", f"{path}&page=10")
    assert len(last["data"]["items"]) == 100
    assert last["data"]["items"][-1]["content"] == "line 2"
    assert (await ask(alice, "GET", f"{path}&page=11"))[1]["data"]["items"] == []


async def test_a_message_of_another_session_is_no_place_to_read_from(alice, bob):
    _, mine = await save(alice, said("mine"))
    _, other = await save(alice, said("other"))
    _, his = await save(bob, said("his"))
    for person, session in ((alice, other), (bob, his)):
        foreign = (await history(person, session["data"]["sessionId"]))[0]["id"]
        for before in (foreign, str(uuid.uuid4())):
            status, answer = await ask(alice, "GET", f"/api/chat/sessions/{mine['data']['sessionId']}/history?before={before}")
            assert (status, answer["code"]) == (404, "NOT_FOUND")


async def test_an_answer_that_is_being_written_is_in_the_history_with_its_text_so_far(alice):
    session = str(uuid.uuid4())
    writing = asyncio.create_task(complete(alice, "slowly", sessionId=session, config={"model": "ok-60-rate-20"}))
    shown = await being_written(alice, session)
    await alice.data("POST", f"/turns/{shown['turnId']}/stop")
    _, answer = await writing
    assert answer["data"]["id"] == shown["id"]
    last = (await history(alice, session))[-1]
    assert (last["status"], last["content"]) == ("stopped", answer["data"]["message"]["content"])


# --- Saving -------------------------------------------------------------------------------------------------------------------


async def test_a_saved_session_is_a_conversation_that_goes_on(alice):
    messages = said("My name is Alice.", "Hello Alice!", system="Be brief.")
    status, saved = await save(alice, messages)
    assert (status, saved["data"]["title"], saved["data"]["messageCount"]) == (201, "My name is Alice.", 2)
    session = saved["data"]["sessionId"]
    [seen] = (await alice.data("GET", "/conversations"))["conversations"]
    assert (seen["id"], seen["title"]) == (session, "My name is Alice.")
    assert (await complete(alice, "What is my name?", sessionId=session))[0] == 200
    told = await history(alice, session)
    assert plain(told)[:3] == [*messages[1:], {"role": "user", "content": "What is my name?"}]
    found = await alice.data("GET", "/conversations?search=name")
    assert [one["id"] for one in found["conversations"]] == [session]


async def test_saving_the_same_again_changes_nothing_and_what_was_added_is_added(platform, alice):
    session = str(uuid.uuid4())
    status, first = await save(alice, said("one", "two"), session)
    assert (status, first["data"]["sessionId"]) == (201, session)
    before = await history(alice, session)
    status, again = await save(alice, said("one", "two"), session)
    assert (status, again["data"]) == (200, first["data"])
    assert await history(alice, session) == before
    status, grown = await save(alice, said("one", "two", "three", "four"), session, title="Counting")
    assert (status, grown["data"]["title"], grown["data"]["messageCount"]) == (200, "Counting", 4)
    told = await history(alice, session)
    assert told[:2] == before
    assert plain(told) == said("one", "two", "three", "four")
    assert scalar(platform, "SELECT count(*) FROM conversations_conversation WHERE uuid = %s", session) == 1


async def test_a_session_that_differs_becomes_the_branch_that_is_told_and_nothing_is_lost(platform, alice):
    session = str(uuid.uuid4())
    await save(alice, said("one", "two", "three"), session)
    status, _ = await save(alice, said("one", "two, or so"), session)
    assert status == 200
    assert plain(await history(alice, session)) == said("one", "two, or so")
    assert {message["content"] for message in await alice.messages(session)} == {"one", "two", "three", "two, or so"}
    assert (await complete(alice, "and then?", sessionId=session))[0] == 200
    parent = """SELECT parent.content FROM conversations_message message
                JOIN conversations_message parent ON parent.id = message.parent_id
                WHERE message.content = 'and then?' AND message.conversation_id =
                    (SELECT id FROM conversations_conversation WHERE uuid = %s)"""
    assert scalar(platform, parent, session) == "two, or so"


async def test_two_who_save_one_new_session_at_once_make_one(alice):
    session = str(uuid.uuid4())
    answers = await asyncio.gather(*(save(alice, said("one", "two"), session) for _ in range(4)))
    assert sorted(status for status, _ in answers) == [200, 200, 200, 201]
    assert plain(await history(alice, session)) == said("one", "two")


async def test_a_session_of_somebody_else_or_with_an_agent_that_is_off_is_not_saved(alice, bob, agents):
    session = str(uuid.uuid4())
    await save(alice, said("mine"), session)
    for status, answer in (
        await save(bob, said("mine", "his"), session),
        await save(alice, said("mine", "more"), session, agentId=agents["off"]),
        await save(alice, said("mine", "more"), str(uuid.uuid4()), agentId=agents["off"]),
        await save(alice, said("mine", "more"), session, agentId=str(uuid.uuid4())),
    ):
        assert (status, answer["code"]) == (404, "NOT_FOUND")
    assert plain(await history(alice, session)) == said("mine")
    assert (await bob.data("GET", "/conversations"))["conversations"] == []
    assert len((await alice.data("GET", "/conversations"))["conversations"]) == 1
    status, answer = await save(alice, said("mine", "more"), session, agentId=agents["open"])
    assert (status, answer["data"]["agentId"]) == (200, agents["open"])
    _, answer = await complete(alice, "hello", sessionId=session)
    assert answer["data"]["model"] == "ok-3"


async def test_a_session_is_not_saved_while_an_answer_is_written_in_it(alice):
    session = str(uuid.uuid4())
    writing = asyncio.create_task(complete(alice, "slowly", sessionId=session, config={"model": "ok-40-rate-20"}))
    turn = (await being_written(alice, session))["turnId"]
    status, refused = await save(alice, said("slowly", "at once"), session)
    assert (status, refused["code"], refused["error"]["turnId"]) == (409, "CONFLICT", turn)
    await alice.data("POST", f"/turns/{turn}/stop")
    await writing
    assert (await save(alice, said("slowly", "at once"), session))[0] == 200
