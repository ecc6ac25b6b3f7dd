"""Searching one's conversations, on the real index."""

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from chatplatform.core.origin import NOWHERE
from conversations import search, selectors, services
from conversations.models import Conversation, Message, SearchEntry
from providers.testing import ScriptedProvider, say, wait
from tests.conversations.acting import asking, new_conversation

ANSWER = "装饰器是一种设计模式，decorators wrap functions 🎉"


@pytest.fixture
def scripted():
    def steps(request):
        return [say("slowly"), wait(60)] if request.messages[-1].content.endswith("…") else [say(ANSWER)]

    return ScriptedProvider(steps)


def found_now(principal, text):
    hers = selectors.conversations_of(principal)
    return [row.uuid for row in search.matching(principal=principal, conversations=hers, text=text)]


found = sync_to_async(found_now)


async def talk(runner, principal, question="请解释一下 Python 的装饰器", **fields):
    conversation = await new_conversation(principal, **fields)
    await runner.finish(await runner.start_turn(principal=principal, request=asking(conversation, question)))
    return conversation


@pytest.mark.parametrize(
    "text",
    [
        "装饰器",
        "装",
        "器",
        "python",
        "PYTH",
        "ｐｙｔｈｏｎ 解释",
        "设计模式",
        "functions wrap",
        "decor",
        "🎉",
        "Weekly",
        "周报",
        "  ",
    ],
)
async def test_titles_questions_and_answers_are_found(runner, alice, text):
    conversation = await talk(runner, alice, title="Weekly 周报")
    assert await found(alice, text) == [conversation.uuid]


@pytest.mark.parametrize(
    "text",
    [
        "ython",
        "设模",
        "装饰品",
        "javascript",
        "%_'\"",
        "%",
        "_",
        "'",
        "\\",
        "' | 'x",
        "python:*",
        "!python",
        "🎈",
        "x" * 10_000,
        "器" * 99,
    ],
)
async def test_what_nobody_said_is_not_found(runner, alice, text):
    await talk(runner, alice, title="Weekly 周报")
    assert await found(alice, text) == ([] if "python" not in text else await found(alice, "python"))


async def test_the_words_must_be_together_in_one_text(runner, alice):
    await talk(runner, alice, question="sunrise", title="Weekly")
    assert await found(alice, "sunrise weekly") == []


async def test_others_find_nothing_of_it(runner, alice, bob):
    await talk(runner, alice)
    theirs = await talk(runner, bob)
    assert await found(bob, "装饰器") == [theirs.uuid]
    assert await found(bob, f"{alice.user_id}:python") == []


async def test_an_answer_is_found_when_it_has_ended(runner, alice):
    conversation = await new_conversation(alice, title="t")
    opened = await runner.start_turn(principal=alice, request=asking(conversation, "question…"))
    await runner.wait_first_event(opened.turn_id)
    assert await found(alice, "question") == [conversation.uuid]
    assert await found(alice, "slowly") == []
    await runner.stop_turn(principal=alice, turn_id=opened.turn_id)
    assert await found(alice, "slowly") == [conversation.uuid]


async def test_the_first_message_gives_a_title_that_is_found_too(runner, alice):
    conversation = await talk(runner, alice)
    titles = await sync_to_async(list)(SearchEntry.objects.filter(conversation=conversation, message=None))
    assert len(titles) == 1


async def test_the_index_follows_every_change(runner, alice):
    conversation = await talk(runner, alice, question="before")
    change = sync_to_async(services.update_conversation)
    await change(principal=alice, conversation_id=conversation.uuid, title="Renamed 改名")
    assert await found(alice, "改名") == [conversation.uuid]
    await change(principal=alice, conversation_id=conversation.uuid, title="once more")
    assert await found(alice, "改名") == []

    question = await Message.objects.aget(conversation=conversation, role="user")
    await sync_to_async(services.edit_message)(principal=alice, message_id=question.uuid, content="afterwards", origin=NOWHERE)
    assert (await found(alice, "before"), await found(alice, "afterwards")) == ([], [conversation.uuid])

    answer = await Message.objects.aget(conversation=conversation, role="assistant")
    await sync_to_async(services.delete_message)(principal=alice, message_id=answer.uuid, origin=NOWHERE)
    assert await found(alice, "设计模式") == []

    await sync_to_async(services.delete_conversation)(principal=alice, conversation_id=conversation.uuid, origin=NOWHERE)
    assert await found(alice, "afterwards") == []
    assert not await SearchEntry.objects.aexists()


def test_a_search_goes_through_the_index(alice):
    for number in range(50):
        services.create_conversation(principal=alice, contract="test", title=f"number {number} 编号")
    somewhere = Conversation.objects.latest("id")
    Message.objects.bulk_create(Message(conversation=somewhere, role="user") for _ in range(10_000))
    with connection.cursor() as cursor:  # what somebody else wrote, enough of it that reading all would be dear
        cursor.execute(
            """INSERT INTO conversations_searchentry (conversation_id, message_id, words)
               SELECT %s, m.id, array_to_tsvector(ARRAY['zz:number', 'zz:' || m.id]) FROM conversations_message m""",
            [somewhere.pk],
        )
    hers = selectors.conversations_of(alice)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE conversations_searchentry")
    plan = search.matching(principal=alice, conversations=hers, text="number 33").explain()
    assert "search_words" in plan, plan
    assert len(found_now(alice, "number 33")) == 1


def test_texts_from_before_the_index_are_found_after_the_migration(alice):
    from importlib import import_module

    from django.apps import apps

    conversation = services.create_conversation(principal=alice, contract="test", title="旧的对话")
    Message.objects.create(conversation=conversation, role="user", content="written long ago")
    SearchEntry.objects.all().delete()
    import_module("conversations.migrations.0004_index_what_is_there").index_everything(apps, None)
    assert found_now(alice, "旧的") == found_now(alice, "long ago") == [conversation.uuid]
