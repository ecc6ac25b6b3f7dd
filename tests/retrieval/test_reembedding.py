"""Another model takes over when it has all vectors, and not before; searches go on all the while."""

import random
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from retrieval.embedders import active_model
from retrieval.models import Chunk, Document, Embedding, EmbeddingModel
from retrieval.reembedding import BATCH, BEGINNING, reembed
from retrieval.search import SearchRequest, search
from tests.retrieval.shelf import person, store

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = ("umbrella", "violin", "garden", "bridge", "harbour", "kitchen", "planet", "market", "winter", "lamp")
TEXTS = [f"Note {number}: {word}. " + "It is kept with the others in the drawer. " * 2 for number, word in enumerate(WORDS * 8)]
ASK = SearchRequest(query="Note 7: market", most=5)


@pytest.fixture
def alice(transactional_db):
    alice = person("alice")
    for text in TEXTS:
        store(alice, text)
    assert Chunk.objects.count() > 2 * BATCH
    return alice


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'retrieval_embedding' AND indexname LIKE 'embedding_near%%'"
        )
        return {row[0] for row in cursor.fetchall()}


def vectors_of(model) -> int:
    return Embedding.objects.filter(model=model).count()


def test_the_new_model_takes_over_with_all_vectors_and_an_index_of_its_own(alice, endpoint, endpoint_model):
    before = search(principal=alice, request=ASK).hits
    told: list[int] = []
    reembed(model=endpoint_model, progress=told.append)
    assert active_model() == endpoint_model
    assert vectors_of(endpoint_model) == Chunk.objects.count() == told[-1]
    assert indexes() >= {"embedding_near_0", f"embedding_near_{endpoint_model.pk}"}
    after = search(principal=alice, request=ASK).hits
    assert len(before) == len(after) == 5
    assert endpoint.requests[-1]["input"] == [ASK.query]
    assert all(0 < hit.score < 1 for hit in after)


def test_going_back_needs_no_vector_made_anew(alice, endpoint, endpoint_model):
    packaged = active_model()
    reembed(model=endpoint_model)
    told: list[int] = []
    reembed(model=packaged, progress=told.append)
    assert active_model() == packaged
    assert told == []
    assert EmbeddingModel.objects.get(pk=endpoint_model.pk).state == EmbeddingModel.State.RETIRED


def test_scores_of_the_new_model_lie_on_the_scale_of_the_old_one(transactional_db, endpoint, endpoint_model):
    """The endpoint's cosines all lie near 1."""
    alice, dice = person("alice"), random.Random(3)
    words = [
        f"{first}{second}" for first in ("bal", "cor", "dun", "fel", "gam", "hos") for second in ("ta", "mer", "lin", "so", "pek")
    ]
    texts = [" ".join(dice.sample(words, 14)) for _ in range(40)]
    for text in texts:
        store(alice, text)
    ask = SearchRequest(query=" ".join(texts[7].split()[:8]), search_type="semantic", most=40)
    old = [hit.score for hit in search(principal=alice, request=ask).hits]
    reembed(model=endpoint_model)
    hits = search(principal=alice, request=ask).hits
    new = [hit.score for hit in hits]
    assert hits[0].text == texts[7]
    assert new[0] == pytest.approx(old[0], abs=0.2)
    assert sum(new) / len(new) == pytest.approx(sum(old) / len(old), abs=0.2)


@pytest.mark.parametrize("fault", [(500, {"error": "no"}), (200, {"data": [{"embedding": [0.0] * 64}]})], ids=["500", "nonsense"])
def test_a_fault_at_the_third_batch_leaves_the_old_model_in_use_and_the_next_run_goes_on(alice, endpoint, endpoint_model, fault):
    packaged, well = active_model(), endpoint.well
    endpoint.answer = lambda number, texts: well(number, texts) if number < 3 else fault
    with pytest.raises(CommandError):
        call_command("reembed", model="characters", stdout=StringIO())
    assert active_model() == packaged
    assert vectors_of(endpoint_model) == 2 * BATCH
    assert search(principal=alice, request=ASK).hits
    endpoint.answer = well
    endpoint.requests.clear()
    call_command("reembed", model="characters", stdout=StringIO())
    assert active_model() == endpoint_model
    embedded = sum(len(text) > BEGINNING for request in endpoint.requests for text in request["input"])
    assert embedded == Chunk.objects.count() - 2 * BATCH


def test_searches_meanwhile_are_answered_by_the_model_in_use(endpoint, endpoint_model):
    alice = person("alice")
    for text in TEXTS:
        store(alice, text)
    found: list[int] = []
    goes_on, well = threading.Event(), endpoint.well

    def slowly(number, texts):
        found.append(len(search(principal=alice, request=ASK).hits))  # in the endpoint's own thread, amid the batch
        connection.close()
        return well(number, texts)

    endpoint.answer = slowly
    thread = threading.Thread(target=lambda: (reembed(model=endpoint_model), connection.close(), goes_on.set()))
    thread.start()
    thread.join(60)
    assert goes_on.is_set()
    assert len(found) > len(TEXTS) / BATCH
    assert set(found) == {5}
    endpoint.answer = well
    assert len(search(principal=alice, request=ASK).hits) == 5


def test_what_is_uploaded_meanwhile_gets_its_vector_too(alice, endpoint, endpoint_model):
    late: list[Document] = []

    def progress(chunks: int) -> None:
        if not late:
            late.append(store(alice, "Note 1000: a lighthouse.", title="late"))

    reembed(model=endpoint_model, progress=progress)
    assert Embedding.objects.filter(model=endpoint_model, document=late[0]).count() == 1
    assert vectors_of(endpoint_model) == Chunk.objects.count()


def test_a_new_model_is_named_on_the_command_line_and_tried_before_anything_is_stored(alice, endpoint, endpoint_model):
    asked = {"model": "second", "provider": "vectors", "vendor_model": "characters-2", "stdout": StringIO()}
    with pytest.raises(CommandError):
        call_command("reembed", dimensions=65, **asked)
    assert not EmbeddingModel.objects.filter(name="second").exists()
    call_command("reembed", dimensions=64, **asked)
    assert active_model().name == "second"
    assert endpoint.requests[-1]["model"] == "characters-2"


def test_a_model_that_is_not_in_use_can_be_forgotten(alice, endpoint, endpoint_model):
    call_command("reembed", model="characters", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("reembed", model="characters", forget=True, stdout=StringIO())
    call_command("reembed", model="packaged", stdout=StringIO())
    call_command("reembed", model="characters", forget=True, stdout=StringIO())
    assert vectors_of(endpoint_model) == 0
    assert f"embedding_near_{endpoint_model.pk}" not in indexes()
    assert len(search(principal=alice, request=ASK).hits) == 5


@pytest.mark.parametrize("asked", [{}, {"provider": "vectors"}, {"provider": "nobody", "dimensions": 64}])
def test_a_model_that_nobody_knows_is_refused(endpoint_model, asked):
    with pytest.raises(CommandError):
        call_command("reembed", model="unheard-of", stdout=StringIO(), **asked)
