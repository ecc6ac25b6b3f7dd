"""What was not used for thirty days goes, where that is promised; everything else stays."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.utils import timezone

from accounts.guests import make_guest_account
from accounts.models import User
from accounts.principal import GUEST
from chatplatform.core.models import AuditEvent
from conversations import search, selectors, services
from conversations.client_sessions import open_session, read_session_info
from conversations.errors import ConversationNotFound, SessionNotFound
from conversations.models import ClientSession, Conversation, Message, SearchEntry
from conversations.retention import delete_outworn
from conversations.tasks import delete_outworn_conversations
from providers.testing import ScriptedProvider, say, wait
from tests.conversations.acting import asking, ended

pytestmark = pytest.mark.django_db(transaction=True)
SAID = [("user", "学习 Python"), ("assistant", "Gladly.")]


def begin(principal, contract="llmchat", *, days_ago=31.0) -> Conversation:
    conversation = services.create_conversation(principal=principal, contract=contract, earlier=SAID)
    used(conversation, days_ago=days_ago)
    return conversation


def used(conversation, *, days_ago):
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now() - timedelta(days=days_ago))


def visit(principal, name, *, days_ago=31.0) -> Conversation:
    """A session of Coze in which something was said so long ago."""
    session = open_session(principal=principal, contract="coze", name=name)
    conversation = Conversation.objects.get(uuid=session.conversation_id)
    used(conversation, days_ago=days_ago)
    at = timezone.now() - timedelta(days=days_ago)
    ClientSession.objects.filter(user_id=principal.user_id, name=name).update(last_used_at=at)
    return conversation


def run(**more) -> int:
    return delete_outworn(now=timezone.now(), **more)


def is_alive(conversation) -> bool:
    return Conversation.objects.get(pk=conversation.pk).deleted_at is None


@pytest.fixture
def guest(alice):
    make_guest_account()
    user = User.objects.get(uuid=GUEST)
    return replace(alice, user_id=user.pk, user_uuid=user.uuid, username=user.username, tier=user.tier)


def test_only_what_llmchat_began_and_nobody_used_for_so_long_goes(alice, bob):
    old, his = begin(alice), begin(bob)
    fresh, elsewhere = begin(alice, days_ago=29.9), begin(alice, "lyss", days_ago=400)
    assert run() == 2
    assert [is_alive(one) for one in (old, his, fresh, elsewhere)] == [False, False, True, True]
    assert run() == 0


def test_it_goes_completely_and_is_recorded_without_its_text(alice):
    conversation = begin(alice)
    run()
    assert set(Message.objects.values_list("content", flat=True)) == {""}
    assert not SearchEntry.objects.exists()
    assert not search.matching(principal=alice, conversations=selectors.conversations_of(alice), text="python").exists()
    with pytest.raises(ConversationNotFound):
        selectors.read_conversation(principal=alice, conversation_id=conversation.uuid)
    event = AuditEvent.objects.get(action="conversation.expired")
    assert (event.target, event.actor_id, event.details) == (f"conversation:{conversation.uuid}", None, {})


def test_how_long_is_a_setting_and_nothing_is_for_ever(alice, guest, settings):
    old = begin(alice, days_ago=5)
    said = visit(guest, "demo", days_ago=5)
    settings.LLMCHAT_SESSION_DAYS = settings.COZE_SESSION_DAYS = 0
    Conversation.objects.update(updated_at=timezone.now() - timedelta(days=4000))
    assert run() == 0
    for conversation in (old, said):
        used(conversation, days_ago=5)
    settings.LLMCHAT_SESSION_DAYS = settings.COZE_SESSION_DAYS = 4
    assert run() == 2
    assert not is_alive(old)
    assert not is_alive(said)


def test_thousands_go_in_batches_oldest_first(alice):
    conversations = [begin(alice, days_ago=days) for days in (40, 33, 38, 35, 31)]
    assert [run(batch=2), [is_alive(one) for one in conversations]] == [2, [False, True, False, True, True]]
    assert [run(batch=2), run(batch=2), run(batch=2)] == [2, 1, 0]


def test_the_periodic_task_does_it(alice):
    conversation = begin(alice)
    assert delete_outworn_conversations.apply().get() == 1
    assert not is_alive(conversation)


class TestActivity:
    @pytest.fixture
    def scripted(self):
        def talk(_request):
            for _ in range(300):
                yield from (say("…"), wait(0.01))

        return ScriptedProvider(talk)

    async def test_an_answer_that_is_being_written_is_activity(self, runner, alice, scripted):
        conversation = await sync_to_async(begin)(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation))
        await sync_to_async(used)(conversation, days_ago=31)  # as if it had been written for as long as that
        assert await sync_to_async(run)() == 0
        await runner.stop_turn(principal=alice, turn_id=opened.turn_id)
        await ended(runner, opened.turn_id)
        assert await sync_to_async(run)() == 0, "its end was a moment ago"
        assert await sync_to_async(is_alive)(conversation)

    async def test_what_is_said_through_another_contract_is_activity(self, runner, alice, scripted):
        scripted._script = (say("Here."),)
        conversation = await sync_to_async(begin)(alice)
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation)))
        assert await sync_to_async(run)() == 0

    async def test_who_sends_at_that_very_moment_comes_first(self, alice):
        """Her message holds the conversation when it is found to be too old, and is stored before it can go."""
        conversation = await sync_to_async(begin)(alice)
        is_held, go_on = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def send():
            with transaction.atomic():
                Conversation.objects.select_for_update(no_key=True).get(pk=conversation.pk)
                loop.call_soon_threadsafe(is_held.set)
                asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(10)
                used(conversation, days_ago=0)

        sending = asyncio.create_task(sync_to_async(send, thread_sensitive=False)())
        await is_held.wait()
        running = asyncio.create_task(sync_to_async(run, thread_sensitive=False)())
        await asyncio.sleep(0.3)
        assert not running.done(), "it waits for her"
        go_on.set()
        await sending
        assert await running == 0
        assert await sync_to_async(is_alive)(conversation)


def test_a_sessions_name_is_forgotten_and_the_accounts_conversation_stays(alice):
    conversation, fresh = visit(alice, "old"), visit(alice, "fresh", days_ago=29)
    assert run() == 0
    with pytest.raises(SessionNotFound):
        read_session_info(principal=alice, name="old")
    assert read_session_info(principal=alice, name="fresh").conversation_id == fresh.uuid
    assert is_alive(conversation)
    assert open_session(principal=alice, contract="coze", name="old").conversation_id != conversation.uuid


def test_what_guests_said_goes_with_their_session(guest):
    old, fresh = visit(guest, "old"), visit(guest, "fresh", days_ago=29)
    assert run() == 1
    assert not is_alive(old)
    assert is_alive(fresh)
    with pytest.raises(SessionNotFound):
        read_session_info(principal=guest, name="old")


def test_a_guests_conversation_that_no_name_leads_to_goes_too(guest):
    left = visit(guest, "demo")
    other = services.create_conversation(principal=guest, contract="coze")
    open_session(principal=guest, contract="coze", name="demo", conversation_id=other.uuid)
    assert run() == 1
    assert [is_alive(left), is_alive(other)] == [False, True]
