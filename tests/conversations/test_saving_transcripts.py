"""A transcript is saved whole or not at all, and never takes away what was said before."""

import asyncio
import uuid

import pytest
from asgiref.sync import sync_to_async

from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import NOWHERE
from chatplatform.core.pages import PageRequest
from conversations import search, selectors, services
from conversations.errors import ConversationBusy, ConversationNotFound
from conversations.models import Conversation, Message
from conversations.transcripts import SavedTranscript, save_transcript
from providers.errors import AgentNotFound
from providers.models import Agent
from providers.testing import ScriptedProvider, say, wait
from tests.conversations.acting import asking, ended, new_conversation

pytestmark = pytest.mark.django_db(transaction=True)
SAID = [("user", "学习 Python"), ("assistant", "Gladly 😀"), ("user", "Where?"), ("assistant", "Here.")]


def save(principal, messages=SAID, named=None, **more) -> SavedTranscript:
    return save_transcript(
        principal=principal, contract="llmchat", conversation_id=named, messages=messages, origin=NOWHERE, **more
    )


def shown(conversation) -> list[tuple[str, str]]:
    """The branch from its leaf."""
    said, message = [], Conversation.objects.get(pk=conversation.pk).leaf
    while message is not None:
        said.append((message.role, message.content))
        message = message.parent
    return said[::-1]


def finds(principal, text) -> bool:
    return search.matching(principal=principal, conversations=selectors.conversations_of(principal), text=text).exists()


def state():
    """Of everything."""
    return list(Conversation.objects.order_by("pk").values()), list(Message.objects.order_by("pk").values())


def test_a_new_one_is_there_as_if_it_had_been_said_here(alice):
    named = uuid.uuid4()
    agent = Agent.objects.create(name="Pirate")
    saved = save(alice, [("system", "Be short."), *SAID], named, title="标题", agent_id=agent.uuid)
    assert saved.is_new
    thread = selectors.read_conversation(principal=alice, conversation_id=named)
    assert [(message.role, message.content) for message in thread.thread] == SAID
    assert (thread.conversation.title, thread.system_message, thread.conversation.message_count) == ("标题", "Be short.", 4)
    assert saved.conversation.agent == agent
    assert saved.conversation.contract == "llmchat"
    assert all(finds(alice, word) for word in ("学习", "glad", "标题"))


def test_without_an_id_it_gets_one_and_without_a_title_its_first_words(alice):
    assert save(alice).conversation.uuid != save(alice).conversation.uuid
    assert save(alice).conversation.title == "学习 Python"


def test_saving_the_same_again_changes_nothing(alice):
    messages = [("system", "Be short."), *SAID]
    named = save(alice, messages, title="Mine").conversation.uuid
    before = state()
    again = save(alice, messages, named, title="Mine")
    assert not again.is_new
    assert state() == before
    save(alice, SAID, named)
    assert state() == before, "what is not given stays"


def test_who_says_nothing_is_not_kept(alice):
    messages = [*SAID[:2], ("user", ""), ("assistant", ""), *SAID[2:]]
    conversation = save(alice, messages).conversation
    before = state()
    assert shown(save(alice, messages, conversation.uuid).conversation) == SAID
    assert state() == before


def test_a_transcript_that_has_grown_is_appended_to(alice):
    conversation = save(alice, SAID[:2]).conversation
    rows = set(Message.objects.values_list("pk", flat=True))
    grown = save(alice, SAID, conversation.uuid).conversation
    assert shown(grown) == SAID
    assert rows < set(Message.objects.values_list("pk", flat=True))
    assert grown.message_count == Message.objects.count() == 4
    assert grown.updated_at > conversation.updated_at
    assert finds(alice, "where")


def test_what_differs_becomes_a_branch_and_nothing_is_lost(alice):
    conversation = save(alice).conversation
    other = [*SAID[:2], ("user", "When?"), ("assistant", "Now.")]
    assert shown(save(alice, other, conversation.uuid).conversation) == other
    contents = list(Message.objects.order_by("pk").values_list("content", flat=True))
    assert contents == [text for _role, text in (*SAID, *other[2:])]
    when = Message.objects.get(content="When?")
    assert when.parent == Message.objects.get(content=SAID[1][1])
    page = PageRequest(number=1, size=50)
    assert selectors.list_messages(principal=alice, conversation_id=conversation.uuid, page=page).total == 6
    assert finds(alice, "where")
    assert finds(alice, "when")


def test_two_that_save_in_turn_do_not_grow_without_end(alice):
    mine, hers = [("user", "hello"), ("assistant", "mine")], [("user", "hello"), ("assistant", "hers")]
    conversation = save(alice, mine).conversation
    for said in (hers, mine, hers, mine, [("user", "goodbye")], hers):
        save(alice, said, conversation.uuid)
        assert shown(conversation) == said
    assert Message.objects.filter(conversation=conversation).count() == 4


def test_another_transcript_altogether_begins_anew(alice):
    conversation = save(alice).conversation
    assert shown(save(alice, [("user", "Hello")], conversation.uuid).conversation) == [("user", "Hello")]
    assert Message.objects.get(content="Hello").parent is None


def test_a_shorter_transcript_is_what_is_shown_and_the_rest_stays(alice):
    conversation = save(alice).conversation
    shorter = save(alice, SAID[:2], conversation.uuid).conversation
    assert shown(shorter) == SAID[:2]
    assert shorter.message_count == Message.objects.count() == 4
    longer = save(alice, SAID, conversation.uuid).conversation
    assert shown(longer) == SAID


def test_the_same_words_of_another_speaker_differ(alice):
    conversation = save(alice, SAID[:2]).conversation
    turned = [SAID[0], ("user", SAID[1][1])]
    assert shown(save(alice, turned, conversation.uuid).conversation) == turned


def test_title_agent_and_system_message_change_when_they_are_given(alice):
    conversation = save(alice, title="Old name").conversation
    agent = Agent.objects.create(name="Pirate")
    save(alice, [("system", "Be kind."), *SAID], conversation.uuid, title="New name", agent_id=agent.uuid)
    row = Conversation.objects.get()
    assert (row.title, row.agent, row.system_message, row.message_count) == ("New name", agent, "Be kind.", 4)
    assert finds(alice, "new name")
    assert not finds(alice, "old")
    event = AuditEvent.objects.get(action="conversation.saved")
    assert event.details == {"fields": ["title", "system_message", "agent"]}


def test_what_is_not_hers_does_not_exist(alice, bob):
    his = save(bob, named=uuid.uuid4()).conversation
    gone = save(alice).conversation
    services.delete_conversation(principal=alice, conversation_id=gone.uuid, origin=NOWHERE)
    before = state()
    for named in (his.uuid, gone.uuid):
        with pytest.raises(ConversationNotFound):
            save(alice, [("user", "Mine now")], named)
    assert state() == before


def test_with_an_agent_that_is_none_of_hers_nothing_changes(alice):
    asleep = Agent.objects.create(name="Asleep", status=Agent.Status.INACTIVE)
    conversation = save(alice, SAID[:2]).conversation
    before = state()
    for named in (None, conversation.uuid, uuid.uuid4()):
        for agent_id in (asleep.uuid, uuid.uuid4()):
            with pytest.raises(AgentNotFound):
                save(alice, SAID, named, title="Changed", agent_id=agent_id)
    assert state() == before


def test_many_at_once_with_one_new_id_save_it_once(alice):
    async def all_at_once():
        call = sync_to_async(save, thread_sensitive=False)
        return await asyncio.gather(*(call(alice, named=named) for _ in range(6)))

    named = uuid.uuid4()
    saved = asyncio.run(all_at_once())
    assert [one.is_new for one in saved].count(True) == 1
    assert (Conversation.objects.get().message_count, Message.objects.count()) == (4, 4)


def test_ten_thousand_messages_take_a_handful_of_statements_each_time(alice, django_assert_max_num_queries):
    said = [("user" if n % 2 else "assistant", f"message {n}") for n in range(10_000)]
    with django_assert_max_num_queries(20):
        conversation = save(alice, said[:9_000]).conversation
    with django_assert_max_num_queries(20):
        save(alice, said, conversation.uuid)
    assert Conversation.objects.get().message_count == Message.objects.count() == 10_000
    with django_assert_max_num_queries(20):
        save(alice, said, conversation.uuid)
    assert Message.objects.count() == 10_000


class TestWithAnswers:
    @pytest.fixture
    def scripted(self):
        def talk(request):
            yield say(f"heard {len(request.messages)}")
            if request.messages[-1].content == "for long":
                for _ in range(1000):
                    yield from (say("…"), wait(0.01))

        return ScriptedProvider(talk)

    async def test_what_was_answered_here_is_recognised_and_the_next_answer_knows_all(self, runner, alice, scripted):
        conversation = await new_conversation(alice)
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, "Why?")))
        said = [("user", "Why?"), ("assistant", "heard 1"), *SAID]
        saved = await sync_to_async(save)(alice, said, conversation.uuid)
        assert saved.conversation.message_count == await Message.objects.acount() == 6
        await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, "And?")))
        assert [(message.role, message.content) for message in scripted.requests[-1].messages] == [*said, ("user", "And?")]

    async def test_while_an_answer_is_being_written_nothing_is_saved(self, runner, alice):
        conversation = await new_conversation(alice)
        opened = await runner.start_turn(principal=alice, request=asking(conversation, "for long"))
        await runner.wait_first_event(opened.turn_id)
        with pytest.raises(ConversationBusy) as busy:
            await sync_to_async(save)(alice, SAID, conversation.uuid, title="Changed")
        assert busy.value.turn_id == opened.turn_id
        await runner.stop_turn(principal=alice, turn_id=opened.turn_id)
        await ended(runner, opened.turn_id)
        assert (await Conversation.objects.aget()).title == "for long"
        saved = await sync_to_async(save)(alice, SAID, conversation.uuid)
        assert await sync_to_async(shown)(saved.conversation) == SAID
