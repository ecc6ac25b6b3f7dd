"""Searching: each kind of it, its filters and its bounds."""

from __future__ import annotations

from datetime import date

import pytest

from chatplatform.contracts.chat_system.requests import Search
from chatplatform.contracts.chat_system.views.search import search_request
from chatplatform.contracts.incoming import validate
from tests.contracts.chat_system.conftest import PAGES, QUESTION


@pytest.mark.parametrize("search_type", ["hybrid", "semantic", "keyword"])
async def test_the_passage_is_found_with_its_place(alice, alices_topic, search_type):
    body = {"query": QUESTION, "topic_id": alices_topic, "search_type": search_type}
    found = await alice.data("POST", "/chat/search", body)
    best = found["results"][0]
    assert "三大类" in best["content"]
    assert best["metadata"]["page_number"] == 1 + next(number for number, page in enumerate(PAGES) if "三大类" in page)
    assert best["end_char"] - best["start_char"] == len(best["content"])
    scores = [hit["relevance_score"] for hit in found["results"]]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert found["search_time_ms"] >= found["query_embedding_time_ms"] >= 0
    assert search_type != "keyword" or found["query_embedding_time_ms"] == 0


async def test_filters_and_bounds(alice, alices_topic):
    async def count(**more):
        found = await alice.data("POST", "/chat/search", {"query": QUESTION, "relevance_threshold": 0.0, **more})
        return len(found["results"])

    everything = await count(max_results=100_000)
    assert everything >= 1
    assert await count(max_results=1) == 1
    assert await count(filters={"content_type": ["pdf", "md"]}) >= 1
    assert await count(filters={"content_type": [".PDF"]}) >= 1
    assert await count(filters={"content_type": ["docx"]}) == 0
    assert await count(filters={"date_range": {"start": "2023-06-01", "end": "2023-06-30"}}) >= 1
    assert await count(filters={"date_range": {"start": "2023-06-15", "end": "2023-06-15"}}) >= 1
    assert await count(filters={"date_range": {"end": "2023-06-14"}}) == 0
    assert await count(filters={"content_type": None, "date_range": None}) >= 1
    assert await count(filters=None, topic_id=None) >= 1
    assert await count(relevance_threshold=1.0) <= everything


def test_what_is_asked_reaches_the_search_as_it_was_meant():
    body = {
        "query": " 机器学习 ",
        "topic_id": 7,
        "max_results": 500,
        "filters": {"content_type": ["PDF", ".jpeg"], "date_range": {"start": "2023-01-01"}},
    }
    request = search_request(validate(Search, body))
    assert (request.query, request.topic_ids, request.most) == (" 机器学习 ", (7,), 100)
    assert request.extensions == ("pdf", "jpg")
    assert (request.written_from, request.written_to) == (date(2023, 1, 1), None)
    plain = search_request(validate(Search, {"query": "x"}))
    assert (plain.topic_ids, plain.extensions, plain.search_type, plain.threshold) == (None, (), "hybrid", 0.0)
