"""Nobody finds what she may not read, and nobody misses what she may: the rights are in the statement that searches."""

import random
from uuid import UUID

import numpy as np
import pytest

from accounts.principal import Principal
from retrieval.embedders import active_model, embedder_for
from retrieval.errors import TopicNotFound
from retrieval.models import Chunk, Document, Topic, TopicReader
from retrieval.search import SearchRequest, search
from retrieval.vectors import store_vectors
from tests.retrieval.shelf import person, store

pytestmark = pytest.mark.django_db

TEXT = "The quarterly report says that sales of umbrellas rose in the rainy season."
ASK = "How did sales of umbrellas develop?"


def found(principal, **fields):
    return {hit.title for hit in search(principal=principal, request=SearchRequest(query=ASK, **fields)).hits}


def test_a_topic_is_searched_by_its_owner_its_readers_and_when_it_is_for_everyone_by_all():
    alice, bob, charlie = person("alice"), person("bob"), person("charlie")
    topic = Topic.objects.create(owner_id=alice.user_id, name="Reports")
    store(alice, TEXT, title="report", topic=topic)
    assert found(alice) == {"report"}
    assert found(bob) == set()
    TopicReader.objects.create(topic=topic, user_id=bob.user_id)
    assert found(bob) == found(bob, topic_ids=(topic.pk,)) == {"report"}
    assert found(charlie) == set()
    Topic.objects.filter(pk=topic.pk).update(for_everyone=True)
    assert found(charlie) == {"report"}
    Topic.objects.filter(pk=topic.pk).update(for_everyone=False)
    TopicReader.objects.all().delete()
    assert found(bob) == found(charlie) == set()


def test_a_score_does_not_tell_whether_somebody_else_has_a_word():
    alice, bob = person("alice"), person("bob")
    store(bob, TEXT, title="report")
    asked = SearchRequest(query="umbrellas zyxwcode", search_type="keyword")
    before = [hit.score for hit in search(principal=bob, request=asked).hits]
    store(alice, "The project zyxwcode is secret.", title="secret")
    assert [hit.score for hit in search(principal=bob, request=asked).hits] == before


def test_a_document_of_hers_in_a_topic_that_she_may_not_read_is_hers_all_the_same():
    alice, bob = person("alice"), person("bob")
    store(bob, TEXT, title="hers", topic=Topic.objects.create(owner_id=alice.user_id, name="Reports"))
    assert found(bob) == found(alice) == {"hers"}


def test_naming_a_topic_or_a_document_of_somebody_else_gives_nothing_of_it():
    alice, bob = person("alice"), person("bob")
    topic = Topic.objects.create(owner_id=alice.user_id, name="Reports")
    document = store(alice, TEXT, title="report", topic=topic)
    assert found(bob, document_ids=(document.pk,)) == set()
    with pytest.raises(TopicNotFound):
        found(bob, topic_ids=(topic.pk,))
    with pytest.raises(TopicNotFound):
        found(bob, topic_ids=(topic.pk,), document_ids=(document.pk,))


SUBJECTS = (
    "umbrella",
    "network",
    "kitchen",
    "violin",
    "garden",
    "bridge",
    "winter",
    "market",
    "planet",
    "harbour",
    "网络",
    "数据库",
    "厨房",
    "港口",
)
DEEDS = ("repair", "measure", "describe", "compare", "paint", "deliver", "维修", "测量", "描述", "比较", "绘制", "交付")


def _sentence(dice: random.Random, number: int) -> str:
    subjects, deeds = dice.sample(SUBJECTS, 4), dice.sample(DEEDS, 3)
    return f"Note {number}: {' '.join(subjects)}; {' '.join(deeds)} {dice.randrange(1000)}."


def _library(dice: random.Random, size: int) -> dict[str, tuple[Principal, list[UUID], np.ndarray]]:
    """Two people with the same notes but for one word in each, one chunk a note: their chunks and the chunks' vectors."""
    model, documents, people = active_model(), 20, {}
    texts = [_sentence(dice, number) for number in range(size)]
    for name, word in {"alice": "Alpha", "bob": "Beta"}.items():
        principal = person(name)
        theirs = [f"{text} {word}" for text in texts]
        vectors = embedder_for(model).embed(theirs).vectors
        rows, uuids = [], []
        for part in range(documents):
            document = store(principal, "", title=f"{name} {part}")
            chunks = Chunk.objects.bulk_create(
                Chunk(document=document, ordinal=n, start=0, end=len(text), text=text, language="en", words="", length=9)
                for n, text in enumerate(theirs[part::documents])
            )
            Document.objects.filter(pk=document.pk).update(chunk_count=len(chunks))
            rows += [(one.pk, document.pk, vector) for one, vector in zip(chunks, vectors[part::documents], strict=True)]
            uuids += [one.uuid for one in chunks]
        store_vectors(model=model, rows=rows)
        people[name] = principal, uuids, np.array([vector for _chunk, _document, vector in rows])
    return people


def test_of_two_people_with_almost_the_same_notes_each_finds_her_own_and_all_of_the_nearest():
    """1,000 searches: no foreign row, and of the ten nearest by an exact comparison at least 99 in 100, by the graph, too."""
    dice = random.Random(5)
    people = _library(dice, 800)
    embedder = embedder_for(active_model())
    shared = {"one by one": 0, "by the graph": 0}
    for number in range(250):
        query = _sentence(dice, number)
        vector = embedder.embed([query]).vectors[0]
        for name, (principal, uuids, vectors) in people.items():
            nearest = {uuids[n] for n in np.argsort(-(vectors @ vector))[:10]}
            for how in shared:
                request = SearchRequest(query=query, search_type="semantic", most=10)
                hits = search(principal=principal, request=request, exact=how == "one by one").hits
                assert len(hits) == 10
                assert all(hit.title.startswith(name) for hit in hits)
                shared[how] += len(nearest & {hit.chunk_uuid for hit in hits})
    assert all(count >= 0.99 * 250 * 2 * 10 for count in shared.values()), shared


@pytest.mark.parametrize("exact", [True, False])
def test_both_ways_find_the_same_by_words(exact):
    alice, bob = person("alice"), person("bob")
    for number in range(30):
        store(alice, f"{TEXT} Note {number} is about apples.", title=f"alice {number}")
        store(bob, f"{TEXT} Note {number} is about pears.", title=f"bob {number}")
    request = SearchRequest(query="note 7 about pears and apples", search_type="keyword", most=100)
    hits = search(principal=bob, request=request, exact=exact).hits
    assert hits[0].title == "bob 7"
    assert {hit.title for hit in hits} == {f"bob {number}" for number in range(30)}
