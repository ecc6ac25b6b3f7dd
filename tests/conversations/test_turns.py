"""A turn from its first message to its only ending."""

import asyncio

import pytest
from asgiref.sync import sync_to_async

from chatplatform.core.errors import ContextTooLong, KeyReused, QuotaExceeded, VendorFailed
from conversations import selectors
from conversations.errors import ConversationBusy, ConversationNotFound, TurnNotFound
from conversations.models import Message, Turn
from conversations.turns.events import (
    TextAdded,
    TurnCompleted,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
)
from providers.base import ProviderFault
from providers.errors import UnknownModel
from providers.testing import ScriptedProvider, fail, report, say, think, wait
from quotas.models import Reservation, Usage
from quotas.selectors import check_books, read_quota
from tests.conversations.acting import asking, ended, new_conversation, read


@sync_to_async
def stored(conversation):
    return list(Message.objects.filter(conversation=conversation).order_by("id"))


@sync_to_async
def quota(principal):
    assert check_books() == []
    return read_quota(user_id=principal.user_id, tier=principal.tier)


class TestAnswering:
    @pytest.fixture
    def scripted(self):
        return ScriptedProvider(say("Be"), say("cause"), report(12, 2, cached_tokens=3))

    async def test_the_answer_is_streamed_stored_and_charged(self, runner, alice):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        events = await read(runner, opened.turn_id)
        assert [type(event) for event in events] == [TurnStarted, TextAdded, TextAdded, TurnCompleted]
        assert [event.n for event in events] == [1, 2, 3, 4]
        question, answer = await stored(conversation)
        assert (question.content, question.role, question.status) == ("Why?", "user", "complete")
        assert (answer.content, answer.role, answer.status, answer.tokens_used) == ("Because", "assistant", "complete", 2)
        assert answer.parent_id == question.pk
        state = await quota(alice)
        assert (state.requests_used_today, state.tokens_used_today) == (1, 14)
        usage = await Usage.objects.aget()
        assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.source) == (12, 2, 3, "provider")
        assert usage.cost_micros is None, "nobody knows what this model costs"

    async def test_a_send_in_one_body_gets_the_same_answer(self, runner, alice):
        conversation = await new_conversation(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        assert finished.assistant_message.content == "Because"
        assert finished.usage.total_tokens == 14
        assert finished.status == "completed"

    async def test_the_first_message_gives_a_title_and_the_history_is_sent_along(self, runner, alice, scripted):
        conversation = await new_conversation(alice, system_message="Be brief.")
        for question in ("Why is the sky blue?\nPlease.", "And the sea?"):
            await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, question)))
        assert [(m.role, m.content) for m in scripted.requests[-1].messages] == [
            ("system", "Be brief."),
            ("user", "Why is the sky blue?\nPlease."),
            ("assistant", "Because"),
            ("user", "And the sea?"),
        ]
        detail = await sync_to_async(selectors.read_conversation)(principal=alice, conversation_id=conversation.uuid)
        again = detail.conversation
        assert again.title == "Why is the sky blue?"
        assert again.message_count == 4

    async def test_the_provider_is_never_asked_for_more_than_was_reserved(self, runner, alice, scripted):
        conversation = await new_conversation(alice)
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, max_tokens=77)))
        assert scripted.requests[-1].max_tokens == 77
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        assert scripted.requests[-1].max_tokens == 1024


class TestReadingAgain:
    @pytest.fixture
    def gate(self):
        return asyncio.Event()

    @pytest.fixture
    def scripted(self, gate):
        return ScriptedProvider(say("a"), say("b"), wait(gate), say("c"), say("d"))

    async def test_a_turn_is_followed_in_another_process_while_it_runs(self, runner, elsewhere, alice, gate):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        there = asyncio.create_task(read(elsewhere, opened.turn_id))
        await asyncio.sleep(0.3)
        gate.set()
        here = await read(runner, opened.turn_id)
        assert await there == here

    async def test_and_from_any_number_long_after(self, runner, elsewhere, alice, gate):
        gate.set()
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        events = await read(runner, opened.turn_id)
        while runner.live:
            await asyncio.sleep(0.01)
        for after in range(len(events)):
            assert await read(elsewhere, opened.turn_id, after) == events[after:]
        assert await read(elsewhere, opened.turn_id, 99) == events[-1:], "past the end the ending is told again"

    async def test_without_redis_the_database_tells_the_other_process(self, runner, elsewhere, alice, gate):
        await elsewhere._redis.aclose()
        elsewhere._replicas._client = _Unreachable()
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        there = asyncio.create_task(read(elsewhere, opened.turn_id))
        await asyncio.sleep(0.2)
        gate.set()
        here = await read(runner, opened.turn_id)
        assert await there == here


class _Unreachable:
    """Redis, away."""

    async def xread(self, *_args, **_more):
        import redis

        raise redis.ConnectionError("away")


class TestStopping:
    @pytest.fixture
    def scripted(self):
        return ScriptedProvider(say("half"), wait(60))

    @pytest.mark.parametrize("where", ["here", "elsewhere"])
    async def test_a_stop_hangs_up_and_keeps_the_text(self, runner, elsewhere, alice, scripted, where):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        await runner.wait_first_event(opened.turn_id)
        view = await (runner if where == "here" else elsewhere).stop_turn(principal=alice, turn_id=opened.turn_id)
        assert view.status == "stopped"
        assert isinstance(await ended(runner, opened.turn_id), TurnStopped)
        assert (scripted.active, scripted.hung_up) == (0, 1)
        _, answer = await stored(conversation)
        assert (answer.content, answer.status) == ("half", "stopped")
        usage = await Usage.objects.aget()
        assert usage.source == "estimated"
        assert 1 <= usage.completion_tokens <= 2
        await quota(alice)

    async def test_a_strangers_turn_does_not_exist(self, runner, alice, bob):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        for attempt in (runner.stop_turn, runner.find_turn):
            with pytest.raises(TurnNotFound):
                await attempt(principal=bob, turn_id=opened.turn_id)
        assert (await runner.find_turn(principal=alice, turn_id=opened.turn_id)).status == "running"

    async def test_a_client_that_leaves_during_the_send_leaves_a_running_turn(self, runner, alice):
        conversation = await new_conversation(alice)
        send = asyncio.create_task(runner.start_turn(principal=alice, request=asking(conversation)))
        await asyncio.sleep(0.001)
        send.cancel()
        with pytest.raises(asyncio.CancelledError):
            await send
        for _ in range(100):
            if runner.live:
                break
            await asyncio.sleep(0.02)
        assert len(runner.live) == 1
        assert await Turn.objects.filter(state="running").acount() == 1


class TestFailing:
    async def test_before_the_first_token_it_is_a_status_and_costs_nothing(self, runner, alice, scripted):
        scripted._script = (fail(ProviderFault.AUTH, "bad key"),)
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        with pytest.raises(VendorFailed):
            await runner.wait_first_event(opened.turn_id)
        with pytest.raises(VendorFailed) as failed:
            await runner.finish(opened)
        assert (failed.value.turn_id, failed.value.text_kept) == (opened.turn_id, False)
        ending = await ended(runner, opened.turn_id)
        assert isinstance(ending, TurnFailed)
        assert ending.code == "provider_auth"
        question, answer = await stored(conversation)
        assert (question.content, answer.content, answer.status) == ("Why?", "", "failed")
        state = await quota(alice)
        assert (state.requests_used_today, state.tokens_used_today) == (0, 0)
        assert await Usage.objects.acount() == 0

    async def test_later_the_text_is_kept_and_charged(self, runner, alice, scripted):
        scripted._script = (say("Once upon"), fail(ProviderFault.CUT))
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        events = await read(runner, opened.turn_id)
        assert [type(event) for event in events] == [TurnStarted, TextAdded, TurnFailed]
        _, answer = await stored(conversation)
        assert (answer.content, answer.status) == ("Once upon", "failed")
        with pytest.raises(VendorFailed) as failed:
            await runner.finish(opened)
        assert (failed.value.turn_id, failed.value.text_kept) == (opened.turn_id, True)
        assert (await quota(alice)).requests_used_today == 1

    async def test_a_failed_answer_is_not_shown_to_the_model_and_the_conversation_goes_on(self, runner, alice, scripted):
        scripted._script = (fail(ProviderFault.UNAVAILABLE),)
        conversation = await new_conversation(alice)
        await read(runner, (await runner.start_turn(principal=alice, request=asking(conversation))).turn_id)
        scripted._script = (say("Yes"),)
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, "Again?")))
        assert [m.role for m in scripted.requests[-1].messages] == ["user", "user"]

    async def test_a_provider_that_breaks_in_its_own_way_is_a_failure_too(self, runner, alice, scripted):
        def broken(_request):
            raise ZeroDivisionError

        scripted._script = (broken,)
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        assert (await ended(runner, opened.turn_id)).code == "internal"
        assert (await quota(alice)).requests_used_today == 0

    async def test_a_provider_that_talks_on_is_cut_at_what_was_reserved(self, runner, alice, scripted):
        scripted._script = tuple(say("word ") for _ in range(2000))
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation, max_tokens=100))
        ending = await ended(runner, opened.turn_id)
        assert ending.finish_reason == "length"
        assert len((await stored(conversation))[1].content) < 5 * 250
        await quota(alice)

    async def test_thinking_is_charged_but_not_told(self, runner, alice, scripted):
        scripted._script = (think("hmm " * 20), say("42"))
        conversation = await new_conversation(alice)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        assert finished.assistant_message.content == "42"
        usage = await Usage.objects.aget()
        assert usage.reasoning_tokens > 10
        assert usage.completion_tokens > usage.reasoning_tokens


class TestRefusing:
    @pytest.fixture
    def scripted(self):
        return ScriptedProvider(say("slow"), wait(60))

    async def test_nothing_is_stored_of_what_is_refused(self, runner, alice, bob):
        conversation = await new_conversation(alice)
        refusals = [
            (alice, asking(conversation, model="no-such-model"), UnknownModel),
            (alice, asking(conversation, "long " * 6000), ContextTooLong),
            (alice, asking(conversation, max_tokens=4000 + 10**6), QuotaExceeded),
            (bob, asking(conversation), ConversationNotFound),
        ]
        for principal, request, error in refusals:
            if error is QuotaExceeded:
                await _use_up(alice)
            with pytest.raises(error):
                await runner.start_turn(principal=principal, request=request)
        assert await stored(conversation) == []
        assert await Turn.objects.acount() == 0
        assert await Reservation.objects.filter(state="open").acount() == 0

    async def test_one_turn_at_a_time(self, runner, elsewhere, alice):
        conversation = await new_conversation(alice)
        attempts = [
            (runner if n % 2 else elsewhere).start_turn(principal=alice, request=asking(conversation, f"tab {n}"))
            for n in range(8)
        ]
        results = await asyncio.gather(*attempts, return_exceptions=True)
        opened = [result for result in results if not isinstance(result, Exception)]
        busy = [result for result in results if isinstance(result, ConversationBusy)]
        assert (len(opened), len(busy)) == (1, 7)
        assert {error.turn_id for error in busy} == {opened[0].turn_id}

    async def test_the_same_key_attaches_to_the_same_turn(self, runner, elsewhere, alice, scripted):
        conversation = await new_conversation(alice)
        request = asking(conversation, client_key="k1")
        results = await asyncio.gather(
            *((runner if n % 2 else elsewhere).start_turn(principal=alice, request=request) for n in range(10))
        )
        assert len({result.turn_id for result in results}) == 1
        assert sum(not result.attached for result in results) == 1
        assert len(scripted.requests) == 1
        with pytest.raises(KeyReused):
            await runner.start_turn(principal=alice, request=asking(conversation, "Other", client_key="k1"))


@sync_to_async
def _use_up(principal):
    from quotas.models import Tier

    Tier.objects.filter(slug=principal.tier).update(daily_requests=0)


class TestDraining:
    @pytest.fixture
    def scripted(self):
        return ScriptedProvider(say("so far"), wait(60))

    async def test_a_process_that_goes_tells_its_followers_and_keeps_the_text(self, runner, alice):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        await runner.wait_first_event(opened.turn_id)
        following = asyncio.create_task(read(runner, opened.turn_id))
        await asyncio.sleep(0)
        await runner._interrupt_all()
        assert isinstance((await following)[-1], TurnInterrupted)
        _, answer = await stored(conversation)
        assert (answer.content, answer.status) == ("so far", "interrupted")
        await quota(alice)
