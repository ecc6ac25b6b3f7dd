"""Texts become vectors, with the packaged encoder and over an endpoint; what an endpoint does wrong stays out."""

import math

import numpy as np
import pytest

from retrieval.embedders import active_model, checked, embedder_for
from retrieval.embedders.packaged import PackagedEmbedder
from retrieval.errors import EmbeddingFailed, RetrievalFailed
from retrieval.models import EmbeddingModel

GOOD = [0.1] * 64


def rows(*vectors):
    return {"data": [{"index": n, "embedding": vector} for n, vector in enumerate(vectors)]}


def test_the_packaged_encoder_puts_the_same_in_two_languages_side_by_side():
    texts = ["重新启动网络服务", "restart the network service", "今天的晚饭很好吃"]
    embedded = PackagedEmbedder().embed(texts)
    chinese, english, other = embedded.vectors
    assert chinese @ english > 0.5 > chinese @ other
    assert embedded.source == "estimated"
    assert embedded.tokens >= len(texts)


@pytest.mark.parametrize("text", ["", "   ", "%_'\"", "x" * 10_000, "\u0000", "😀", "\ud800"[:0] + "é"])
def test_the_packaged_encoder_takes_whatever_a_text_is(text):
    (vector,) = PackagedEmbedder().embed([text]).vectors
    assert vector.shape == (512,)
    assert math.isclose(float(np.linalg.norm(vector)), 1, abs_tol=1e-5)


def test_one_text_alone_and_among_others_is_the_same_vector():
    alone = PackagedEmbedder().embed(["配置网络"]).vectors[0]
    among = PackagedEmbedder().embed(["配置网络", "something else"]).vectors[0]
    assert alone @ among == pytest.approx(1, abs=1e-4)


@pytest.mark.django_db
def test_the_packaged_model_is_in_use_where_nothing_else_was_said():
    model = active_model()
    assert (model.name, model.kind, model.dimensions) == ("packaged", EmbeddingModel.Kind.PACKAGED, 512)


@pytest.mark.django_db
def test_without_any_model_in_use_nothing_is_searched():
    EmbeddingModel.objects.all().delete()
    with pytest.raises(RetrievalFailed):
        active_model()


def test_an_endpoint_is_asked_with_its_key_and_its_vectors_come_in_the_order_of_the_texts(endpoint, endpoint_model):
    embedded = embedder_for(endpoint_model).embed(["a b c", "a b d", "z z z"])
    asked = endpoint.requests[0]
    assert (asked["path"], asked["authorization"]) == ("/v1/embeddings", "Bearer sk-vectors-of-the-endpoint")
    assert (asked["model"], asked["input"]) == ("characters-1", ["a b c", "a b d", "z z z"])
    first, second, third = embedded.vectors
    assert first @ second > first @ third
    assert all(np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) for vector in embedded.vectors)
    assert (embedded.tokens, embedded.source) == (15, "provider")


@pytest.mark.parametrize(("switch", "shown"), [(True, "write to [e-mail]"), (False, "write to zhang@example.com")])
def test_an_endpoint_is_not_shown_what_is_to_be_masked(endpoint, endpoint_model, settings, switch, shown):
    settings.MASK_FOR_PROVIDERS = switch
    embedder_for(endpoint_model).embed(["write to zhang@example.com"])
    assert endpoint.requests[0]["input"] == [shown]


def test_an_endpoint_that_counts_no_tokens_has_them_estimated(endpoint, endpoint_model):
    endpoint.answer = lambda number, texts: (200, rows(*(GOOD for _ in texts)))
    embedded = embedder_for(endpoint_model).embed(["abc"])
    assert (embedded.source, embedded.tokens > 0) == ("estimated", True)


FAULTS = {
    "a wrong dimension": (200, rows([0.1] * 63)),
    "too few vectors": (200, rows()),
    "too many vectors": (200, rows(GOOD, GOOD)),
    "vectors of several lengths": (200, rows(GOOD, [0.1])),
    "a zero vector": (200, rows([0.0] * 64)),
    "not a number": (200, b'{"data":[{"index":0,"embedding":[' + b"NaN," * 63 + b"NaN]}]}"),
    "no finite number": (200, b'{"data":[{"index":0,"embedding":[' + b"1e999," * 63 + b"1]}]}"),
    "null": (200, rows([None] * 64)),
    "words": (200, rows(["a"] * 64)),
    "a string": (200, rows("AAAA")),
    "no list": (200, {"data": {"embedding": GOOD}}),
    "no data": (200, {"object": "list"}),
    "a list alone": (200, [GOOD]),
    "no JSON": (200, b"<html>"),
    "an error": (500, {"error": {"message": "out of order"}}),
    "a refusal": (401, {"error": {"message": "bad key"}}),
    "a redirect": (302, b""),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_endpoint_that_answers_anything_else_has_failed(endpoint, endpoint_model, fault):
    endpoint.answer = lambda number, texts: FAULTS[fault]
    with pytest.raises(EmbeddingFailed):
        embedder_for(endpoint_model).embed(["abc"])


def test_an_endpoint_that_is_not_there_has_failed(endpoint_model):
    endpoint_model.provider.base_url = "http://127.0.0.1:9/v1"
    with pytest.raises(EmbeddingFailed):
        embedder_for(endpoint_model).embed(["abc"])


def test_a_provider_that_was_switched_off_is_not_asked(endpoint, endpoint_model):
    endpoint_model.provider.is_active = False
    with pytest.raises(EmbeddingFailed):
        embedder_for(endpoint_model)
    assert not endpoint.requests


def test_very_large_and_very_small_numbers_have_a_direction():
    large, small = checked([[1e308, 1e308], [1e-320, 0.0]], count=2, dimensions=2)
    assert large == pytest.approx([2**-0.5, 2**-0.5])
    assert small == pytest.approx([1, 0])
