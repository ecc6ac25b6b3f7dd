"""Vectors for whoever asks for them as such: what an endpoint makes is charged batch by batch, and to nobody when it fails."""

import pytest

from chatplatform.core.errors import ContextTooLong, QuotaExceeded
from providers.errors import UnknownModel
from quotas.models import Reservation, Usage
from quotas.selectors import check_books, read_quota
from retrieval import embeddings
from retrieval.errors import EmbeddingFailed
from retrieval.models import EmbeddingModel


def test_models_are_found_by_their_endpoints_name_or_ours_and_retired_ones_by_neither(alice, endpoint_model):
    assert [model.name for model in embeddings.list_embedding_models()] == ["packaged", "characters"]
    for name in ("characters-1", "characters"):
        assert embeddings.find_model(name=name) == endpoint_model
    EmbeddingModel.objects.filter(pk=endpoint_model.pk).update(state=EmbeddingModel.State.RETIRED)
    with pytest.raises(UnknownModel):
        embeddings.find_model(name="characters-1")


def test_a_model_whose_provider_is_switched_off_is_not_there(alice, endpoint_model):
    endpoint_model.provider.is_active = False
    endpoint_model.provider.save()
    with pytest.raises(UnknownModel):
        embeddings.find_model(name="characters-1")


def test_what_an_endpoint_makes_is_charged_as_it_counts_and_is_no_request(alice, endpoint_model):
    embedded = embeddings.embed(principal=alice, model=endpoint_model, texts=["one", "three"])
    assert (len(embedded.vectors), embedded.tokens, embedded.source) == (2, 8, "provider")
    usage = Usage.objects.get()
    assert (usage.kind, usage.prompt_tokens, usage.charged_requests, usage.provider_name) == ("embedding", 8, 0, "vectors")
    state = read_quota(user_id=alice.user_id, tier=alice.tier)
    assert (state.requests_used_today, state.tokens_used_today) == (0, usage.charged_tokens)
    assert check_books() == []


def test_an_endpoint_that_fails_costs_nothing_and_leaves_nothing_open(alice, endpoint, endpoint_model):
    endpoint.answer = lambda number, texts: (500, {"error": {"message": "down"}})
    with pytest.raises(EmbeddingFailed):
        embeddings.embed(principal=alice, model=endpoint_model, texts=["one"])
    assert Usage.objects.count() == Reservation.objects.filter(state="open").count() == 0


def test_more_than_the_allowance_is_refused_before_the_endpoint_is_asked(alice, endpoint, endpoint_model):
    with pytest.raises(QuotaExceeded):
        embeddings.check(principal=alice, model=endpoint_model, texts=["why " * 6_000] * 2)
    assert endpoint.requests == []
    assert Reservation.objects.count() == 0


def test_a_text_that_is_too_long_is_refused(alice, endpoint_model):
    packaged = embeddings.find_model(name="packaged")
    for model, text in ((packaged, "a" * 8_001), (endpoint_model, "why " * 9_000)):
        with pytest.raises(ContextTooLong):
            embeddings.check(principal=alice, model=model, texts=["short", text])


def test_texts_that_are_too_long_together_are_refused(alice, endpoint_model):
    for model in (embeddings.find_model(name="packaged"), endpoint_model):
        with pytest.raises(ContextTooLong):
            embeddings.check(principal=alice, model=model, texts=["a" * 8_000] * 126)


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [([], []), ([20_000], [1]), ([1] * 130, [64, 64, 2]), ([8_000] * 5, [2, 2, 1]), ([1, 16_000, 1], [1, 1, 1])],
)
def test_batches_hold_so_many_texts_and_characters_and_every_text_once(lengths, sizes):
    texts = [str(number % 10) * length for number, length in enumerate(lengths)]
    found = list(embeddings.batches(texts))
    assert [len(batch) for batch in found] == sizes
    assert [text for batch in found for text in batch] == texts
