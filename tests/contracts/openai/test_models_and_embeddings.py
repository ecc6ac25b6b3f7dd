"""The models that one may ask for, and texts as vectors."""

from __future__ import annotations

import base64
import math
import struct

import openai
import pytest

from tests.acceptance.conftest import books_agree, database

PACKAGED = "universal-sentence-encoder-multilingual-3"


def test_the_models_are_listed_and_found_by_name(official):
    listed = {model.id: model for model in official.models.list()}
    assert {"ok-3", "ok-5-rate-40", "gpt-4", PACKAGED} <= listed.keys()
    assert official.models.retrieve("ok-3") == listed["ok-3"]
    assert {model.object for model in listed.values()} == {"model"}
    assert official.models.retrieve("ok/3") == listed["ok/3"]


async def test_a_persons_own_models_are_listed_to_her_alone(alice, bob, official_async):
    await alice.data("POST", "/providers", {"name": "alice's own", "provider_type": "openai", "api_key": "sk-1"})
    assert "alice's own" in {model.owned_by async for model in official_async.models.list()}
    async with bob.session.get(f"{bob.url}/v1/models", headers=bob.headers) as response:
        assert "alice's own" not in {model["owned_by"] for model in (await response.json())["data"]}


def test_texts_become_vectors_of_length_one(official):
    found = official.embeddings.create(model=PACKAGED, input=["你好，世界", "hello, world", "a recipe for soup"])
    assert [one.index for one in found.data] == [0, 1, 2]
    vectors = [one.embedding for one in found.data]
    assert {len(vector) for vector in vectors} == {512}
    assert all(math.isclose(sum(x * x for x in vector), 1, abs_tol=1e-3) for vector in vectors)
    near, far = (sum(a * b for a, b in zip(vectors[1], other, strict=True)) for other in (vectors[0], vectors[2]))
    assert near > far, "what means the same lies near, whatever its language"
    assert (found.model, found.usage.prompt_tokens) == (PACKAGED, found.usage.total_tokens)
    assert found.usage.total_tokens > 0


async def test_both_encodings_say_the_same(alice):
    async def asked(**more):
        async with alice.session.post(
            f"{alice.url}/v1/embeddings", json={"model": "packaged", "input": "hello", **more}, headers=alice.headers
        ) as response:
            assert response.status == 200
            return (await response.json())["data"][0]["embedding"]

    numbers, packed = await asked(), await asked(encoding_format="base64")
    assert list(struct.unpack("<512f", base64.b64decode(packed))) == pytest.approx(numbers)


def test_tokens_are_read_as_the_text_that_they_are(official):
    hello = [15339, 1917]  # "hello world" in cl100k
    as_text, *as_tokens = (
        official.embeddings.create(model=PACKAGED, input=given).data[0].embedding for given in ("hello world", hello, [hello])
    )
    assert as_tokens[0] == pytest.approx(as_text)
    assert as_tokens[1] == pytest.approx(as_text)


async def test_it_is_counted_and_costs_nothing(alice, official_async, platform):
    before = await alice.data("GET", "/users/me/quota")
    texts = [f"sentence number {n}" for n in range(150)]
    found = await official_async.embeddings.create(model=PACKAGED, input=texts)
    assert [one.index for one in found.data] == list(range(150))
    with database(platform) as connection:
        rows = connection.execute(
            """SELECT kind, sum(prompt_tokens), sum(charged_tokens), sum(charged_requests), sum(cost_micros) FROM quotas_usage
               WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s) GROUP BY kind""",
            [alice.username],
        ).fetchall()
    assert rows == [("embedding", found.usage.prompt_tokens, 0, 0, 0)]
    assert await alice.data("GET", "/users/me/quota") == before
    books_agree(platform)


@pytest.mark.parametrize(
    ("code", "param", "more"),
    [
        ("unsupported_parameter", "dimensions", {"dimensions": 256}),
        ("unsupported_parameter", "truncate", {"extra_body": {"truncate": "END"}}),
        ("invalid_value", "input", {"input": []}),
        ("invalid_value", "input", {"input": 5}),
        ("invalid_value", "input[0]", {"input": ""}),
        ("invalid_value", "input[1]", {"input": ["hello", [1]]}),
        ("invalid_value", "input[1]", {"input": [[1], []]}),
        ("invalid_value", "input", {"input": [100_256]}),
        ("invalid_value", "input", {"input": [-1]}),
        ("invalid_value", "input", {"input": ["a"] * 2_049}),
        ("invalid_value", "encoding_format", {"encoding_format": "hex"}),
        ("context_length_exceeded", None, {"input": "hello " * 2_000}),
    ],
)
def test_what_cannot_be_embedded_is_refused(official, code, param, more):
    with pytest.raises(openai.BadRequestError) as found:
        official.embeddings.create(**{"model": PACKAGED, "input": "hello", **more})
    assert (found.value.code, found.value.param) == (code, param)


def test_the_models_own_dimensions_may_be_named(official):
    assert len(official.embeddings.create(model=PACKAGED, input="hello", dimensions=512).data[0].embedding) == 512


def test_a_model_that_makes_no_vectors_is_not_found(official):
    for model in ("text-embedding-3-small", "ok-3"):
        with pytest.raises(openai.NotFoundError) as found:
            official.embeddings.create(model=model, input="hello")
        assert (found.value.code, found.value.param) == ("model_not_found", "model")
