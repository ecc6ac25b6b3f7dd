"""A process that ends closes what it has accepted, whatever moment it is asked at."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from conversations.models import Message, Turn
from conversations.turns.runner import TurnRunner
from providers.testing import ScriptedProvider, say, wait
from quotas.models import Usage
from quotas.selectors import check_books
from tests.conversations.acting import asking, new_conversation


@pytest.fixture
def scripted():
    return ScriptedProvider(say("so far"), wait(60))


@pytest.mark.parametrize("moment", [0, 0.001, 0.003, 0.006, 0.01, 0.02, 0.05])
async def test_while_messages_are_being_accepted(provider_row, scripted, alice, moment):
    runner = TurnRunner(open_provider=lambda _route: scripted)
    await runner.startup()
    conversations = [await new_conversation(alice) for _ in range(8)]
    sends = [
        asyncio.create_task(runner.start_turn(principal=alice, request=asking(conversation))) for conversation in conversations
    ]
    await asyncio.sleep(moment)
    await asyncio.wait_for(runner.shutdown(), 10)
    results = await asyncio.gather(*sends, return_exceptions=True)
    assert scripted.active == 0
    states = [turn.state async for turn in Turn.objects.all()]
    assert set(states) <= {"interrupted"}
    assert len(states) == sum(not isinstance(result, BaseException) for result in results)
    assert await Message.objects.filter(status="streaming").acount() == 0
    assert await Usage.objects.acount() == await Message.objects.filter(role="assistant").exclude(content="").acount()
    assert await sync_to_async(check_books)() == []
