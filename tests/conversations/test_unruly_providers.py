"""Whatever a provider does, its turn ends, once, and the conversation is free again."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from conversations.models import Message, Turn
from conversations.turns.events import TurnCompleted, TurnInterrupted, TurnStopped
from providers.base import TextDelta
from providers.testing import ScriptedProvider, say, think
from quotas.models import Usage
from quotas.selectors import check_books
from tests.conversations.acting import asking, ended, new_conversation


class Unruly:
    """A provider that is a function."""

    def __init__(self, talk):
        self._talk = talk

    def stream(self, _request):
        return self._talk()


@pytest.fixture
def scripted():
    return ScriptedProvider()


async def begin(runner, alice, talk, **more):
    runner._open_provider = lambda _route: Unruly(talk)
    conversation = await new_conversation(alice)
    return conversation, await runner.start_turn(principal=alice, request=asking(conversation, **more))


async def free_again(runner, alice, conversation):
    while runner.live:
        await asyncio.sleep(0.01)
    assert await Turn.objects.filter(state="running").acount() == 0
    assert await sync_to_async(check_books)() == []


async def test_one_that_cancels_itself(runner, alice):
    async def talk():
        yield TextDelta("so far")
        raise asyncio.CancelledError

    conversation, opened = await begin(runner, alice, talk)
    assert isinstance(await ended(runner, opened.turn_id), TurnInterrupted)
    await free_again(runner, alice, conversation)
    answer = await Message.objects.aget(conversation=conversation, role="assistant")
    assert answer.content == "so far"


async def test_one_that_swallows_the_first_cancellation(runner, alice):
    async def talk():
        yield TextDelta("so far")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    conversation, opened = await begin(runner, alice, talk)
    await runner.wait_first_event(opened.turn_id)
    assert (await runner.stop_turn(principal=alice, turn_id=opened.turn_id)).status == "stopped"
    assert isinstance(await ended(runner, opened.turn_id), TurnStopped)
    await free_again(runner, alice, conversation)


async def test_one_that_says_what_cannot_be_stored(runner, alice):
    async def talk():
        yield TextDelta("a\0b\ud800c")
        await asyncio.sleep(0.8)  # it is saved while it runs
        yield TextDelta("d")

    conversation, opened = await begin(runner, alice, talk)
    assert isinstance(await ended(runner, opened.turn_id), TurnCompleted)
    answer = await Message.objects.aget(conversation=conversation, role="assistant")
    assert answer.content == "a\ufffdb\ufffdcd"
    await free_again(runner, alice, conversation)


@pytest.mark.parametrize("kind", [say, think])
async def test_one_that_talks_on_in_a_language_of_many_tokens(runner, alice, scripted, kind):
    """Few and large deltas, no word a token: it is cut by what it says, not by how often it says something."""
    scripted._script = tuple(kind("机器学习的基本概念" * 5) for _ in range(60))
    conversation = await new_conversation(alice)
    opened = await runner.start_turn(principal=alice, request=asking(conversation, max_tokens=100))
    assert (await ended(runner, opened.turn_id)).finish_reason == "length"
    usage = await Usage.objects.aget()
    assert usage.completion_tokens < 400
    await free_again(runner, alice, conversation)
