"""Every code of the document with its status, in its envelope, in both languages. (RATE_LIMIT_EXCEEDED: `test_rates.py`;
WEBSOCKET_ERROR: `test_socket.py`; SESSION_BUSY: `test_messages.py`.)"""

from __future__ import annotations

import re

import pytest

from chatplatform.contracts.chat_system.errors import ERRORS
from retrieval.errors import EmbeddingFailed, RetrievalFailed, StorageUsedUp
from tests.acceptance.conftest import database
from tests.contracts.chat_system.conftest import new_session, new_topic, send
from tests.contracts.chat_system.test_documented_examples import FAILED
from tests.contracts.test_documented_examples import agrees

NOBODYS = "5e0ff2a48a4e4a369b0e6b1de3a1c0de"


async def raw(client, method, path, *, data=None, **headers):
    async with client.session.request(method, f"{client.url}/api/v1{path}", data=data, headers=headers) as response:
        return response.status, await response.json(), response.headers


def is_failure(answer, code):
    agrees({**FAILED, "error": {**FAILED["error"], "field_errors": {}}}, answer)
    assert (answer["success"], answer["data"], answer["error"]["code"]) == (False, None, code)
    assert answer["error"]["details"]
    assert re.fullmatch(r"req_\w+", answer["meta"]["request_id"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/chat/search", {}, 400, "VALIDATION_ERROR"),
        ("GET", f"/chat/sessions/sess_{NOBODYS}", None, 404, "SESSION_NOT_FOUND"),
        ("GET", f"/chat/messages/msg_{NOBODYS}", None, 404, "MESSAGE_NOT_FOUND"),
        ("GET", "/topics/4611686018427387904", None, 404, "NOT_FOUND"),
        ("GET", "/topics/x", None, 404, "NOT_FOUND"),
        ("GET", "/chat/sessions/x/y/z", None, 404, "NOT_FOUND"),
        ("GET", "/topics/1/2/3", None, 404, "NOT_FOUND"),
        ("DELETE", "/chat/sessions", None, 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/chat/search", None, 405, "METHOD_NOT_ALLOWED"),
        ("GET", f"/chat/sessions/sess_{NOBODYS}/stream", None, 426, "UPGRADE_REQUIRED"),
    ],
)
async def test_a_refusal(alice, method, path, body, status, code):
    answered, answer = await alice.call(method, path, body)
    assert answered == status
    is_failure(answer, code)


async def test_who_is_not_signed_in(alice):
    for headers in ({}, {"Authorization": "Bearer x"}, {"X-API-Key": "cp_0000000000000000_0000000000000000000000"}):
        for method, path in (("GET", "/chat/sessions"), ("POST", "/chat/search"), ("GET", "/topics")):
            status, answer, sent = await raw(alice, method, path, **headers)
            assert (status, sent["WWW-Authenticate"]) == (401, "Bearer")
            is_failure(answer, "AUTHENTICATION_FAILED")


async def test_an_api_key_opens_every_route(alice):
    key = (await alice.data("POST", "/users/me/api-keys", {"name": "a program"}))["key"]
    token, alice.token = alice.token, ""
    signed = {"X-API-Key": key}
    session = (await alice.data("POST", "/chat/sessions", {}, **signed))["session_id"]
    topic = (await alice.data("POST", "/topics", {"name": "t"}, **signed))["id"]
    reply = (await alice.data("POST", f"/chat/sessions/{session}/messages", {"content": "x"}, **signed))["assistant_response"]
    for method, path, body in (
        ("GET", "/chat/sessions", None),
        ("GET", f"/chat/sessions/{session}", None),
        ("PUT", f"/chat/sessions/{session}", {"title": "t"}),
        ("GET", f"/chat/sessions/{session}/messages", None),
        ("GET", f"/chat/messages/{reply['message_id']}", None),
        ("GET", f"/chat/messages/{reply['message_id']}/references", None),
        ("POST", f"/chat/messages/{reply['message_id']}/regenerate", {}),
        ("POST", "/chat/search", {"query": "x"}),
        ("GET", f"/chat/sessions/{session}/context", None),
        ("PUT", f"/chat/sessions/{session}/context", {}),
        ("GET", "/topics", None),
        ("GET", f"/topics/{topic}", None),
        ("PUT", f"/topics/{topic}", {"name": "u"}),
        ("DELETE", f"/topics/{topic}", None),
        ("DELETE", f"/chat/sessions/{session}", None),
    ):
        status, answer = await alice.call(method, path, body, **signed)
        assert status == 200, (method, path, answer)
    alice.token = token


async def test_a_vendor_that_fails(alice):
    session = await new_session(alice, model_config={"model": "500"})
    status, answer = await send(alice, session, "hello")
    assert status == 502
    is_failure(answer, "LLM_SERVICE_ERROR")
    assert answer["error"]["turn_id"]


async def test_what_does_not_fit_the_context(alice):
    session = await new_session(alice, context_settings={"max_context_length": 100, "context_window_strategy": "full"})
    status, answer = await send(alice, session, "word " * 200)
    assert status == 422
    is_failure(answer, "CONTEXT_TOO_LONG")
    assert (await alice.data("GET", f"/chat/sessions/{session}/messages"))["messages"] == []


async def test_an_exhausted_quota(platform, alice):
    session = await new_session(alice)
    assert (await send(alice, session, "hello"))[0] == 200
    with database(platform) as connection:
        connection.execute(
            """UPDATE quotas_allowance SET requests_used = 1000000
               WHERE user_id = (SELECT id FROM accounts_user WHERE username = %s)""",
            [alice.username],
        )
    status, answer = await send(alice, session, "hello")
    assert status == 429
    is_failure(answer, "QUOTA_EXCEEDED")
    assert answer["error"]["retry_after"] > 0


async def test_what_no_view_gets_to_see(alice):
    signed = alice.headers
    session = await new_session(alice)
    for path in ("/chat/sessions", f"/chat/sessions/{session}/messages", "/chat/search", "/topics"):
        status, answer, _ = await raw(
            alice, "POST", path, data=b" " * 1_100_000, **signed, **{"Content-Type": "application/json"}
        )
        assert status == 413
        is_failure(answer, "PAYLOAD_TOO_LARGE")
        status, answer, _ = await raw(alice, "POST", path, data=b"a=b", **signed, **{"Content-Type": "text/plain"})
        assert status == 415
        is_failure(answer, "UNSUPPORTED_MEDIA_TYPE")
        status, answer, _ = await raw(alice, "POST", path, data=b"{}", **signed, Accept="application/vnd.nobody.v1+json")
        assert status == 406
        is_failure(answer, "NOT_ACCEPTABLE")
    status, answer, headers = await raw(alice, "GET", f"/chat/sessions/{session}/stream")
    assert (status, headers["Upgrade"]) == (426, "websocket")


async def test_a_search_that_fails(platform, alice, alices_topic):
    session = await new_session(alice, topic_id=alices_topic)
    with database(platform) as connection:
        # An operator's mistake: no model is left that could embed the question.
        connection.execute("UPDATE retrieval_embeddingmodel SET state = 'retired' WHERE state = 'active'")
        try:
            searched = await alice.call("POST", "/chat/search", {"query": "机器学习"})
            sent = await send(alice, session, "机器学习是什么？")
        finally:
            connection.execute("UPDATE retrieval_embeddingmodel SET state = 'active' WHERE kind = 'packaged'")
    for status, answer in (searched, sent):
        assert status == 502
        is_failure(answer, "RETRIEVAL_ERROR")
    assert (await alice.data("GET", f"/chat/sessions/{session}/messages"))["messages"] == [], "nothing is stored half"
    assert (await alice.data("POST", "/chat/search", {"query": "机器学习"}))["results"]


def test_a_failed_search_is_a_gateway_error_in_this_contract():
    for kind in (RetrievalFailed, EmbeddingFailed):
        row = ERRORS.row_for(kind)
        assert (row.status, row.code) == (502, "RETRIEVAL_ERROR")
    assert ERRORS.row_for(StorageUsedUp).status == 507


async def test_the_same_in_english(alice):
    english = {"Accept-Language": "en"}
    status, answer = await alice.call("GET", f"/chat/sessions/sess_{NOBODYS}", None, **english)
    assert (answer["message"], answer["error"]["details"]) == ("The operation failed.", "The conversation does not exist.")
    session = (await alice.call("POST", "/chat/sessions", {}, **english))[1]
    assert session["message"] == "The session was created."
    session_id = session["data"]["session_id"]
    topic = await new_topic(alice)
    for method, path, body in (
        ("GET", "/chat/sessions", None),
        ("GET", f"/chat/sessions/{session_id}", None),
        ("PUT", f"/chat/sessions/{session_id}", {}),
        ("POST", f"/chat/sessions/{session_id}/messages", {"content": "hello"}),
        ("GET", f"/chat/sessions/{session_id}/messages", None),
        ("GET", f"/chat/sessions/{session_id}/context", None),
        ("PUT", f"/chat/sessions/{session_id}/context", {}),
        ("POST", "/chat/search", {"query": "x"}),
        ("GET", f"/topics/{topic}", None),
        ("DELETE", f"/topics/{topic}", None),
        ("DELETE", f"/chat/sessions/{session_id}", None),
    ):
        status, answer = await alice.call(method, path, body, **english)
        assert status == 200, (path, answer)
        assert answer["message"].isascii(), path
        status, answer = await alice.call("POST", "/chat/search", {"query": ""}, **english)
        assert str(answer["error"]).isascii()
