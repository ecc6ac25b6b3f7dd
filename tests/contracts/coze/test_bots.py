"""With a bot of Coze's in the environment, the contract's turns go to it, by the adapter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running import RunningPlatform
from tests.vendors.documented import running_vendors
from tests.vendors.wire import KEY

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def bot(platform: RunningPlatform) -> Iterator[list]:
    """What the bot is asked, while the platform is configured to ask it."""
    with running_vendors() as (address, server):
        configured = platform.manage("prepare", COZE_API_TOKEN=KEY, COZE_BOT_ID="ok-3", COZE_BASE_URL=f"{address}/coze/v3")
        assert configured.returncode == 0, configured.stderr
        yield server.requests
        assert platform.manage("prepare").returncode == 0


async def test_the_contract_s_turns_go_to_the_bot_and_go_on_in_its_conversation(anna, bot):
    first = await anna.chat("hello", "with-the-bot")
    read = await anna.stream("and then?", "with-the-bot")
    assert (read.status, read.events[-1]["type"]) == (200, "complete")
    assert read.events[-1]["data"]["conversation_id"] == first["conversation_id"]
    (_, _, one), (_, _, two) = bot[-2:]
    assert one.path == two.path == "/v3/chat"
    assert one.headers["authorization"] == f"Bearer {KEY}"
    assert one.body["bot_id"] == "ok-3"
    assert one.body["user_id"] == two.body["user_id"] != anna.username
    assert "conversation_id" in two.query, "Coze keeps it, and is told the newest message alone"
    assert [message["content"] for message in two.body["additional_messages"]] == ["and then?"]


async def test_accounts_are_told_apart_and_are_called_by_nothing_that_names_them(anna, ben, bot):
    await anna.chat("hello")
    await ben.chat("hello")
    (_, _, hers), (_, _, his) = bot[-2:]
    assert hers.body["user_id"] != his.body["user_id"]
    assert not {hers.body["user_id"], his.body["user_id"]} & {anna.username, ben.username, "user123"}


async def test_guests_talk_to_the_bot_too(guest, bot):
    asked = len(bot)
    assert (await guest.chat("hello"))["response"]
    assert len(bot) == asked + 1


async def test_other_contracts_ask_who_answers_by_default(alice, bot):
    asked = len(bot)
    conversation = await alice.new_conversation()
    assert (await alice.send(conversation, "hello"))[0] == 200
    assert len(bot) == asked


async def test_a_conversation_that_began_elsewhere_is_continued_by_the_bot_and_can_go_back(anna, alice, bot):
    conversation = await alice.new_conversation()
    await alice.send(conversation, "hello")
    asked = len(bot)
    await anna.chat("and you?", conversation_id=conversation)
    assert len(bot) == asked + 1
    _, _, request = bot[-1]
    assert request.body["additional_messages"][0]["content"] == "hello"
    assert (await alice.send(conversation, "and again"))[0] == 200
    assert len(bot) == asked + 1


async def test_without_the_bot_the_same_session_goes_on_with_the_default_provider(anna, bot, platform):
    before = await anna.chat("hello", "with-the-bot")
    assert platform.manage("prepare").returncode == 0
    asked = len(bot)
    after = await anna.chat("still there?", "with-the-bot")
    assert after["conversation_id"] == before["conversation_id"]
    assert len(bot) == asked
