"""Django in threads of the web process: what it is told of a request, and that slow work does not hold quick work up."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpResponse

from chatplatform.contracts.threads import DjangoInThreads, environ_of


def scope_of(**changed: Any) -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/x",
        "query_string": b"a=1",
        "headers": [],
        "client": ("203.0.113.5", 1234),
        "server": ("127.0.0.1", 8000),
        "scheme": "https",
    } | changed


def test_the_true_length_counts_whatever_the_headers_say():
    headers = [(b"content-length", b"7"), (b"transfer-encoding", b"chunked"), (b"content-type", b"application/json")]
    environ = environ_of(scope_of(headers=headers), b"four")
    assert environ["CONTENT_LENGTH"] == "4"
    assert environ["CONTENT_TYPE"] == "application/json"
    assert environ["wsgi.input"].read() == b"four"
    assert "HTTP_TRANSFER_ENCODING" not in environ


def test_a_header_with_an_underscore_cannot_pose_as_one_with_a_dash():
    headers = [(b"x-api-key", b"hers"), (b"x_api_key", b"another"), (b"remote_addr", b"9.9.9.9")]
    environ = environ_of(scope_of(headers=headers), b"")
    assert environ["HTTP_X_API_KEY"] == "hers"
    assert environ["REMOTE_ADDR"] == "203.0.113.5"


def test_repeated_headers_are_joined_and_text_is_latin_one():
    headers = [(b"cookie", b"a=1"), (b"cookie", b"b=2"), (b"accept", b"x"), (b"accept", b"y")]
    environ = environ_of(scope_of(headers=headers, path="/api/v1/对话", query_string=b"x=\xff%41&y=z"), b"")
    assert environ["HTTP_COOKIE"] == "a=1; b=2"
    assert environ["HTTP_ACCEPT"] == "x,y"
    assert environ["PATH_INFO"] == "/api/v1/对话".encode().decode("latin-1")
    assert environ["QUERY_STRING"] == "x=%FF%41&y=z"
    assert environ["wsgi.url_scheme"] == "https"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
        ("multipart/form-data; boundary=x; charset=gbk", "multipart/form-data; boundary=x; charset=gbk"),
        ("application/json; charset=hex", "application/json"),
        ("application/json; charset=idna", "application/json"),
        ("multipart/form-data; boundary*=bogus''x", "multipart/form-data"),
        ("multipart/form-data; boundary*=utf-8''x; boundary*0=y", "multipart/form-data"),
    ],
)
def test_a_content_type_that_django_cannot_read_is_told_without_its_parameters(sent, told):
    environ = environ_of(scope_of(headers=[(b"content-type", sent.encode())]), b"")
    assert environ["CONTENT_TYPE"] == told
    assert WSGIRequest(environ | {"QUERY_STRING": "x=%41"}).GET["x"] == "A"


async def test_an_answer_comes_back_whole_from_a_thread_that_is_kept():
    seen: list[str] = []

    class Handler:
        def __call__(self, environ, start_response):
            seen.append(threading.current_thread().name)
            response = HttpResponse(b"hello", status=201, headers={"X-Y": "z"})
            response.set_cookie("a", "1")
            start_response(
                "201 Created", [*response.items(), *(("Set-Cookie", c.OutputString()) for c in response.cookies.values())]
            )
            return response

    threads = DjangoInThreads(Handler(), 1, "rest")
    for _ in range(2):
        sent: list[dict[str, Any]] = []

        async def send(message, sent=sent):
            sent.append(message)

        await threads(scope_of(), b"", send)
        assert sent[0]["status"] == 201
        assert (b"x-y", b"z") in sent[0]["headers"]
        assert any(name == b"set-cookie" for name, _ in sent[0]["headers"])
        assert sent[1]["body"] == b"hello"
    assert seen == ["rest_0", "rest_0"]


async def test_a_list_is_answered_while_many_passwords_are_hashed(alice):
    logins = [
        asyncio.ensure_future(alice.call("POST", "/auth/login", {"username": f"nobody{number}", "password": "password123"}))
        for number in range(40)
    ]
    await asyncio.sleep(0.05)
    status, _ = await alice.call("GET", "/conversations")
    assert status == 200
    assert not all(login.done() for login in logins), "the list waited for the hashing"
    assert {status for status, _ in await asyncio.gather(*logins)} == {401}
