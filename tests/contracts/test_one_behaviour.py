"""One behaviour in six contracts: what somebody can do in one, she can do in each of them, and it comes to the same."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import pytest

from tests.acceptance.conftest import database
from tests.client import Client
from tests.drivers import DRIVERS, Driver, Need, Said, Thing
from tests.drivers.chat_system import ChatSystem
from tests.drivers.chatgpt_backend import ChatGptBackend
from tests.vendors.scripts import words

pytestmark = pytest.mark.timeout(120)

Kind = type[Driver]
WAYS = ("say", "stream")


def each(kinds: Iterable[Kind] = DRIVERS) -> Any:
    return pytest.mark.parametrize("kind", kinds, ids=[kind.name for kind in kinds])


def with_a_way_to(*things: Thing) -> Any:
    return each([kind for kind in DRIVERS if not kind.lacks & {*things}])


def ways(kind: Kind) -> tuple[str, ...]:
    """How a message may be refused by a status. (By Chat System's socket it is an event, which has tests of its own.)"""
    return WAYS[:1] if kind is ChatSystem else WAYS


async def room(client: Client, model: str = "") -> UUID:
    """An empty conversation with a title of its own."""
    return await ChatGptBackend(client).begin(title=uuid.uuid4().hex, model=model)


async def stored(client: Client, conversation: UUID) -> list[tuple[str, str]]:
    return await ChatGptBackend(client).messages(conversation)


async def requests_used(client: Client) -> int:
    return int((await client.data("GET", "/users/me/quota"))["usage_today"]["requests"])


def test_which_contract_has_no_way_for_what():
    assert {thing: {kind.name for kind in DRIVERS if thing in kind.lacks} for thing in Thing} == {
        Thing.CREATE: {"llmchat", "coze"},
        Thing.MODEL: {"chat_system", "coze"},
        Thing.LIST: {"llmchat", "coze", "openai"},
        Thing.READ: {"coze"},
        Thing.PAGE: {"lyss", "coze", "openai"},
        Thing.DELETE: {"llmchat", "coze"},
    }
    assert all(set(kind.refusals) == set(Need) for kind in DRIVERS)


# --- Create, say, stream --------------------------------------------------------------------------------------------------------


@with_a_way_to(Thing.CREATE)
async def test_a_conversation_is_begun_before_there_is_a_message(alice, bob, kind):
    made = await kind(alice).begin(title="Ideas")
    assert await stored(alice, made) == []
    assert (await ChatGptBackend(alice).conversations()).items == [made]
    assert (await ChatGptBackend(bob).conversations()).items == []


@each([kind for kind in DRIVERS if kind not in (ChatSystem, ChatGptBackend)])
async def test_a_message_without_a_conversation_begins_one(alice, kind):
    for way in WAYS:
        said: Said = await getattr(kind(alice), way)(f"hello, {way}")
        assert said.conversation is not None
        assert await stored(alice, said.conversation) == [("user", f"hello, {way}"), ("assistant", said.text)]
    assert (await ChatGptBackend(alice).conversations()).total == 2


@each()
async def test_what_is_said_is_answered_kept_and_counted_once(alice, kind):
    conversation = await room(alice)
    said = await kind(alice).say("hello", conversation)
    assert (said.status, said.ending, said.text, said.model) == (200, "completed", words(5), "ok-5-rate-40")
    assert said.conversation == conversation
    assert await stored(alice, conversation) == [("user", "hello"), ("assistant", words(5))]
    turn = await alice.data("GET", f"/turns/{said.turn}")
    assert (turn["status"], turn["conversation_id"]) == ("completed", str(conversation))
    assert await requests_used(alice) == 1


@each()
async def test_a_conversation_goes_on(alice, kind):
    driver, conversation = kind(alice), await room(alice)
    for text in ("first", "second"):
        assert (await driver.say(text, conversation)).conversation == conversation
    assert [text for role, text in await stored(alice, conversation) if role == "user"] == ["first", "second"]


@each()
async def test_a_stream_brings_the_answer_piece_by_piece_and_the_same_is_kept(alice, kind):
    conversation = await room(alice)
    said = await kind(alice).stream("hello", conversation)
    assert (said.status, said.ending, said.pieces) == (200, "completed", words(5).replace(" ", "\0 ").split("\0"))
    assert said.conversation == conversation
    if kind.numbered:
        assert said.numbers == list(range(1, len(said.numbers) + 1)), "each event once, in order"
    else:
        assert said.numbers == []
    assert await stored(alice, conversation) == [("user", "hello"), ("assistant", words(5))]
    assert (await alice.data("GET", f"/turns/{said.turn}"))["status"] == "completed"
    assert await requests_used(alice) == 1


class Left(Exception):
    """The client has gone."""


@each()
async def test_who_hangs_up_finds_the_whole_answer_later(alice, kind):
    conversation = await room(alice, model="ok-15-rate-30")
    heard: list[Said] = []

    async def leave(said: Said) -> None:
        if said.pieces:
            heard.append(said)
            raise Left

    with pytest.raises(Left):
        await kind(alice).stream("hello", conversation, model="ok-15-rate-30", each=leave)
    whole = await ChatGptBackend(alice).follow(heard[0].turn)
    assert (whole.text, whole.ending) == (words(15), "completed")
    assert await stored(alice, conversation) == [("user", "hello"), ("assistant", words(15))]


@each()
async def test_the_same_message_under_the_same_key_is_said_once(alice, kind):
    driver = kind(alice)
    for way in WAYS:
        conversation = await room(alice)
        first, again = [await getattr(driver, way)("hello", conversation, key=f"one {way}") for _ in range(2)]
        assert (first.turn, first.text) == (again.turn, again.text)
        assert len(await stored(alice, conversation)) == 2
        other = await getattr(driver, way)("something else", conversation, key=f"one {way}")
        assert other.code == kind.refusals[Need.SAMENESS][1]
    assert await requests_used(alice) == 2


class Script(Client):
    """A program that shows an API key where people show a token."""

    @property
    def headers(self) -> dict[str, str]:
        return {"X-API-Key": self.token}


@each()
async def test_an_api_key_opens_it_as_a_token_does(alice, kind):
    conversation = await room(alice)
    key = (await alice.data("POST", "/users/me/api-keys", {"name": "script"}))["key"]
    for client in (Script(alice.url), Client(alice.url)):  # in a header of its own, and as a bearer
        async with client:
            client.token = key
            assert (await kind(client).say("hello", conversation)).text == words(5)
    assert len(await stored(alice, conversation)) == 4


# --- List, page -----------------------------------------------------------------------------------------------------------------


@with_a_way_to(Thing.LIST)
async def test_conversations_are_listed_the_latest_first_page_by_page(alice, bob, kind):
    made = [await room(alice) for _ in range(3)]
    await room(bob)
    await ChatGptBackend(alice).say("hello", made[0])
    driver, latest_first = kind(alice), [made[0], made[2], made[1]]
    assert (await driver.conversations()).items == latest_first
    for page, found in ((1, latest_first[:2]), (2, latest_first[2:]), (3, []), (10**6, [])):
        shown = await driver.conversations(page=page, size=2)
        assert (shown.items, shown.total) == (found, 3)


@with_a_way_to(Thing.READ)
async def test_messages_are_read_in_the_order_in_which_they_were_said(alice, kind):
    conversation = await room(alice)
    for text in ("first", "second"):
        await ChatGptBackend(alice).say(text, conversation)
    read = await kind(alice).messages(conversation)
    assert read == [("user", "first"), ("assistant", words(5)), ("user", "second"), ("assistant", words(5))]


@each()
async def test_how_many_messages_there_are_can_be_known(alice, kind):
    driver, conversation = kind(alice), await room(alice)
    await driver.say("hello", conversation)
    assert await driver.count(conversation) == 2


@with_a_way_to(Thing.PAGE)
async def test_messages_are_paged_the_newest_first(alice, kind):
    driver, conversation = kind(alice), await room(alice)
    for text in ("first", "second"):
        await ChatGptBackend(alice).say(text, conversation)
    newest_first = (await stored(alice, conversation))[::-1]
    for page, found in ((1, newest_first[:3]), (2, newest_first[3:]), (3, []), (10**6, [])):
        shown = await driver.page_of(conversation, page=page, size=3)
        assert (shown.items, shown.total) == (found, 4)
    assert (await driver.page_of(conversation, page=1, size=10**6)).items == newest_first, "more than 100 is taken for 100"


@with_a_way_to(Thing.PAGE)
@pytest.mark.parametrize("page", [0, -1, "x"])
async def test_a_page_that_there_cannot_be_is_an_error(alice, kind, page):
    conversation = await room(alice)
    with pytest.raises(AssertionError, match=kind.refusals[Need.CONTENT][1]):
        await kind(alice).page_of(conversation, page=page, size=3)


@with_a_way_to(Thing.DELETE)
async def test_what_is_deleted_is_gone_everywhere(alice, kind):
    conversation = await room(alice)
    await ChatGptBackend(alice).say("hello", conversation)
    drivers = [other(alice) for other in DRIVERS]
    for driver in drivers:
        driver.heard_of[conversation] = await driver.called(conversation)
    await kind(alice).delete(conversation)
    assert (await ChatGptBackend(alice).conversations()).items == []
    for driver in drivers:
        assert (await driver.say("hello?", conversation)).refusal == driver.refusals[Need.OWNERSHIP], driver.name


# --- Stop, fail, be refused -----------------------------------------------------------------------------------------------------


@each()
async def test_a_stopped_answer_ends_as_such_and_what_was_said_is_kept(alice, kind):
    driver, conversation = kind(alice), await room(alice, model="ok-200-rate-20")

    async def stop(said: Said) -> None:
        if len(said.pieces) == 3:
            await driver.stop(said.turn)

    said = await driver.stream("hello", conversation, model="ok-200-rate-20", each=stop)
    assert said.ending == "stopped"
    assert 3 <= len(said.pieces) < 200
    assert (await stored(alice, conversation))[-1] == ("assistant", said.text)
    assert (await ChatGptBackend(alice).say("and now?", conversation, model="ok-5-rate-40")).status == 200


@each()
async def test_an_answer_in_one_body_that_is_stopped_is_what_was_said_until_then(alice, kind):
    driver, conversation = kind(alice), await room(alice, model="ok-200-rate-20")
    answer = asyncio.create_task(driver.say("hello", conversation, model="ok-200-rate-20"))
    turn = await running_turn(alice, conversation)
    begun = await ChatGptBackend(alice).follow(turn, most=5)
    await driver.stop(turn)
    said = await answer
    assert (said.status, said.ending) == (200, "stopped")
    assert (await alice.data("GET", f"/turns/{turn}"))["status"] == "stopped"
    assert said.text.startswith(begun.text)
    assert begun.text
    assert (await stored(alice, conversation))[-1] == ("assistant", said.text)


async def running_turn(client: Client, conversation: UUID) -> UUID:
    """A conversation tells who is answering by refusing the next message."""
    for _ in range(200):
        if await stored(client, conversation):
            status, answer = await client.send(str(conversation), "who is there?")
            assert status == 409, answer
            return UUID(answer["error"]["details"]["turn_id"])
        await asyncio.sleep(0.02)
    raise AssertionError("no turn began")


@each()
async def test_a_vendor_that_fails_at_once_is_a_status_and_costs_nothing(alice, kind):
    driver, conversation = kind(alice), await room(alice, model="500")
    for way in ways(kind):
        said: Said = await getattr(driver, way)("hello", conversation, model="500")
        assert said.refusal == kind.refusals[Need.VENDOR]
        assert said.sentence
    assert await requests_used(alice) == 0
    assert (await driver.say("hello", await room(alice))).status == 200


@each()
async def test_a_vendor_that_fails_later_is_an_event_and_what_was_said_is_kept(alice, kind):
    driver, conversation = kind(alice), await room(alice, model="cut-after-5")
    said = await driver.stream("hello", conversation, model="cut-after-5")
    assert (said.ending, said.refusal) == ("failed", kind.refusals[Need.VENDOR_LATER])
    assert said.text == words(5)
    assert (await stored(alice, conversation))[-1] == ("assistant", words(5))
    assert await requests_used(alice) == 1
    assert (await driver.say("hello", await room(alice))).status == 200


@each()
async def test_a_message_that_is_wrong_is_refused_in_the_contracts_own_words_and_leaves_nothing(alice, kind):
    driver, conversation = kind(alice), await room(alice)
    driver.heard_of[conversation] = await driver.called(conversation)
    too_long = "x" * (kind.most_characters + 1)
    for way in ways(kind):
        say = getattr(driver, way)
        nobodys = await say("hello", conversation, Authorization="Bearer nobodys")
        assert nobodys.refusal == kind.refusals[Need.CREDENTIALS]
        assert nobodys.sentence
        for text, need in (("", Need.CONTENT), (" \n\t", Need.CONTENT), (too_long, Need.SHORTNESS)):
            assert (await say(text, conversation)).refusal == kind.refusals[need], repr(text[:9])
    for body in (b"{", b"\xff", b"{" * 100_000, b"[" * 100_000):
        assert (await driver.say("", conversation, raw=body)).refusal == kind.refusals[Need.JSON], body[:9]
    for body in (b"[]", b'"hello"', b"5"):  # JSON, and no object
        assert (await driver.say("", conversation, raw=body)).refusal in map(kind.refusals.get, (Need.JSON, Need.CONTENT))
    assert (await driver.say("", conversation, raw=b" " * 1_100_000)).refusal == kind.refusals[Need.SMALLNESS]
    another = await driver.say("hello", conversation, **{"Content-Type": "text/plain"})
    assert another.refusal == kind.refusals[Need.TYPE]
    assert await stored(alice, conversation) == []
    assert await requests_used(alice) == 0


@each()
async def test_somebody_elses_conversation_does_not_exist(alice, bob, kind):
    theirs = await room(bob)
    driver = kind(alice)
    driver.heard_of[theirs] = await kind(bob).called(theirs)
    for way in ways(kind):
        said: Said = await getattr(driver, way)("hello", theirs)
        assert said.refusal == kind.refusals[Need.OWNERSHIP]
    assert await stored(bob, theirs) == []
    assert (await ChatGptBackend(alice).conversations()).items == []


@each()
async def test_while_an_answer_is_being_written_nothing_more_is_taken(alice, kind):
    driver, conversation = kind(alice), await room(alice, model="ok-60-rate-20")
    driver.heard_of[conversation] = await driver.called(conversation)
    meanwhile: list[Said] = []

    async def say_more(said: Said) -> None:
        if said.pieces and not meanwhile:
            meanwhile.extend([await getattr(driver, way)("another", conversation, model="ok-3") for way in ways(kind)])
            await driver.stop(said.turn)

    said = await driver.stream("hello", conversation, model="ok-60-rate-20", each=say_more)
    assert said.ending == "stopped"
    assert {one.refusal for one in meanwhile} == {kind.refusals[Need.FREEDOM]}
    assert [text for role, text in await stored(alice, conversation) if role == "user"] == ["hello"]


async def test_a_quota_that_is_used_up(platform, alice):
    """One for all contracts: it takes half a second until every process knows a new tier."""
    conversation = await room(alice)
    with database(platform) as connection:
        connection.execute(
            """INSERT INTO quotas_tier (slug, name, daily_requests, monthly_requests, daily_tokens, monthly_tokens, updated_at)
               VALUES ('nothing', 'nothing', 0, NULL, NULL, NULL, now()) ON CONFLICT DO NOTHING"""
        )
        connection.execute("UPDATE accounts_user SET tier = 'nothing' WHERE username = %s", [alice.username])
    await asyncio.sleep(0.7)
    for kind in DRIVERS:
        driver = kind(alice)
        for way in ways(kind):
            said: Said = await getattr(driver, way)("hello", conversation)
            assert said.refusal == kind.refusals[Need.ALLOWANCE], kind.name
            assert int(said.retry_after) > 0, kind.name
        if kind not in (ChatSystem, ChatGptBackend):
            assert (await driver.say("hello")).refusal == kind.refusals[Need.ALLOWANCE]
    assert await stored(alice, conversation) == []
    assert (await ChatGptBackend(alice).conversations()).items == [conversation], "what a refused message began is gone with it"
