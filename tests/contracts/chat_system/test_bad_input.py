"""What breaks a rule is refused with the names of all fields that do, and nothing of it is stored."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.contracts.chat_system.conftest import new_session, new_topic
from tests.contracts.test_bad_input import BODIES, raw

NOBODYS = uuid.uuid4().hex


def refused(called, *fields):
    status, answer = called
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR"), answer
    assert sorted(answer["error"]["field_errors"]) == sorted(fields), answer
    assert all(issue for issues in answer["error"]["field_errors"].values() for issue in issues)


@pytest.mark.parametrize(("what", "body"), [(what, body) for what, body, _ in BODIES], ids=[what for what, _, _ in BODIES])
async def test_a_body_that_is_no_good(alice, what, body):
    session = await new_session(alice)
    for path in ("/chat/sessions", f"/chat/sessions/{session}/messages", "/chat/search", "/topics"):
        status, answer = await raw(alice, path, body)
        assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR"), (path, answer)
        assert answer["error"]["details"]
    assert (await alice.data("GET", "/chat/sessions"))["pagination"]["total"] == 1
    assert (await alice.data("GET", f"/chat/sessions/{session}/messages"))["messages"] == []
    assert (await alice.data("GET", "/topics"))["topics"] == []


async def test_all_fields_that_are_wrong_are_named_at_once(alice):
    body = {
        "title": "x" * 201,
        "topic_id": "123",
        "model_config": {"temperature": 3, "max_tokens": 0},
        "context_settings": {"relevance_threshold": 7, "context_window_strategy": "guess"},
    }
    refused(
        await alice.call("POST", "/chat/sessions", body),
        "title",
        "topic_id",
        "model_config.temperature",
        "model_config.max_tokens",
        "context_settings.relevance_threshold",
        "context_settings.context_window_strategy",
    )


SESSIONS = [
    ({"title": 5}, "title"),
    ({"title": "a\nb"}, "title"),
    ({"description": "x" * 2001}, "description"),
    ({"topic_id": 0}, "topic_id"),
    ({"topic_id": 1.5}, "topic_id"),
    ({"topic_id": True}, "topic_id"),
    ({"model_config": []}, "model_config"),
    ({"model_config": {"model": 5}}, "model_config.model"),
    ({"model_config": {"temperature": "0.7"}}, "model_config.temperature"),
    ({"model_config": {"temperature": -0.1}}, "model_config.temperature"),
    ({"model_config": {"max_tokens": 2**31}}, "model_config.max_tokens"),
    ({"model_config": {"stream": "yes"}}, "model_config.stream"),
    ({"context_settings": "all"}, "context_settings"),
    ({"context_settings": {"max_context_length": 0}}, "context_settings.max_context_length"),
    ({"context_settings": {"max_context_length": "8000"}}, "context_settings.max_context_length"),
    ({"context_settings": {"include_document_metadata": 1}}, "context_settings.include_document_metadata"),
    ({"context_settings": {"context_window_strategy": None}}, "context_settings.context_window_strategy"),
    ({"context_settings": {"relevance_threshold": 7}}, "context_settings.relevance_threshold"),
    ({"context_settings": {"relevance_threshold": -0.1}}, "context_settings.relevance_threshold"),
]


@pytest.mark.parametrize(("body", "field"), SESSIONS, ids=[json.dumps(body)[:50] for body, _ in SESSIONS])
async def test_a_field_of_a_session_that_breaks_a_rule(alice, body, field):
    refused(await alice.call("POST", "/chat/sessions", body), field)
    session = await new_session(alice, title="t")
    refused(await alice.call("PUT", f"/chat/sessions/{session}", {"title": "other"} | body), field)
    assert (await alice.data("GET", f"/chat/sessions/{session}"))["title"] == "t"
    if "context_settings" in body and isinstance(body["context_settings"], dict):
        path = f"/chat/sessions/{session}/context"
        refused(await alice.call("PUT", path, body["context_settings"]), field.removeprefix("context_settings."))
    assert (await alice.data("GET", "/chat/sessions"))["pagination"]["total"] == 1


@pytest.mark.parametrize("status", ["deleted", "", None, 1, "ACTIVE"])
async def test_a_status_that_is_none_to_change_to(alice, status):
    session = await new_session(alice)
    refused(await alice.call("PUT", f"/chat/sessions/{session}", {"status": status}), "status")


async def test_a_document_that_is_no_id_or_nobodys(alice):
    for wrong in ("doc_1", "1", uuid.uuid4().hex, f"sess_{NOBODYS}", 5):
        refused(await alice.call("POST", "/chat/sessions", {"document_ids": [wrong]}), "document_ids.0")
    refused(await alice.call("POST", "/chat/sessions", {"document_ids": [f"doc_{NOBODYS}"] * 21}), "document_ids")
    status, answer = await alice.call("POST", "/chat/sessions", {"document_ids": [f"doc_{NOBODYS}"]})
    assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
    assert (await alice.data("GET", "/chat/sessions"))["sessions"] == []


async def test_a_model_that_nobody_knows(alice):
    refused(await alice.call("POST", "/chat/sessions", {"model_config": {"model": "gpt-17"}}), "model")
    session = await new_session(alice)
    refused(await alice.call("PUT", f"/chat/sessions/{session}", {"model_config": {"model": "gpt-17"}}), "model")


MESSAGES = [
    ({}, "content"),
    ({"content": " \n"}, "content"),
    ({"content": None}, "content"),
    ({"content": ["x"]}, "content"),
    ({"content": "x" * 10_001}, "content"),
    ({"content": "x", "content_type": "html"}, "content_type"),
    ({"content": "x", "metadata": []}, "metadata"),
    ({"content": "x", "metadata": {"a": "x" * 20_000}}, "metadata"),
    ({"content": "x", "client_message_id": "k" * 201}, "client_message_id"),
    ({"content": "x", "document_ids": "doc_1"}, "document_ids"),
]


@pytest.mark.parametrize(("body", "field"), MESSAGES, ids=[json.dumps(body)[:50] for body, _ in MESSAGES])
async def test_a_field_of_a_message_that_breaks_a_rule(alice, body, field):
    session = await new_session(alice)
    refused(await alice.call("POST", f"/chat/sessions/{session}/messages", body), field)
    assert (await alice.data("GET", f"/chat/sessions/{session}/messages"))["messages"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"model_config": {"temperature": 2.1}}, "model_config.temperature"),
        ({"model_config": {"max_tokens": -1}}, "model_config.max_tokens"),
        ({"model_config": 5}, "model_config"),
        ({"regenerate_reason": "x" * 1001}, "regenerate_reason"),
        ({"regenerate_reason": 5}, "regenerate_reason"),
    ],
)
async def test_a_field_of_a_regeneration_that_breaks_a_rule(alice, body, field):
    refused(await alice.call("POST", f"/chat/messages/msg_{NOBODYS}/regenerate", body), field)


SEARCHES = [
    ({}, "query"),
    ({"query": ""}, "query"),
    ({"query": "   \t\u3000"}, "query"),
    ({"query": None}, "query"),
    ({"query": 5}, "query"),
    ({"query": "检" * 5_000}, "query"),
    ({"query": "x" * 10_000}, "query"),
    ({"query": "x", "search_type": "magic"}, "search_type"),
    ({"query": "x", "max_results": 0}, "max_results"),
    ({"query": "x", "max_results": -1}, "max_results"),
    ({"query": "x", "max_results": "10"}, "max_results"),
    ({"query": "x", "relevance_threshold": 7}, "relevance_threshold"),
    ({"query": "x", "relevance_threshold": -0.5}, "relevance_threshold"),
    ({"query": "x", "relevance_threshold": "0.5"}, "relevance_threshold"),
    ({"query": "x", "topic_id": "123"}, "topic_id"),
    ({"query": "x", "filters": []}, "filters"),
    ({"query": "x", "filters": {"content_type": "pdf"}}, "filters.content_type"),
    ({"query": "x", "filters": {"content_type": [5]}}, "filters.content_type.0"),
    ({"query": "x", "filters": {"date_range": {"start": "yesterday"}}}, "filters.date_range.start"),
    ({"query": "x", "filters": {"date_range": {"end": "2023-02-30"}}}, "filters.date_range.end"),
    ({"query": "x", "filters": {"date_range": {"start": 20230101}}}, "filters.date_range.start"),
    ({"query": "x", "filters": {"date_range": {"start": "2024-01-01", "end": "2023-01-01"}}}, "filters.date_range"),
]


@pytest.mark.parametrize(("body", "field"), SEARCHES, ids=[json.dumps(body)[:60] for body, _ in SEARCHES])
async def test_a_field_of_a_search_that_breaks_a_rule(alice, body, field):
    refused(await alice.call("POST", "/chat/search", body), field)


@pytest.mark.parametrize(
    "query", ["%_'\"", "%", "'; DROP TABLE retrieval_chunk; --", "\\", ":*&|!()", "🎉", "x" * 2_000, "\u200b"]
)
@pytest.mark.parametrize("search_type", ["hybrid", "semantic", "keyword"])
async def test_an_odd_query_breaks_nothing(alice, query, search_type):
    found = await alice.data("POST", "/chat/search", {"query": query, "search_type": search_type})
    assert (found["results"], found["total_results"]) == ([], 0)


async def test_a_topic_of_somebody_elses_is_refused(alice, bob):
    topic = await new_topic(alice)
    for wrong in (topic, 2**62):
        for path, body in (
            ("/chat/search", {"query": "x", "topic_id": wrong}),
            ("/chat/sessions", {"topic_id": wrong}),
        ):
            status, answer = await bob.call("POST", path, body)
            assert (status, answer["error"]["code"]) == (404, "NOT_FOUND"), path
        session = await new_session(bob)
        status, answer = await bob.call("PUT", f"/chat/sessions/{session}", {"title": "t", "topic_id": wrong})
        assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
        assert (await bob.data("GET", f"/chat/sessions/{session}"))["title"] == ""


QUERIES = [
    ("/chat/sessions", "page=0", "page"),
    ("/chat/sessions", "page_size=x", "page_size"),
    ("/chat/sessions", "topic_id=x", "topic_id"),
    ("/chat/sessions", "topic_id=0", "topic_id"),
    ("/chat/sessions", "status=gone", "status"),
    ("/chat/sessions", f"search={'x' * 201}", "search"),
    ("/chat/sessions", "search=a%00b", "search"),
    ("MESSAGES", "page=-1", "page"),
    ("MESSAGES", "role=admin", "role"),
    ("MESSAGES", "before_message_id=5", "before_message_id"),
    ("MESSAGES", "after_message_id=", "after_message_id"),
    ("/topics", "page=٣", "page"),
]


@pytest.mark.parametrize(("path", "query", "field"), QUERIES)
async def test_a_parameter_that_breaks_a_rule(alice, path, query, field):
    if path == "MESSAGES":
        path = f"/chat/sessions/{await new_session(alice)}/messages"
    refused(await alice.call("GET", f"{path}?{query}"), field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x", "description": "x" * 2001}, "description"),
    ],
)
async def test_a_field_of_a_topic_that_breaks_a_rule(alice, body, field):
    refused(await alice.call("POST", "/topics", body), field)
    topic = await new_topic(alice)
    if body:
        refused(await alice.call("PUT", f"/topics/{topic}", body), field)
    refused(await alice.call("PUT", f"/topics/{topic}/sharing", {"for_everyone": "yes"}), "for_everyone")
    refused(await alice.call("PUT", f"/topics/{topic}/sharing", {"user_ids": ["1"]}), "user_ids.0")
