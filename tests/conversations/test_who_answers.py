"""Who answers a turn, on what terms, and what is kept of it."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from conversations import services
from conversations.models import Conversation, Message, Turn, VendorThread
from conversations.turns import reading
from conversations.turns.events import TurnCompleted, TurnFailed
from providers import registry
from providers.base import ProviderError, ProviderFault, ThreadNamed
from providers.errors import AgentNotFound, ProviderNotAccessible, ProviderSwitchedOff
from providers.models import Agent, Fallback, Kind, Model, ModelPrice, Provider, Scope
from providers.testing import ScriptedProvider, fail, report, say, wait
from quotas.models import Usage
from quotas.selectors import check_books
from tests.conversations.acting import asking, ended, new_conversation, read
from tests.providers.people import HERE


@pytest.fixture
def cast(runner):
    """Providers by name, each with its script; the one called `first` answers by default."""
    speaking: dict[int, ScriptedProvider] = {}

    @sync_to_async
    def add(name, *script, kind=Kind.CUSTOM, **fields):
        fields = {"scope": Scope.ORGANIZATION, "is_default": True, "position": 10 + len(speaking)} | fields
        row = Provider.objects.create(name=name, kind=kind, base_url="http://127.0.0.1:9", default_model=f"{name}-1", **fields)
        Model.objects.create(provider=row, name=f"{name}-1", context_window=4096)
        speaking[row.pk] = ScriptedProvider(*script)
        return row, speaking[row.pk]

    def open_provider(route):
        speaker = speaking[route.provider_id]
        if isinstance(speaker, ProviderError):
            raise speaker
        return speaker

    runner._open_provider = open_provider
    return add


async def answer(runner, person, conversation, content="Why?", **more):
    opened = await runner.start_turn(principal=person, request=asking(conversation, content, **more))
    return await ended(runner, opened.turn_id), await Turn.objects.aget(uuid=opened.turn_id)


async def test_the_provider_asked_for_answers(runner, alice, cast):
    await cast("first", say("one"))
    second, _ = await cast("second", say("two"))
    conversation = await new_conversation(alice)
    _, turn = await answer(runner, alice, conversation)
    assert turn.provider_name == "first"
    done, turn = await answer(runner, alice, conversation, provider_id=second.pk)
    assert (turn.provider_name, done.model) == ("second", "second-1")


async def test_the_conversations_provider_answers_when_nobody_is_asked_for(runner, alice, cast):
    await cast("first", say("one"))
    second, _ = await cast("second", say("two"))
    conversation = await new_conversation(alice, provider_id=second.pk)
    _, turn = await answer(runner, alice, conversation)
    assert turn.provider_name == "second"


async def test_a_provider_of_somebody_else_is_refused_and_nothing_is_stored(runner, alice, bob, cast):
    await cast("first", say("one"))
    his, speaker = await cast("his", say("secret"), scope=Scope.PERSONAL, owner_id=bob.user_id, is_default=False)
    conversation = await new_conversation(alice)
    for unknown in (his.pk, his.pk + 1000):
        with pytest.raises(ProviderNotAccessible):
            await runner.start_turn(principal=alice, request=asking(conversation, provider_id=unknown))
    assert not speaker.requests
    assert not await Message.objects.filter(conversation=conversation).aexists()
    assert await sync_to_async(check_books)() == []


async def test_a_provider_that_is_switched_off_is_said_to_be(runner, alice, cast):
    await cast("first", say("one"))
    second, _ = await cast("second", say("two"))
    conversation = await new_conversation(alice, provider_id=second.pk)
    await Provider.objects.filter(pk=second.pk).aupdate(is_active=False)
    for asked in ({"provider_id": second.pk}, {}):
        with pytest.raises(ProviderSwitchedOff):
            await runner.start_turn(principal=alice, request=asking(conversation, **asked))


async def test_a_provider_that_was_taken_back_is_followed_by_the_default(runner, alice, cast):
    await cast("first", say("one"))
    second, speaker = await cast("second", say("two"))
    conversation = await new_conversation(alice, provider_id=second.pk)
    await Provider.objects.filter(pk=second.pk).aupdate(is_default=False)
    _, turn = await answer(runner, alice, conversation)
    assert turn.provider_name == "first"
    assert not speaker.requests


async def test_the_next_provider_answers_at_its_own_price(runner, elsewhere, alice, cast):
    first, _ = await cast("first", fail(ProviderFault.UNAVAILABLE))
    second, _ = await cast("second", say("here"), report(1_000_000, 10, cached_tokens=400_000))
    await Fallback.objects.acreate(provider=first, fallback=second)
    await ModelPrice.objects.acreate(
        name="second-1",
        input_micros_per_million=30,
        output_micros_per_million=0,
        cached_input_micros_per_million=5,
        as_of="2026-01-01",
    )
    conversation = await new_conversation(alice)
    done, turn = await answer(runner, alice, conversation)
    assert isinstance(done, TurnCompleted)
    assert (turn.provider_id, turn.provider_name, turn.model, done.model) == (second.pk, "second", "second-1", "second-1")
    usage = await Usage.objects.aget(turn_id=turn.uuid)
    assert (usage.provider_id, usage.cost_micros, usage.cached_tokens) == (second.pk, 20, 400_000)
    assert (done.usage.cost_micros, done.usage.cached_tokens) == (20, 400_000)
    assert (await read(elsewhere, turn.uuid))[-1].usage == done.usage
    assert (await sync_to_async(reading.find_turn)(principal=alice, turn_id=turn.uuid)).usage == done.usage
    assert await sync_to_async(check_books)() == []


async def test_when_everybody_fails_nothing_is_charged_and_the_turn_names_who_was_meant(runner, alice, cast):
    first, _ = await cast("first", fail(ProviderFault.BUSY, retry_after=7))
    second, _ = await cast("second", fail(ProviderFault.UNAVAILABLE))
    await Fallback.objects.acreate(provider=first, fallback=second)
    conversation = await new_conversation(alice)
    done, turn = await answer(runner, alice, conversation)
    assert isinstance(done, TurnFailed)
    assert (done.code, done.retry_after, turn.provider_name) == ("provider_busy", 7, "first")
    assert not await Usage.objects.aexists()
    assert await sync_to_async(check_books)() == []


async def test_a_fallback_that_the_person_may_not_use_is_never_asked(runner, alice, cast):
    first, _ = await cast("first", fail(ProviderFault.UNAVAILABLE))
    second, speaker = await cast("second", say("not for her"), is_default=False)
    await Fallback.objects.acreate(provider=first, fallback=second)
    done, _ = await answer(runner, alice, await new_conversation(alice))
    assert isinstance(done, TurnFailed)
    assert not speaker.requests


async def test_an_agent_sets_the_tone(runner, alice, cast):
    _, plain = await cast("first", say("one"))
    second, speaker = await cast("second", say("arr"))
    agent = await Agent.objects.acreate(
        name="Pirate", provider=second, system_prompt="Talk like a pirate.", config={"temperature": 0.3, "max_tokens": 77}
    )
    conversation = await new_conversation(alice, system_message="Be short.")
    await answer(runner, alice, conversation, agent_id=agent.uuid)
    asked = speaker.requests[0]
    assert (asked.messages[0].role, asked.messages[0].content) == ("system", "Talk like a pirate.\n\nBe short.")
    assert (asked.temperature, asked.max_tokens) == (0.3, 77)
    await answer(runner, alice, conversation, agent_id=agent.uuid, temperature=1.5, max_tokens=20)
    assert (speaker.requests[1].temperature, speaker.requests[1].max_tokens) == (1.5, 20)
    assert not plain.requests


async def test_the_conversations_agent_answers_until_it_is_switched_off(runner, alice, cast):
    await cast("first", say("one"))
    second, speaker = await cast("second", say("arr"))
    agent = await Agent.objects.acreate(name="Pirate", provider=second, system_prompt="Arr.")
    conversation = await new_conversation(alice)
    await Conversation.objects.filter(pk=conversation.pk).aupdate(agent=agent, model="")
    await answer(runner, alice, conversation)
    assert speaker.requests[0].messages[0].content == "Arr."
    await Agent.objects.filter(pk=agent.pk).aupdate(status=Agent.Status.INACTIVE)
    _, turn = await answer(runner, alice, conversation)
    assert turn.provider_name == "first"
    with pytest.raises(AgentNotFound):
        await runner.start_turn(principal=alice, request=asking(conversation, agent_id=agent.uuid))


async def test_a_vendor_that_keeps_conversations_is_continued(runner, alice, cast):
    dify, speaker = await cast("dify", ThreadNamed("theirs"), say("one"), kind=Kind.DIFY)
    conversation = await new_conversation(alice, provider_id=dify.pk)
    await answer(runner, alice, conversation)
    await answer(runner, alice, conversation)
    assert [request.thread for request in speaker.requests] == ["", "theirs"]
    assert {request.conversation for request in speaker.requests} == {conversation.uuid.hex}


async def test_a_vendor_is_told_everything_anew_once_its_memory_is_another(runner, alice, cast):
    dify, speaker = await cast("dify", ThreadNamed("theirs"), say("one"), kind=Kind.DIFY)
    other, _ = await cast("other", say("two"))
    conversation = await new_conversation(alice, provider_id=dify.pk)
    await answer(runner, alice, conversation)
    # Somebody else answers in between.
    await answer(runner, alice, conversation, provider_id=other.pk)
    _, turn = await answer(runner, alice, conversation)
    assert speaker.requests[-1].thread == ""
    # What was said is edited.
    question = await Message.objects.aget(pk=turn.user_message_id)
    await sync_to_async(services.edit_message)(principal=alice, message_id=question.uuid, content="No: how?", origin=HERE)
    await answer(runner, alice, conversation)
    assert speaker.requests[-1].thread == ""
    assert "No: how?" in [message.content for message in speaker.requests[-1].messages]


async def test_an_answer_that_broke_off_is_no_memory_of_the_vendors(runner, alice, cast):
    dify, _ = await cast("dify", ThreadNamed("theirs"), say("o"), fail(ProviderFault.CUT), kind=Kind.DIFY)
    conversation = await new_conversation(alice, provider_id=dify.pk)
    await answer(runner, alice, conversation)
    assert not await VendorThread.objects.aexists()


async def test_a_deleted_conversation_forgets_what_vendors_call_it(runner, alice, cast):
    dify, _ = await cast("dify", ThreadNamed("theirs"), say("one"), kind=Kind.DIFY)
    conversation = await new_conversation(alice, provider_id=dify.pk)
    await answer(runner, alice, conversation)
    assert await VendorThread.objects.acount() == 1
    await sync_to_async(services.delete_conversation)(principal=alice, conversation_id=conversation.uuid, origin=HERE)
    assert not await VendorThread.objects.aexists()


async def test_a_fallback_that_was_taken_back_while_the_first_was_waited_for_is_not_asked(runner, alice, cast):
    pause = asyncio.Event()
    first, slow = await cast("first", wait(pause), fail(ProviderFault.TIMEOUT))
    second, speaker = await cast("second", say("no longer"))
    await Fallback.objects.acreate(provider=first, fallback=second)
    speaking = runner._open_provider

    def open_provider(route):
        registry.open_found(route)
        return speaking(route)

    runner._open_provider = open_provider
    conversation = await new_conversation(alice)
    opened = await runner.start_turn(principal=alice, request=asking(conversation))
    while not slow.active:
        await asyncio.sleep(0.01)
    await Provider.objects.filter(pk=second.pk).adelete()
    pause.set()
    done = await ended(runner, opened.turn_id)
    assert isinstance(done, TurnFailed)
    assert done.code == "provider_timeout"
    assert not speaker.requests


async def test_an_agents_prompt_is_told_to_nobodys_own_server(runner, alice, cast):
    second, _ = await cast("second", say("arr"))
    hers, speaker = await cast("hers", say("thank you"), scope=Scope.PERSONAL, owner_id=alice.user_id, is_default=False)
    await Fallback.objects.acreate(provider=second, fallback=hers)
    agent = await Agent.objects.acreate(name="Pirate", provider=second, system_prompt="A secret.")
    conversation = await new_conversation(alice)
    with pytest.raises(ProviderNotAccessible):
        await runner.start_turn(principal=alice, request=asking(conversation, agent_id=agent.uuid, provider_id=hers.pk))
    await Provider.objects.filter(pk=second.pk).aupdate(is_active=False)
    with pytest.raises(ProviderSwitchedOff):
        await runner.start_turn(principal=alice, request=asking(conversation, agent_id=agent.uuid))
    assert not speaker.requests


@pytest.mark.parametrize("change", [{"base_url": "http://127.0.0.1:8"}, {"sealed_key": "another"}, {"config": {"bot_id": "2"}}])
async def test_a_vendor_that_moved_is_told_everything_anew(runner, alice, cast, change):
    coze, speaker = await cast("coze", ThreadNamed("theirs"), say("one"), kind=Kind.COZE)
    conversation = await new_conversation(alice, provider_id=coze.pk)
    await answer(runner, alice, conversation)
    await Provider.objects.filter(pk=coze.pk).aupdate(**change)
    await answer(runner, alice, conversation)
    assert [request.thread for request in speaker.requests] == ["", ""]
