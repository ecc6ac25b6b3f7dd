"""Sending through LYSS: where a message goes, what of a client's own history counts, what becomes of a send that is refused."""

from __future__ import annotations

import asyncio
import json
import uuid

import aiohttp
import pytest

from tests.acceptance.conftest import database, scalar
from tests.client import Client
from tests.contracts.lyss.client import WHOLE, Person, error_of
from tests.contracts.lyss.conftest import PRICED

NOBODYS = "5e0ff2a4-8a4e-4a36-9b0e-6b1de3a1c0de"


def history(*texts: str, system: str = "") -> list[dict[str, str]]:
    """Questions and answers by turns."""
    said = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *said] if system else said


async def test_a_message_without_a_conversation_begins_one_and_gives_it_its_title(alice):
    status, answer = await alice.send("How do I boil an egg?")
    assert status == 200
    assert answer["data"]["conversation"]["title"] == "How do I boil an egg?"
    number = answer["data"]["conversation"]["id"]
    status, again = await alice.send("And for how long?", conversation_id=number)
    assert (status, again["data"]["conversation"]["id"]) == (200, number)
    detail = await alice.data("GET", f"/conversations/{number}")
    said = [message["content"] for message in detail["messages"] if message["role"] == "user"]
    assert said == ["How do I boil an egg?", "And for how long?"]
    assert detail["messages"][-1]["id"] == again["data"]["message"]["id"]


async def test_what_was_said_elsewhere_before_is_taken_into_a_new_conversation(platform, alice):
    messages = history("My name is Alice.", "Hello Alice!", "What is my name?", system="Be brief.")
    status, answer = await alice.call("POST", "/chat/messages", {"messages": messages})
    assert status == 200
    assert answer["data"]["conversation"]["title"] == "My name is Alice."
    number = answer["data"]["conversation"]["id"]
    detail = await alice.data("GET", f"/conversations/{number}")
    assert [message["content"] for message in detail["messages"][:3]] == [message["content"] for message in messages[1:]]
    assert [message["role"] for message in detail["messages"]] == ["user", "assistant", "user", "assistant"]
    assert "metadata" not in detail["messages"][1]  # no turn of ours made it
    [item] = (await alice.data("GET", "/conversations?search=name"))["items"]
    assert item["message_count"] == 4
    system = scalar(platform, "SELECT system_message FROM conversations_conversation WHERE id = %s", number)
    assert system == "Be brief."
    parents = "SELECT count(*) FROM conversations_message WHERE conversation_id = %s AND parent_id IS NULL"
    assert scalar(platform, parents, number) == 1
    by_text = await alice.data("GET", "/conversations?search=Hello")
    assert by_text["items"] == []  # this contract searches titles


async def test_the_model_reads_what_was_said_elsewhere_before(platform, alice):
    messages = history("My name is Alice.", "Hello Alice!", "What is my name?")
    _, long = await alice.call("POST", "/chat/messages", {"messages": messages, "model": PRICED})
    _, short = await alice.call("POST", "/chat/messages", {"messages": messages[-1:], "model": PRICED})
    spent = [answer["data"]["message"]["metadata"]["tokens_used"] for answer in (long, short)]
    assert spent[0] > spent[1] + 5


async def test_an_old_conversation_goes_on_with_the_last_message_only(alice):
    _, first = await alice.send("one")
    number = first["data"]["conversation"]["id"]
    body = {"conversation_id": number, "messages": history("one", "what I say it answered", "two", system="Be rude.")}
    status, _ = await alice.call("POST", "/chat/messages", body)
    assert status == 200
    detail = await alice.data("GET", f"/conversations/{number}")
    assert [message["content"] for message in detail["messages"] if message["role"] == "user"] == ["one", "two"]
    assert len(detail["messages"]) == 4


async def test_a_repeated_send_with_the_same_key_is_the_same_turn_and_the_same_conversation(alice):
    body = {"messages": history("first", "an answer", "only once"), "client_message_id": uuid.uuid4().hex}
    answers = await asyncio.gather(*(alice.call("POST", "/chat/messages", body) for _ in range(4)))
    assert {status for status, _ in answers} == {200}
    assert len({answer["data"]["turn_id"] for _, answer in answers}) == 1
    assert len({answer["data"]["conversation"]["id"] for _, answer in answers}) == 1
    assert (await alice.data("GET", "/conversations"))["pagination"]["total"] == 1
    headers = {"Idempotency-Key": body.pop("client_message_id")}
    status, answer = await alice.call("POST", "/chat/messages", body, **headers)
    assert (status, answer["data"]["turn_id"]) == (200, answers[0][1]["data"]["turn_id"])
    called = await alice.call("POST", "/chat/messages", body | {"messages": history("another")}, **headers)
    assert error_of(called) == (422, "VALIDATION_ERROR")


async def test_a_key_is_its_persons_own(alice, bob):
    key = uuid.uuid4().hex
    _, hers = await alice.send("hello", client_message_id=key)
    _, his = await bob.send("hello", client_message_id=key)
    assert hers["data"]["conversation"]["id"] != his["data"]["conversation"]["id"]


async def test_a_key_of_a_conversation_that_was_deleted_begins_no_other(alice):
    key = uuid.uuid4().hex
    _, answer = await alice.send("hello", client_message_id=key)
    await alice.data("DELETE", f"/conversations/{answer['data']['conversation']['id']}")
    assert error_of(await alice.send("hello", client_message_id=key)) == (404, "CONVERSATION_NOT_FOUND")


async def test_a_refused_send_leaves_no_conversation_behind(platform, alice):
    with database(platform) as connection:
        connection.execute(
            """INSERT INTO quotas_tier (slug, name, daily_requests, monthly_requests, daily_tokens, monthly_tokens, updated_at)
               VALUES ('none', 'None', 0, 0, 0, 0, now()) ON CONFLICT DO NOTHING"""
        )
        connection.execute("UPDATE accounts_user SET tier = 'none' WHERE id = %s", [alice.id])
    await alice.log_in()
    called = await alice.call("POST", "/chat/messages", {"messages": history("a", "b", "c")})
    assert error_of(called) == (403, "INSUFFICIENT_QUOTA")
    assert called[1]["error"]["details"]["retry_after"] > 0
    assert (await alice.stream("hello")).error["code"] == "INSUFFICIENT_QUOTA"
    assert scalar(platform, "SELECT count(*) FROM conversations_conversation WHERE user_id = %s", alice.id) == 0


async def test_a_conversation_where_an_answer_is_being_written_is_busy(alice):
    conversation = await alice.data("POST", "/conversations", {"title": "busy"})
    first = asyncio.create_task(alice.send("slowly", conversation_id=conversation["id"], model="ok-40-rate-20"))
    await asyncio.sleep(0.7)
    called = await alice.send("at once", conversation_id=conversation["id"])
    assert error_of(called) == (409, "CONFLICT")
    turn = called[1]["error"]["details"]["turn_id"]
    status, _ = await stop_turn(alice, turn)
    assert status == 200
    status, answer = await first
    assert (status, answer["data"]["stopped"], answer["data"]["turn_id"]) == (200, True, turn)


async def stop_turn(person: Person, turn: str) -> tuple[int, dict]:
    async with person.session.post(
        f"{person.url}/api/v1/turns/{turn}/stop", headers={"Authorization": f"Bearer {person.token}"}
    ) as response:
        return response.status, await response.json()


async def test_a_vendor_that_fails_is_a_bad_gateway_and_in_a_stream_an_event_after_the_first_word(alice):
    called = await alice.send("hello", model="500")
    assert error_of(called) == (502, "AI_API_ERROR")
    assert uuid.UUID(called[1]["error"]["details"]["turn_id"])
    early = await alice.stream("hello", model="500")
    assert (early.status, early.error["code"]) == (502, "AI_API_ERROR")
    late = await alice.stream("hello", model="cut-after-5")
    assert late.status == 200
    assert (late.frames[-1]["type"], late.frames[-1]["error"]["code"]) == ("error", "AI_API_ERROR")
    detail = await alice.data("GET", f"/conversations/{late.frames[0]['conversation_id']}")
    assert detail["messages"][-1]["content"]
    assert detail["messages"][-1]["status"] == "failed"


async def test_a_stream_can_be_read_again_in_its_own_dialect(alice):
    stream = await alice.stream("hello")
    url = f"{alice.url}/api/v1/turns/{stream.frames[0]['turn_id']}/events"
    async with alice.session.get(url, headers={"Authorization": f"Bearer {alice.token}"}) as response:
        lines = (await response.text()).splitlines()
    again = [json.loads(line[5:]) for line in lines if line.startswith("data:")]
    assert again == stream.frames


async def test_a_conversation_of_one_contract_is_seen_through_the_other(platform, alice):
    async with Client(platform.url) as chatgpt:
        chatgpt.token = alice.token
        made = await chatgpt.new_conversation(title="Made elsewhere")
        await chatgpt.send(made, "hello from there")
        [item] = (await alice.data("GET", "/conversations?search=elsewhere"))["items"]
        assert (item["title"], item["message_count"]) == ("Made elsewhere", 2)
        assert item["provider"]["name"]  # who answered last: it names none of its own
        number = item["id"]
        status, _ = await alice.send("hello from here", conversation_id=number)
        assert status == 200
        said = [message["content"] for message in await chatgpt.messages(made) if message["role"] == "user"]
        assert said == ["hello from there", "hello from here"]
        mine = (await alice.data("GET", "/conversations"))["pagination"]["total"]
        theirs = (await chatgpt.data("GET", "/conversations"))["pagination"]["total"]
        assert mine == theirs == 1
        await alice.data("DELETE", f"/conversations/{number}")
        status, _ = await chatgpt.call("GET", f"/conversations/{made}")
        assert status == 404


async def test_somebody_elses_conversation_does_not_exist(alice, bob):
    made = await alice.data("POST", "/conversations", {"title": "hers"})
    path = f"/conversations/{made['id']}"
    for method, body in (("GET", None), ("PUT", {"title": "his"}), ("DELETE", None)):
        assert error_of(await bob.call(method, path, body)) == (404, "CONVERSATION_NOT_FOUND")
    assert error_of(await bob.send("hello", conversation_id=made["id"])) == (404, "CONVERSATION_NOT_FOUND")
    assert (await bob.stream("hello", conversation_id=made["id"])).error["code"] == "CONVERSATION_NOT_FOUND"
    assert (await alice.data("GET", path))["title"] == "hers"
    assert (await bob.data("GET", "/conversations"))["items"] == []


@pytest.mark.parametrize("written", ["0", "-1", "1.5", "99999999999999999999", "abc", "01", "%31%32x", NOBODYS])
async def test_what_is_no_number_of_a_conversation_is_no_conversation(alice, written):
    called = await alice.at(WHOLE).call("GET", f"/conversations/{written}")
    assert error_of(called) == (404, "CONVERSATION_NOT_FOUND")


async def test_the_list_is_paged_filtered_and_searched_by_title(platform, alice):
    for n in range(3):
        await alice.data("POST", "/conversations", {"title": f"Recipe {n}", "metadata": {"n": n}})
    page = await alice.data("GET", "/conversations?page=2&page_size=2")
    assert page["pagination"] == {
        "page": 2,
        "page_size": 2,
        "total": 3,
        "total_pages": 2,
        "has_next": False,
        "has_prev": True,
    }
    assert len(page["items"]) == 1
    beyond = await alice.data("GET", "/conversations?page=9")
    assert (beyond["items"], beyond["pagination"]["total"], beyond["pagination"]["has_next"]) == ([], 3, False)
    assert [item["title"] for item in (await alice.data("GET", "/conversations?search=recipe+1"))["items"]] == ["Recipe 1"]
    provider = (await alice.data("GET", "/providers/available"))[0]["id"]
    assert (await alice.data("GET", f"/conversations?provider_id={provider}"))["items"] == []  # nobody answered yet
    _, answer = await alice.send("hello")
    [item] = (await alice.data("GET", f"/conversations?provider_id={provider}"))["items"]
    assert item["id"] == answer["data"]["conversation"]["id"]
    assert (await alice.data("GET", f"/conversations?provider_id={provider + 1_000}"))["items"] == []
    for query in ("page=0", "page=x", "page_size=-1", "provider_id=x", "provider_id=0", f"search={'x' * 201}"):
        assert error_of(await alice.call("GET", f"/conversations?{query}")) == (400, "VALIDATION_ERROR"), query


USER = {"role": "user", "content": "hello"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "messages"),
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [USER] * 1_001}, "messages"),
        ({"messages": ["hello"]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": [{"role": "user", "content": "x" * 10_001}]}, "messages"),
        ({"messages": [USER, {"role": "assistant", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "system", "content": "x" * 9_000}] * 2 + [USER]}, "messages"),
        ({"messages": [USER], "conversation_id": "7"}, "conversation_id"),
        ({"messages": [USER], "conversation_id": 0}, "conversation_id"),
        ({"messages": [USER], "provider_id": 2**63}, "provider_id"),
        ({"messages": [USER], "provider_id": True}, "provider_id"),
        ({"messages": [USER], "temperature": "0.7"}, "temperature"),
        ({"messages": [USER], "max_tokens": 0}, "max_tokens"),
        ({"messages": [USER], "model": "no such model"}, "model"),
        ({"messages": [USER], "client_message_id": "x" * 201}, "client_message_id"),
    ],
)
async def test_a_bad_send_names_the_field_and_leaves_nothing(alice, body, field):
    for path in ("/chat/messages", "/chat/stream"):
        called = await alice.call("POST", path, body)
        assert error_of(called) == (400, "VALIDATION_ERROR")
        assert called[1]["error"]["details"]["field"].split(".")[0] == field
    assert (await alice.data("GET", "/conversations"))["pagination"]["total"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": 7}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"metadata": []}, "metadata"),
        ({"metadata": "tags"}, "metadata"),
        ({"metadata": {"x": "y" * 20_000}}, "metadata"),
        ({"provider_id": "1"}, "provider_id"),
    ],
)
async def test_a_bad_conversation_names_the_field(alice, body, field):
    called = await alice.call("POST", "/conversations", body)
    assert error_of(called) == (400, "VALIDATION_ERROR")
    assert called[1]["error"]["details"]["field"] == field


async def test_metadata_comes_back_as_it_was_sent(alice):
    metadata = {"tags": ["编程", 1, None, True, 1.5], "deep": {"er": {}}, "": "x", "ключ": "😀"}
    made = await alice.data("POST", "/conversations", {"metadata": metadata})
    assert made["metadata"] == metadata
    changed = await alice.data("PUT", f"/conversations/{made['id']}", {"title": "named"})
    assert (changed["title"], changed["metadata"]) == ("named", metadata)
    changed = await alice.data("PUT", f"/conversations/{made['id']}", {"metadata": {}})
    assert (changed["title"], changed["metadata"]) == ("named", {})


async def test_a_client_that_leaves_ends_only_its_own_view(alice):
    body = {"messages": [USER], "model": "ok-30-rate-30", "client_message_id": uuid.uuid4().hex}
    headers = {"Authorization": f"Bearer {alice.token}"}
    with pytest.raises(asyncio.TimeoutError):
        async with alice.session.post(
            f"{alice.url}/lyss/api/v1/chat/messages", json=body, headers=headers, timeout=aiohttp.ClientTimeout(total=0.6)
        ) as response:
            await response.read()
    status, answer = await alice.call("POST", "/chat/messages", body)
    assert status == 200
    assert len(answer["data"]["message"]["content"].split()) == 30
