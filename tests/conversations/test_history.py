"""What a model is shown of a conversation: the branch that ends in its leaf, newest first."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.principal import Principal
from chatplatform.core.pipeline import pipelined
from conversations import services
from conversations.context import _FIRST_PAGE, History
from conversations.models import Conversation, Message


def conversation_of(principal: Principal) -> Conversation:
    return services.create_conversation(principal=principal, contract="test")


def say(conversation: Conversation, content: str, after: Message | None = None, **more: str) -> Message:
    fields = {"role": "user", "content": content} | more
    return Message.objects.create(conversation=conversation, parent=after, **fields)


def say_in_turn(conversation: Conversation, texts: list[str], after: Message | None = None) -> Message | None:
    for text in texts:
        after = say(conversation, text, after)
    return after


def read(principal: Principal, conversation: Conversation, leaf: Message | None, *, context_window: int = 8_192) -> list[str]:
    with pipelined():
        history = History(user_id=principal.user_id, conversation_id=conversation.uuid)
        leaf_id = leaf.pk if leaf else None
        found = history.newest_first(conversation_id=conversation.pk, leaf_id=leaf_id, context_window=context_window)
        return [message.content for message in found]


def test_an_empty_conversation_has_none(alice):
    assert read(alice, conversation_of(alice), None) == []


@pytest.mark.parametrize("length", [1, 23, 24, 25, 224, 225, 500])
def test_all_of_a_long_one_is_read_and_nothing_twice(alice, length):
    conversation, neighbour = conversation_of(alice), conversation_of(alice)
    texts = [str(n) for n in range(length)]
    say_in_turn(neighbour, ["not this"] * 3)
    leaf = say_in_turn(conversation, texts)
    say_in_turn(neighbour, ["nor this"] * 3)
    assert read(alice, conversation, leaf) == texts[::-1]


def test_no_further_than_could_ever_fit(alice):
    conversation = conversation_of(alice)
    leaf = say_in_turn(conversation, [str(n) for n in range(100)])
    assert len(read(alice, conversation, leaf, context_window=400)) == 50


def test_other_branches_are_passed_over_also_where_they_are_the_newest(alice):
    conversation = conversation_of(alice)
    trunk = say_in_turn(conversation, ["a", "b"])
    ours = say_in_turn(conversation, [f"ours {n}" for n in range(30)], trunk)
    theirs = say_in_turn(conversation, [f"theirs {n}" for n in range(300)], trunk)
    assert read(alice, conversation, ours) == [*(f"ours {n}" for n in reversed(range(30))), "b", "a"]
    assert read(alice, conversation, theirs)[-3:] == ["theirs 0", "b", "a"]


def test_what_has_no_text_is_left_out_and_the_branch_goes_on_above_it(alice):
    conversation = conversation_of(alice)
    asked = say(conversation, "why?")
    failed = say(conversation, "", asked, role="assistant", status="failed")
    again = say(conversation, "again: why?", failed)
    writing = say(conversation, "half a", again, role="assistant", status="streaming")
    assert read(alice, conversation, writing) == ["again: why?", "why?"]


def test_a_strangers_conversation_has_none(alice, bob):
    conversation = conversation_of(alice)
    leaf = say_in_turn(conversation, ["a", "b"])
    with pipelined():
        history = History(user_id=bob.user_id, conversation_id=conversation.uuid)
        assert list(history.newest_first(conversation_id=0, leaf_id=leaf.pk, context_window=8_192)) == []


def test_a_plan_made_while_the_table_was_empty_is_still_the_right_one_when_it_is_full(alice):
    """Such a plan is kept for as long as its connection, until statistics are taken."""
    values = {"conversation": "$1", "user": "$2", "newest": "$3", "size": "$4"}
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (GENERIC_PLAN) " + _FIRST_PAGE % values)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "using message_in_conversation on conversations_message" in plan, plan
