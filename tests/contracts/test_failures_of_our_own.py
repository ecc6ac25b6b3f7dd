"""What goes wrong on our side: a view that raises, a database or a Redis that is away. In threads and in the loop."""

from __future__ import annotations

import json
import logging
import uuid
from typing import Any

import pytest
import redis
from asgiref.testing import ApplicationCommunicator
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path
from rest_framework.request import Request

from chatplatform.contracts.chatgpt_backend.contract import CHATGPT_BACKEND, OTHER_RATE
from chatplatform.contracts.contract import Route, Runs
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.middleware import Access
from chatplatform.contracts.native import NativeAnswer, NativeCall, NativeConsumer
from chatplatform.core.errors import Draining, VendorFailed

# Threads of an earlier test may look after connections that they have open.
pytestmark = pytest.mark.django_db(transaction=True)

FAILURES: list[tuple[Exception, int, str]] = [
    (ZeroDivisionError("secret-detail"), 500, "INTERNAL_SERVER_ERROR"),
    (RecursionError("secret-detail"), 500, "INTERNAL_SERVER_ERROR"),
    (OperationalError("connection to server at 10.0.0.1 failed: secret-detail"), 503, "DATABASE_ERROR"),
    (InterfaceError("secret-detail"), 503, "DATABASE_ERROR"),
    (redis.ConnectionError("secret-detail"), 503, "DATABASE_ERROR"),
    (redis.TimeoutError("secret-detail"), 503, "DATABASE_ERROR"),
    (Draining(retry_after=5), 503, "SERVICE_UNAVAILABLE"),
]


class Failing(ContractViewSet):
    failure: Exception

    def retrieve(self, request: Request) -> HttpResponse:
        raise type(self).failure

    @native
    async def create(self, call: NativeCall) -> NativeAnswer:
        raise type(self).failure


GET = Route("GET", "/failing", Failing, "retrieve", Runs.FAST, OTHER_RATE, public=True)
POST = Route("POST", "/failing", Failing, "create", Runs.NATIVE, OTHER_RATE, public=True)


def plain_view(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("secret-detail")


urlpatterns = [
    path("api/v1/failing", Failing.as_view({"get": "retrieve"}, contract=CHATGPT_BACKEND, routes={"GET": GET})),
    path("api/v1/plain", plain_view),
]
handler404 = "chatplatform.contracts.pages.not_found"
handler500 = "chatplatform.contracts.pages.broken"


async def ask(application: Any, **scope: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """One request to an ASGI application."""
    whole = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "client": ("192.0.2.9", 1)}
    communicator = ApplicationCommunicator(application, whole | scope)
    await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
    start = await communicator.receive_output(5)
    body = await communicator.receive_output(5)
    await communicator.wait(5)
    return start["status"], dict(start["headers"]), body["body"]


@pytest.mark.parametrize(("failure", "status", "code"), FAILURES, ids=[type(failure).__name__ for failure, _, _ in FAILURES])
@override_settings(ROOT_URLCONF=__name__, RATE_LIMITS=False)
async def test_a_view_that_fails_answers_in_the_dialect_and_tells_nothing(failure, status, code, caplog):
    Failing.failure = failure
    in_thread = Client(raise_request_exception=False).get
    from asgiref.sync import sync_to_async

    response = await sync_to_async(in_thread)("/api/v1/failing")
    in_loop = await ask(NativeConsumer(POST, CHATGPT_BACKEND), method="POST", path="/api/v1/failing")
    for got, headers, body in (
        (response.status_code, {k.lower().encode(): v.encode() for k, v in response.items()}, response.content),
        in_loop,
    ):
        answer = json.loads(body)
        assert (got, answer["error"]["code"]) == (status, code)
        assert b"secret-detail" not in body
        assert b"Traceback" not in body
        assert (b"retry-after" in headers) is (status == 503)
    if status == 500:
        assert len([r for r in caplog.records if r.levelno >= logging.ERROR]) >= 2, "the cause is logged"


@pytest.mark.parametrize(("language", "says"), [("en", "the text so far is kept"), ("zh", "已保留")])
@override_settings(ROOT_URLCONF=__name__, RATE_LIMITS=False)
async def test_a_turn_that_failed_is_named_and_what_is_kept_of_it_is_said(language, says):
    turn = uuid.uuid4()
    consumer = NativeConsumer(POST, CHATGPT_BACKEND)
    asked = {"method": "POST", "path": "/api/v1/failing", "headers": [(b"accept-language", language.encode())]}
    Failing.failure = VendorFailed(retry_after=2, turn_id=turn, text_kept=True)
    status, _, body = await ask(consumer, **asked)
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (502, "OPENAI_API_ERROR")
    assert error["details"] == {"turn_id": str(turn), "text_kept": True, "retry_after": 2}
    assert says in error["message"]
    Failing.failure = VendorFailed(turn_id=turn)
    error = json.loads((await ask(consumer, **asked))[2])["error"]
    assert error["details"] == {"turn_id": str(turn)}
    assert says not in error["message"]


@override_settings(ROOT_URLCONF=__name__)
def test_a_view_that_is_not_of_a_contract(caplog):
    response = Client(raise_request_exception=False).get("/api/v1/plain")
    assert response.status_code == 500
    assert response.json()["error"]["code"] == "INTERNAL_SERVER_ERROR"
    assert b"secret-detail" not in response.content


async def test_machinery_that_fails_outside_of_any_view():
    async def broken(scope, receive, send):
        raise ZeroDivisionError("secret-detail")

    status, headers, body = await ask(Access(broken), path="/api/v1/users/me", headers=[(b"accept-language", b"en")])
    assert (status, json.loads(body)["error"]["code"]) == (500, "INTERNAL_SERVER_ERROR")
    assert headers[b"x-request-id"].startswith(b"req_")
    assert b"secret-detail" not in body


def test_a_native_route_that_is_reached_without_the_event_loop_says_so():
    view = Failing.as_view({"post": "create"}, contract=CHATGPT_BACKEND, routes={"POST": POST})
    from django.test import RequestFactory

    with override_settings(RATE_LIMITS=False):
        response = view(RequestFactory().post("/api/v1/failing"))
    assert response.status_code == 503
