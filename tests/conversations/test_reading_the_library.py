"""Turns with the retrieval that is really there: her question, her documents, nobody else's."""

from __future__ import annotations

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from conversations.references import list_references
from conversations.turns.runner import TurnRunner
from providers.testing import ScriptedProvider, say
from retrieval.models import DocumentText, Topic, TopicReader
from tests.conversations.acting import asking, new_conversation
from tests.conversations.library import new_topic
from tests.retrieval.library import packaged_model
from tests.retrieval.shelf import store

NETWORK = "网络接口的静态地址写在配置文件里。修改之后要重新启动网络服务，新的地址才会生效。"
COOKING = "红烧肉要用小火慢炖一个小时。先把五花肉切成块，用冷水煮开，再加酱油和冰糖。"
ENGLISH = "The static address of a network interface is written in its configuration file. Restart the network afterwards."


@pytest.fixture
def scripted():
    return ScriptedProvider(say("静态地址写在配置文件里，改后要重新启动网络服务，新的地址才会生效 [1]。"))


@pytest_asyncio.fixture
async def runner(provider_row, scripted):
    running = TurnRunner(open_provider=lambda route: scripted)
    await running.startup()
    yield running
    await running.shutdown()


@pytest.fixture
def topic(alice):
    packaged_model()
    topic = new_topic(alice)
    store(alice, f"{COOKING}\n\n", title="菜谱", topic=topic)
    store(alice, "目录\n\n" + NETWORK, title="网络手册", topic=topic, page_starts=[0, 4])
    store(alice, ENGLISH, title="Network guide", topic=topic)
    return topic


@sync_to_async
def records_of(principal, finished):
    return list_references(principal=principal, message_id=finished.assistant_message.id)


@sync_to_async
def text_of(reference) -> str:
    return DocumentText.objects.get(document__uuid=reference.document_id).text


async def ask(runner, principal, conversation, question="怎样配置网络接口的静态地址？"):
    return await runner.finish(await runner.start_turn(principal=principal, request=asking(conversation, question)))


async def test_the_passage_that_answers_is_quoted_referred_to_and_checked(runner, alice, topic, scripted):
    conversation = await new_conversation(alice, topic_id=topic.pk)
    finished = await ask(runner, alice, conversation)
    first, *others = await records_of(alice, finished)
    assert (first.reference.title, first.kind) == ("网络手册", "direct")
    for record in (first, *others):
        reference = record.reference
        assert (await text_of(reference))[reference.start : reference.end] == reference.excerpt
        assert reference.excerpt in scripted.requests[-1].messages[-1].content
        assert reference.title != "菜谱", "what has nothing to do with the question is below the threshold"


async def test_a_question_across_the_languages_finds_its_passage(runner, alice, topic):
    conversation = await new_conversation(alice, topic_id=topic.pk)
    finished = await ask(runner, alice, conversation, "How do I set the static address of a network interface?")
    assert {"网络手册", "Network guide"} <= {reference.title for reference in finished.references}


async def test_a_topic_that_is_taken_back_is_read_no_more(runner, alice, bob, topic):
    reader = await TopicReader.objects.acreate(topic=topic, user_id=bob.user_id)
    conversation = await new_conversation(bob, topic_id=topic.pk)
    assert (await ask(runner, bob, conversation)).references
    await reader.adelete()
    assert (await ask(runner, bob, conversation)).references == ()
    await Topic.objects.filter(pk=topic.pk).adelete()
    assert (await ask(runner, bob, conversation)).references == ()


async def test_a_threshold_of_one_finds_nothing_and_of_nought_everything(runner, alice, topic):
    for threshold, found in ((1.0, set()), (0.0, {"菜谱", "网络手册", "Network guide"})):
        conversation = await new_conversation(alice, topic_id=topic.pk, settings={"relevance_threshold": threshold})
        assert {reference.title for reference in (await ask(runner, alice, conversation)).references} == found
