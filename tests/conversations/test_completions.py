"""A completion: a turn for somebody who keeps the conversation herself. It is charged as any other, and leaves no text."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.utils import timezone
from structlog.testing import CapturingLogger

from chatplatform.core.errors import ContextTooLong, QuotaExceeded, VendorFailed
from conversations.models import Conversation, Message, Turn
from conversations.turns import engine, stream
from conversations.turns.events import TextAdded, TurnCompleted, TurnInterrupted, TurnStarted, TurnStopped
from conversations.turns.healing import heal_turns
from conversations.turns.request import CompletionRequest
from providers.base import PromptMessage, ProviderFault
from providers.errors import UnknownModel
from providers.models import Model
from providers.testing import ScriptedProvider, fail, report, say, wait
from providers.tokens import count_text
from quotas.models import Reservation, Usage
from quotas.selectors import check_books, read_quota
from tests.conversations.acting import asking, ended, new_conversation, read

SECRET = "the canary sings at night"
LONG_AGO = timezone.now() - timedelta(hours=1)

healing = sync_to_async(heal_turns, thread_sensitive=False)


def completing(*messages, **more) -> CompletionRequest:
    said = messages or (("user", "Why?"),)
    return CompletionRequest(messages=tuple(PromptMessage(*one) for one in said), contract="openai", **more)


@sync_to_async
def quota(principal):
    assert check_books() == []
    return read_quota(user_id=principal.user_id, tier=principal.tier)


@sync_to_async
def everything_stored() -> str:
    """All rows of the tables that a completion could leave something in, as text."""
    with connection.cursor() as cursor:
        found = []
        for table in ("conversations_turn", "quotas_usage", "quotas_reservation"):
            cursor.execute(f"SELECT row_to_json(t)::text FROM {table} t")
            found += [row[0] for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.fixture
def script():
    return [say("Because")]


@pytest.fixture
def scripted(script):
    """It plays what `script` holds when it is asked."""
    return ScriptedProvider(lambda request: script)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not await condition():
            await asyncio.sleep(0.02)


class TestAnswering:
    @pytest.fixture
    def script(self):
        return [say("Be"), say("cause"), report(12, 2, cached_tokens=3)]

    async def test_the_answer_is_streamed_and_charged(self, runner, alice):
        opened = await runner.start_completion(principal=alice, request=completing())
        events = await read(runner, opened.turn_id)
        assert [type(event) for event in events] == [TurnStarted, TextAdded, TextAdded, TurnCompleted]
        assert (events[0].conversation_id, events[0].message_id, events[0].user_message_id) == (None, None, None)
        state = await quota(alice)
        assert (state.requests_used_today, state.tokens_used_today) == (1, 14)
        usage = await Usage.objects.aget()
        assert (usage.turn_id, usage.message_id, usage.conversation_id) == (opened.turn_id, None, None)
        assert (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.source) == (12, 2, 3, "provider")
        assert (usage.model_asked, usage.model_answered, usage.provider_name) == ("script", "script", "scripted")

    async def test_in_one_body_it_is_the_same_answer(self, runner, alice):
        finished = await runner.finish_completion(await runner.start_completion(principal=alice, request=completing()))
        assert (finished.text, finished.finish_reason, finished.usage.total_tokens) == ("Because", "stop", 14)

    async def test_the_messages_are_the_prompt_as_they_are(self, runner, alice, scripted):
        said = [("system", "Be brief."), ("user", "Why?"), ("assistant", "Because."), ("user", "Why?"), ("system", "In verse.")]
        request = completing(*said, temperature=0.5, top_p=0.25, stop=("\n", "END"), max_tokens=7)
        await runner.finish_completion(await runner.start_completion(principal=alice, request=request))
        asked = scripted.requests[-1]
        assert [(message.role, message.content) for message in asked.messages] == said
        assert (asked.temperature, asked.top_p, asked.stop, asked.max_tokens) == (0.5, 0.25, ("\n", "END"), 7)
        assert asked.user == alice.user_uuid.hex
        turn = await Turn.objects.aget()
        assert turn.options == {"temperature": 0.5, "top_p": 0.25, "max_tokens": 7}, "a stop is a text, and no text is kept"

    async def test_many_of_one_person_run_at_the_same_time(self, runner, alice):
        opened = await asyncio.gather(*(runner.start_completion(principal=alice, request=completing()) for _ in range(5)))
        texts = [(await runner.finish_completion(one)).text for one in opened]
        assert texts == ["Because"] * 5
        assert (await quota(alice)).requests_used_today == 5


class TestWhatIsLeft:
    @pytest.fixture
    def script(self):
        return [say(SECRET), wait(0.3), say(SECRET)]

    async def test_nothing_of_what_was_said_is_left_when_it_has_ended(self, runner, alice):
        question = "what does the canary do at midnight"
        opened = await runner.start_completion(principal=alice, request=completing(("user", question), stop=("midday",)))
        finished = await runner.finish_completion(opened)
        assert finished.text == SECRET * 2
        left = await everything_stored()
        assert "canary" not in left
        assert "midday" not in left
        assert await Message.objects.acount() == await Conversation.objects.acount() == 0
        turn = await Turn.objects.aget()
        assert (turn.state, turn.text, bytes(turn.marks)) == ("completed", "", b"")
        key = stream.stream_key(opened.turn_id)

        @sync_to_async
        def expires_soon():
            return 0 < stream._blocking().ttl(key) <= stream.COMPLETION_SECONDS

        await until(expires_soon)

    async def test_a_vendors_words_are_not_kept_either(self, alice, runner, script, monkeypatch):
        logged = CapturingLogger()
        monkeypatch.setattr(engine, "log", logged)
        script[:] = [fail(ProviderFault.REJECTED, f"what is this: {SECRET}")]
        opened = await runner.start_completion(principal=alice, request=completing())
        await ended(runner, opened.turn_id)
        assert "canary" not in await everything_stored()
        assert [call.method_name for call in logged.calls] == ["warning"]
        assert "canary" not in str(logged.calls)


class TestLeaving:
    @pytest.fixture
    def script(self):
        return [say("Be"), wait(30), say("cause")]

    async def test_who_leaves_ends_it_and_is_charged_for_what_was_said(self, runner, alice):
        opened = await runner.start_completion(principal=alice, request=completing())
        await runner.wait_first_event(opened.turn_id)
        runner.leave(opened)
        assert isinstance(await ended(runner, opened.turn_id), TurnStopped)
        usage = await Usage.objects.aget()
        assert (usage.source, usage.completion_tokens) == ("estimated", count_text("Be", model="script"))
        assert await Reservation.objects.filter(state="open").acount() == 0
        await quota(alice)

    async def test_who_leaves_while_it_is_being_accepted_ends_it_too(self, runner, alice):
        starting = asyncio.ensure_future(runner.start_completion(principal=alice, request=completing()))
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

        async def is_over():
            return await Turn.objects.filter(state="stopped").acount() == 1

        await until(is_over)
        assert not runner.live
        await quota(alice)

    async def test_leaving_one_that_has_ended_changes_nothing(self, runner, alice, script):
        script[:] = [say("Because")]
        opened = await runner.start_completion(principal=alice, request=completing())
        await ended(runner, opened.turn_id)
        runner.leave(opened)
        assert (await Turn.objects.aget()).state == "completed"

    async def test_it_is_stopped_by_its_name_from_any_process(self, runner, elsewhere, alice):
        opened = await runner.start_completion(principal=alice, request=completing())
        await runner.wait_first_event(opened.turn_id)
        view = await elsewhere.stop_turn(principal=alice, turn_id=opened.turn_id)
        assert (view.status, view.conversation_id, view.message_id) == ("stopped", None, None)
        assert (await runner.finish_completion(opened)).text == "Be"

    async def test_a_follower_in_another_process_hears_all_of_it_to_its_end(self, runner, elsewhere, alice):
        opened = await runner.start_completion(principal=alice, request=completing())
        await runner.wait_first_event(opened.turn_id)
        following = asyncio.ensure_future(read(elsewhere, opened.turn_id))
        await asyncio.sleep(0.3)
        runner.leave(opened)
        events = await asyncio.wait_for(following, 10)
        assert [event.text for event in events if isinstance(event, TextAdded)] == ["Be"]
        assert isinstance(events[-1], TurnStopped)


class TestDying:
    @pytest.fixture
    def script(self):
        return [say("one two three"), wait(30)]

    async def test_one_of_a_dead_process_is_charged_for_what_it_said_and_leaves_nothing(self, runner, alice):
        opened = await runner.start_completion(principal=alice, request=completing())

        while not runner.live[opened.turn_id].log.length:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # it is in Redis, and perhaps not yet in the database
        # Another fence: the runner cannot be faster and renew its lease.
        await Turn.objects.filter(uuid=opened.turn_id).aupdate(lease_until=LONG_AGO, fence=opened.turn_id, text="", marks=b"")
        assert await healing() == 1
        turn = await Turn.objects.aget()
        assert (turn.state, turn.text, bytes(turn.marks)) == ("interrupted", "", b"")
        usage = await Usage.objects.aget()
        assert (usage.source, usage.completion_tokens, usage.charged_requests) == (
            "estimated",
            count_text("one two three", model="script"),
            1,
        )
        assert isinstance(await ended(runner, opened.turn_id), TurnInterrupted)
        assert not await sync_to_async(stream._blocking().exists)(stream.stream_key(opened.turn_id))
        await quota(alice)

    async def test_one_that_said_nothing_yet_costs_nothing(self, runner, alice, script):
        script[:] = [wait(30)]
        opened = await runner.start_completion(principal=alice, request=completing())
        live = runner.live[opened.turn_id]
        runner._interrupt(live)
        with pytest.raises(VendorFailed):
            await runner.finish_completion(opened)
        state = await quota(alice)
        assert (state.requests_used_today, state.tokens_used_today) == (0, 0)


class TestBeingRefused:
    async def test_what_does_not_fit_is_refused_before_anything_is_stored(self, runner, alice):
        with pytest.raises(ContextTooLong):
            await runner.start_completion(principal=alice, request=completing(("user", "why " * 5000)))
        assert await Turn.objects.acount() == 0
        await quota(alice)

    async def test_an_unknown_model_is_refused(self, runner, alice):
        with pytest.raises(UnknownModel):
            await runner.start_completion(principal=alice, request=completing(model="gpt-9"))

    async def test_a_used_up_quota_refuses(self, runner, alice):
        await Model.objects.aupdate(context_window=1_000_000)
        with pytest.raises(QuotaExceeded):
            await runner.start_completion(principal=alice, request=completing(("user", "why " * 20_000)))
        assert await Turn.objects.acount() == 0

    async def test_a_vendor_that_fails_at_once_costs_nothing(self, runner, alice, script):
        script[:] = [fail(ProviderFault.UNAVAILABLE)]
        opened = await runner.start_completion(principal=alice, request=completing())
        with pytest.raises(VendorFailed):
            await runner.finish_completion(opened)
        state = await quota(alice)
        assert (state.requests_used_today, state.tokens_used_today) == (0, 0)


class TestInAConversation:
    async def test_top_p_and_stop_reach_the_provider_too(self, runner, alice, scripted):
        conversation = await new_conversation(alice)
        request = asking(conversation, top_p=0.25, stop=("END",))
        await runner.finish(await runner.start_turn(principal=alice, request=request))
        assert (scripted.requests[-1].top_p, scripted.requests[-1].stop) == (0.25, ("END",))
        assert (await Turn.objects.aget()).options == {"top_p": 0.25, "stop": ["END"]}

    async def test_they_belong_to_what_a_key_stands_for(self, alice):
        conversation = await new_conversation(alice)
        plain = asking(conversation).fingerprint()
        assert plain == asking(conversation, top_p=None, stop=()).fingerprint()
        assert len({plain, *(asking(conversation, **more).fingerprint() for more in ({"top_p": 0.5}, {"stop": ("a",)}))}) == 3
