"""A turn whose process died or fell asleep is closed by another; whoever wakes up finds that out and changes nothing any more."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from conversations.models import Message, Turn
from conversations.turns.events import TurnInterrupted
from conversations.turns.healing import heal, heal_turns
from providers.testing import ScriptedProvider, say, wait
from quotas.models import Reservation, Usage
from quotas.selectors import check_books
from tests.conversations.acting import asking, ended, new_conversation

LONG_AGO = timezone.now() - timedelta(hours=1)

healing = sync_to_async(heal_turns, thread_sensitive=False)


@pytest.fixture
def scripted():
    return ScriptedProvider(say("so "), say("far"), wait(60))


async def opened_and_speaking(runner, alice):
    conversation = await new_conversation(alice)
    opened = await runner.start_turn(principal=alice, request=asking(conversation))
    while runner.live[opened.turn_id].log.length < len("so far"):
        await asyncio.sleep(0.01)
    return conversation, opened


async def test_a_turn_that_is_alive_is_left_alone(runner, alice):
    _, opened = await opened_and_speaking(runner, alice)
    assert await healing() == 0
    assert (await runner.find_turn(principal=alice, turn_id=opened.turn_id)).status == "running"


async def test_the_text_is_kept_and_who_wakes_up_is_told(runner, alice, scripted):
    conversation, opened = await opened_and_speaking(runner, alice)
    await asyncio.sleep(0.2)  # it is in Redis, and perhaps not yet in the database
    # Another fence: the runner cannot be faster and renew its lease.
    await Turn.objects.filter(uuid=opened.turn_id).aupdate(lease_until=LONG_AGO, fence=opened.turn_id, text="", marks=b"")
    healed = await asyncio.gather(*(healing() for _ in range(4)))
    assert sum(healed) == 1, "many healers at once close it once"
    assert isinstance(await ended(runner, opened.turn_id), TurnInterrupted)
    assert (scripted.active, scripted.hung_up) == (0, 1), "nobody listens to the vendor any more"
    answer = await Message.objects.aget(conversation=conversation, role="assistant")
    assert (answer.content, answer.status) == ("so far", "interrupted")
    assert await Usage.objects.acount() == 1
    assert await sync_to_async(check_books)() == []
    assert (await runner.start_turn(principal=alice, request=asking(conversation, "Again"))).turn_id, "the conversation is free"


async def test_who_comes_back_in_time_keeps_its_turn(runner, alice):
    """The healer had seen the lease run out, and then it was renewed."""
    _, opened = await opened_and_speaking(runner, alice)
    seen = await Turn.objects.aget(uuid=opened.turn_id)
    assert not await sync_to_async(heal, thread_sensitive=False)(seen)
    assert (await runner.find_turn(principal=alice, turn_id=opened.turn_id)).status == "running"


async def test_a_send_heals_what_is_in_its_way(runner, elsewhere, alice):
    conversation, opened = await opened_and_speaking(runner, alice)
    await Turn.objects.filter(uuid=opened.turn_id).aupdate(lease_until=LONG_AGO, fence=opened.turn_id)
    again = await elsewhere.start_turn(principal=alice, request=asking(conversation, "Again"))
    assert not again.attached
    assert (await runner.find_turn(principal=alice, turn_id=opened.turn_id)).status == "interrupted"
    assert await Turn.objects.filter(conversation=conversation, state="running").acount() == 1


async def test_what_had_not_said_a_word_costs_nothing(runner, alice, scripted):
    scripted._script = (wait(60),)
    conversation = await new_conversation(alice)
    opened = await runner.start_turn(principal=alice, request=asking(conversation))
    await Turn.objects.filter(uuid=opened.turn_id).aupdate(lease_until=LONG_AGO, fence=opened.turn_id)
    await healing()
    assert await Usage.objects.acount() == 0
    assert (await Reservation.objects.aget()).state == "released"


async def test_one_turn_that_cannot_be_healed_does_not_hold_up_the_others(runner, alice):
    broken = [await opened_and_speaking(runner, alice) for _ in range(3)]
    first = broken[0][1].turn_id
    await Turn.objects.aupdate(lease_until=LONG_AGO, fence=first, text="so far")
    await Turn.objects.filter(uuid=first).aupdate(price={"of": "a version that is gone"})
    assert await healing() == 2
    states = {turn.uuid: turn.state async for turn in Turn.objects.all()}
    assert states.pop(first) == "running"
    assert set(states.values()) == {"interrupted"}
    await Turn.objects.filter(uuid=first).aupdate(price=None)
    assert await healing() == 1
