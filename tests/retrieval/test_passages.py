"""What a question is answered from."""

import pytest

from retrieval.models import Topic
from retrieval.passages import find_passages
from tests.retrieval.shelf import person, store

pytestmark = pytest.mark.django_db

UMBRELLAS = "Sales of umbrellas rose by a third in the rainy season, most of all in the harbour district."
ASK = "How did sales of umbrellas develop?"


def titles(principal, **fields):
    return [passage.title for passage in find_passages(principal=principal, question=ASK, **{"threshold": 0.0} | fields).items]


def test_passages_come_from_the_topics_and_documents_that_are_named_and_from_nowhere_else():
    alice = person("alice")
    topic = Topic.objects.create(owner_id=alice.user_id, name="Reports")
    store(alice, UMBRELLAS, title="in the topic", topic=topic)
    attached = store(alice, "Umbrella sales: see the harbour.", title="attached")
    store(alice, "All sales of umbrellas are written down here.", title="elsewhere")
    assert set(titles(alice, topic_ids=[topic.pk], document_ids=[attached.pk])) == {"in the topic", "attached"}
    assert titles(alice, topic_ids=[topic.pk]) == ["in the topic"]
    assert titles(alice) == []


def test_the_same_text_twice_is_one_passage():
    alice = person("alice")
    topic = Topic.objects.create(owner_id=alice.user_id, name="Reports")
    for number in range(5):
        store(alice, UMBRELLAS + ("" if number else " Indeed."), title=f"copy {number}", topic=topic)
    store(alice, "Umbrellas were not sold in the mountains.", title="another", topic=topic)
    found = titles(alice, topic_ids=[topic.pk])
    assert len(found) == 2
    assert found[0].startswith("copy")
    assert found[1] == "another"


def test_a_topic_that_she_may_not_read_any_more_is_passed_over():
    alice, bob = person("alice"), person("bob")
    topic = Topic.objects.create(owner_id=alice.user_id, name="Reports", for_everyone=True)
    store(alice, UMBRELLAS, title="report", topic=topic)
    own = store(bob, UMBRELLAS + " So says bob.", title="own")
    assert set(titles(bob, topic_ids=[topic.pk], document_ids=[own.pk])) == {"own", "report"}
    Topic.objects.update(for_everyone=False)
    assert titles(bob, topic_ids=[topic.pk], document_ids=[own.pk]) == ["own"]
    assert titles(bob, topic_ids=[topic.pk]) == []


def test_what_has_nothing_to_do_with_the_question_stays_below_the_threshold():
    alice = person("alice")
    topic = Topic.objects.create(owner_id=alice.user_id, name="Reports")
    store(alice, UMBRELLAS, title="report", topic=topic)
    store(alice, "Braise the pork over a low flame for an hour, then add soy sauce and rock sugar.", title="pork", topic=topic)
    assert titles(alice, topic_ids=[topic.pk], threshold=0.5) == ["report"]


def test_there_are_no_more_than_wanted_best_first():
    alice = person("alice")
    topic = Topic.objects.create(owner_id=alice.user_id, name="Reports")
    for number in range(12):
        store(
            alice,
            f"Umbrella sales in district {number}: {('harbour', 'hill', 'river', 'market')[number % 4]} {number * 7}.",
            topic=topic,
        )
    passages = find_passages(principal=alice, question=ASK, topic_ids=[topic.pk], threshold=0.0, most=3)
    scores = [passage.score for passage in passages.items]
    assert len(scores) <= 3
    assert scores == sorted(scores, reverse=True)
    assert passages.took_ms >= 0
