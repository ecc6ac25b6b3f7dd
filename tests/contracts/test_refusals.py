"""What answers when no view does: unknown paths, other methods, other versions, a slash at the end, odd bytes in the address."""

from __future__ import annotations

import asyncio
import re

import pytest


async def raw_request(platform, head: bytes) -> bytes:
    host, port = platform.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(head + b"host: x\r\nconnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    return answer


@pytest.mark.parametrize("path", ["/nowhere", "/conversationsx", "/auth", "/ws/other", "/turns", "//conversations", "/users/me/"])
async def test_an_unknown_path_is_404_in_the_dialect(alice, path):
    status, answer = await alice.call("GET", path)
    if path == "/users/me/":
        assert status == 200
        return
    assert (status, answer["error"]["code"]) == (404, "RESOURCE_NOT_FOUND")


async def test_an_unknown_path_outside_of_the_api(platform, alice):
    async with alice.session.get(f"{platform.url}/nowhere", headers={"Accept": "application/json"}) as response:
        assert response.status == 404
        assert list(await response.json()) == ["detail"]
    async with alice.session.get(f"{platform.url}/nowhere", headers={"Accept": "text/html"}) as response:
        assert response.status == 404
        assert response.content_type == "text/html"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/conversations", {"GET", "POST"}),
        ("PUT", "/conversations/{}/messages", {"GET", "POST"}),
        ("GET", "/conversations/{}/messages/stream", {"POST"}),
        ("DELETE", "/turns/{}", {"GET"}),
        ("POST", "/health", {"GET"}),
        ("TRACE", "/health", {"GET"}),
        ("LINK", "/auth/login", {"POST"}),
    ],
)
async def test_another_method_is_405_and_names_those_that_work(alice, method, path, allowed):
    url = f"{alice.url}/api/v1{path.format('00000000-0000-0000-0000-000000000000')}"
    async with alice.session.request(method, url) as response:
        assert response.status == 405
        assert allowed <= set(response.headers["Allow"].split(", "))
        assert (await response.json())["error"]["code"] == "METHOD_NOT_ALLOWED"


async def test_a_slash_at_the_end_answers_identically_and_never_redirects(alice):
    conversation = await alice.new_conversation()
    for path in ("/users/me", "/conversations", f"/conversations/{conversation}", "/health"):
        plain = await alice.call("GET", path)
        slashed = await alice.call("GET", f"{path}/")
        for _status, answer in (plain, slashed):
            answer.pop("timestamp")
            answer.pop("uptime", None)
        assert plain == slashed
    status, _ = await alice.call("POST", f"/conversations/{conversation}/messages/", {"content": "hello"})
    assert status == 200


async def test_a_version_that_nobody_speaks_is_406_in_threads_and_in_the_loop(alice):
    conversation = await alice.new_conversation()
    for accept in ("application/vnd.chatgpt.v2+json", "application/vnd.nobody.v1+json"):
        for method, path, body in (
            ("GET", "/conversations", None),
            ("POST", f"/conversations/{conversation}/messages", {"content": "x"}),
        ):
            status, answer = await alice.call(method, path, body, Accept=accept)
            assert (status, answer["error"]["code"]) == (406, "NOT_ACCEPTABLE")
    for accept in ("application/vnd.chatgpt.v1+json", "text/html", "image/png", "*/*"):
        status, _ = await alice.call("GET", "/conversations", Accept=accept)
        assert status == 200


async def test_head_and_options(alice):
    for path in ("/users/me", "/health"):
        async with alice.session.head(f"{alice.url}/api/v1{path}", headers=alice.headers) as response:
            assert response.status == 200
            assert await response.read() == b""
    async with alice.session.options(f"{alice.url}/api/v1/conversations") as response:
        assert response.status == 204
        assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /api/v1/conversations?x=\xff\xfe HTTP/1.1\r\n",
        b"GET /api/v1/\xff\xfe HTTP/1.1\r\n",
        b"GET /api/v1/%ff%00 HTTP/1.1\r\n",
        b"GET /%0d%0aSet-Cookie:%20x=y HTTP/1.1\r\n",
        b"GET //evil.example/%2e%2e HTTP/1.1\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\n",
        b"GET /static/../chatplatform/settings.py HTTP/1.1\r\n",
        b"GET /api/v1/users/me HTTP/1.1\r\nauthorization: Bearer \xff\xff\r\n",
        b"GET /api/v1/users/me HTTP/1.1\r\nauthorization: \r\n",
        b"GET /api/v1/users/me HTTP/1.1\r\nauthorization: Bearer a b c\r\n",
        b"GET /api/v1/users/me HTTP/1.1\r\nx-api-key: \xe4\r\n",
        b"GET /api/v1/users/me HTTP/1.1\r\naccept-language: ;;;q=x,\xff\r\n",
        b"GET /api/v1/users/me HTTP/1.1\r\ncontent-length: 5x\r\n",
        b"POST /api/v1/auth/login HTTP/1.1\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n",
    ],
)
async def test_odd_bytes_are_refused_and_never_a_500(platform, head):
    answer = await raw_request(platform, head)
    status = int(answer.split(b" ", 2)[1])
    assert 400 <= status < 500, answer
    assert b"set-cookie" not in answer.lower()
    assert b"Traceback" not in answer


async def test_every_answer_carries_a_request_id_and_keeps_a_sane_one(alice):
    conversation = await alice.new_conversation()
    for method, path in (("GET", "/users/me"), ("GET", "/nowhere"), ("POST", f"/conversations/{conversation}/messages")):
        for sent, kept in (("my-id.7", True), ("", False), ("x" * 65, False), ("two words", False), ("a;b", False)):
            headers = alice.headers | {"X-Request-ID": sent}
            async with alice.session.request(method, f"{alice.url}/api/v1{path}", headers=headers) as response:
                given = response.headers["X-Request-ID"]
                assert given == sent if kept else given.startswith("req_")
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Cache-Control"] == "no-store"


async def test_messages_are_chinese_by_default_and_english_on_request_in_threads_and_in_the_loop(alice):
    conversation = await alice.new_conversation()
    for method, path in (("GET", "/nowhere"), ("PATCH", "/conversations"), ("POST", f"/conversations/{conversation}/messages")):
        texts = {}
        for language in ("", "zh-CN,zh;q=0.9,en;q=0.5", "en-GB,en;q=0.9", "fr", "*", "en;q=0"):
            _, answer = await alice.call(method, path, None, **{"Accept-Language": language})
            texts[language] = answer["error"]["message"]
        assert texts["en-GB,en;q=0.9"].isascii()
        chinese = {text for language, text in texts.items() if not language.startswith("en-GB")}
        assert len(chinese) == 1
        assert not chinese.pop().isascii()


async def test_two_tokens_are_none_in_threads_and_in_the_loop(alice):
    conversation = await alice.new_conversation()
    twice = [("Authorization", f"Bearer {alice.token}")] * 2
    for method, path in (("GET", "/users/me"), ("POST", f"/conversations/{conversation}/messages")):
        async with alice.session.request(method, f"{alice.url}/api/v1{path}", headers=twice) as response:
            assert response.status == 401
            assert (await response.json())["error"]["code"] == "AUTHENTICATION_ERROR"


async def test_pages_say_how_long_they_may_be_kept(platform, alice):
    for path, accept, kept in (
        ("/", "text/html", "no-cache"),
        ("/", "application/json", "no-cache"),
        ("/openapi.json", "*/*", "public, max-age=300"),
        ("/docs", "text/html", "public, max-age=300"),
    ):
        async with alice.session.get(f"{platform.url}{path}", headers={"Accept": accept}) as response:
            assert (response.status, response.headers["Cache-Control"]) == (200, kept)
    async with alice.session.get(f"{platform.url}/favicon.ico") as response:
        assert response.status == 204


async def test_the_documentation_allows_its_own_files_only_and_they_are_there(platform, alice):
    async with alice.session.get(f"{platform.url}/docs") as response:
        policy = dict(part.strip().split(" ", 1) for part in response.headers["Content-Security-Policy"].split(";"))
        page = await response.text()
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == ("'none'", "'self'", "'self'")
    assert re.search(r"<script>|\son\w+=", page) is None, "the policy would keep it from running"
    files = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(files) >= 4
    for file in files:
        assert file.startswith("/"), file
        async with alice.session.get(platform.url + file.replace("&amp;", "&")) as response:
            assert response.status == 200, file
