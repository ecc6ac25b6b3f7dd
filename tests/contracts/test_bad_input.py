"""Every bad input, sent to an endpoint that Django REST framework runs and to two that run in the event loop: the same status and
code from all, in the envelope, never a 500, and nothing stored."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from chatplatform.settings import MAX_JSON_BODY
from tests.client import PASSWORD, Client

JSON = {"Content-Type": "application/json"}

BODIES: list[tuple[str, bytes, int]] = [
    ("not JSON", b"{", 400),
    ("a thousand levels deep", b'{"content":' + b"[" * 1000 + b"]" * 1000 + b"}", 400),
    ("a hundred levels deep", b'{"content":' + b"[" * 100 + b"]" * 100 + b"}", 400),
    ("five thousand levels deep and open", b"[" * 5000, 400),
    ("NaN", b'{"temperature":NaN,"content":"x"}', 400),
    ("Infinity", b'{"temperature":-Infinity,"content":"x"}', 400),
    ("beyond a double", b'{"temperature":1e999,"content":"x"}', 400),
    ("an endless integer", b'{"max_tokens":' + b"9" * 5000 + b',"content":"x"}', 400),
    ("an integer beyond 64 bits", b'{"max_tokens":99999999999999999999999,"content":"x"}', 400),
    ("a byte order mark", b'\xef\xbb\xbf{"content":"x"}', 400),
    ("UTF-16", '{"content":"x"}'.encode("utf-16"), 400),
    ("broken UTF-8", b'{"content":"\xff"}', 400),
    ("a lone surrogate", b'{"content":"\\ud800"}', 400),
    ("NUL", b'{"content":"a\\u0000b","title":"a\\u0000b"}', 422),
    ("NUL in a key", b'{"a\\u0000b":1}', 422),
    ("NUL deep inside", b'{"x":{"y":["\\u0000"]}}', 422),
    ("a list", b"[]", 422),
    ("null", b"null", 422),
    ("a string", b'"hello"', 422),
    ("a number", b"-0", 422),
]


async def raw(client: Client, path: str, body: bytes, headers: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    url = f"{client.url}/api/v1{path}"
    async with client.session.post(url, data=body, headers=client.headers | (headers or JSON)) as response:
        return response.status, await response.json()


@pytest.mark.parametrize(("what", "body", "expected"), BODIES, ids=[what for what, _, _ in BODIES])
async def test_a_body_that_is_no_good(alice, what, body, expected):
    conversation = await alice.new_conversation()
    paths = ("/conversations", f"/conversations/{conversation}/messages", f"/conversations/{conversation}/messages/stream")
    for path in paths:
        status, answer = await raw(alice, path, body)
        assert (status, answer["error"]["code"]) == (expected, "VALIDATION_ERROR"), (path, answer)
        assert answer["success"] is False
        assert answer["error"]["message"]
    assert (await alice.data("GET", "/conversations"))["pagination"]["total"] == 1
    assert await alice.messages(conversation) == []


async def test_a_body_that_is_too_large_declared_or_not(alice):
    conversation = await alice.new_conversation()

    async def chunks():
        for _ in range(200):
            yield b" " * 10_000

    for path in ("/conversations", f"/conversations/{conversation}/messages", "/nowhere"):
        for body in (b" " * 10_000_000, chunks(), b" " * (MAX_JSON_BODY + 1)):
            status, answer = await raw(alice, path, body)
            assert (status, answer["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_body_just_within_the_limit_is_read(alice):
    conversation = await alice.new_conversation()
    body = json.dumps({"content": "x" * 20_000, "ignored": ""}).encode()
    body += b" " * (MAX_JSON_BODY - len(body))
    status, answer = await raw(alice, f"/conversations/{conversation}/messages", body)
    assert (status, answer["error"]["details"]["field"]) == (422, "content")


async def test_another_content_type(alice):
    conversation = await alice.new_conversation()
    for path in ("/conversations", f"/conversations/{conversation}/messages"):
        for media_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
            status, answer = await raw(alice, path, b"content=x", {"Content-Type": media_type})
            assert (status, answer["error"]["code"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_no_body_says_which_field_is_missing(alice):
    conversation = await alice.new_conversation()
    status, answer = await raw(alice, f"/conversations/{conversation}/messages", b"")
    assert (status, answer["error"]["details"]["field"]) == (422, "content")
    status, answer = await raw(alice, "/auth/login", b"")
    assert (status, answer["error"]["details"]["field"]) == (422, "username")


FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"content": ""}, "content"),
    ({"content": " \n\t"}, "content"),
    ({"content": None}, "content"),
    ({"content": 5}, "content"),
    ({"content": ["x"]}, "content"),
    ({"content": {"x": "y"}}, "content"),
    ({"content": "x" * 10_001}, "content"),
    ({"content": "x", "temperature": 3}, "temperature"),
    ({"content": "x", "temperature": -0.1}, "temperature"),
    ({"content": "x", "temperature": "0.5"}, "temperature"),
    ({"content": "x", "temperature": True}, "temperature"),
    ({"content": "x", "max_tokens": 0}, "max_tokens"),
    ({"content": "x", "max_tokens": -5}, "max_tokens"),
    ({"content": "x", "max_tokens": 1.5}, "max_tokens"),
    ({"content": "x", "max_tokens": "100"}, "max_tokens"),
    ({"content": "x", "max_tokens": True}, "max_tokens"),
    ({"content": "x", "role": "system"}, "role"),
    ({"content": "x", "role": 1}, "role"),
    ({"content": "x", "model": 1}, "model"),
    ({"content": "x", "model": "no-such-model\n"}, "model"),
    ({"content": "x", "stream": "yes"}, "stream"),
    ({"content": "x", "client_message_id": 5}, "client_message_id"),
    ({"content": "x", "client_message_id": "k" * 201}, "client_message_id"),
]


@pytest.mark.parametrize(("body", "field"), FIELDS, ids=[str(body)[:60] for body, _ in FIELDS])
async def test_a_field_that_breaks_a_rule_of_sending(alice, body, field):
    conversation = await alice.new_conversation()
    for path in (f"/conversations/{conversation}/messages", f"/conversations/{conversation}/messages/stream"):
        status, answer = await alice.call("POST", path, body)
        assert (status, answer["error"]["code"]) == (422, "VALIDATION_ERROR"), answer
        assert answer["error"]["details"]["field"] == field
        assert answer["error"]["details"]["issue"]
    assert await alice.messages(conversation) == []


async def test_a_model_that_nobody_knows(alice):
    conversation = await alice.new_conversation()
    for path, body in (
        ("/conversations", {"model": "gpt-17"}),
        (f"/conversations/{conversation}/messages", {"content": "x", "model": "gpt-17"}),
        (f"/conversations/{conversation}/messages/stream", {"content": "x", "model": "gpt-17"}),
    ):
        status, answer = await alice.call("POST", path, body)
        assert (status, answer["error"]["details"]["field"]) == (422, "model")
    assert await alice.messages(conversation) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": "x" * 201}, "title"),
        ({"title": 5}, "title"),
        ({"title": ["x"]}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"system_message": 5}, "system_message"),
        ({"model": {}}, "model"),
    ],
)
async def test_a_field_that_breaks_a_rule_of_conversations(alice, body, field):
    status, answer = await alice.call("POST", "/conversations", body)
    assert (status, answer["error"]["details"]["field"]) == (422, field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"confirm_password": "password124"}, "confirm_password"),
        ({"password": "short", "confirm_password": "short"}, "password"),
        ({"password": 12345678}, "password"),
        ({"username": "al"}, "username"),
        ({"username": "x" * 51}, "username"),
        ({"username": "alice\nbob"}, "username"),
        ({"email": "nobody"}, "email"),
        ({"email": None}, "email"),
    ],
)
async def test_a_registration_that_breaks_a_rule(alice, change, field):
    name = f"new-{uuid.uuid4().hex[:10]}"
    body = {"username": name, "email": f"{name}@example.com", "password": "password123", "confirm_password": "password123"}
    status, answer = await alice.call("POST", "/auth/register", body | change)
    assert (status, answer["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert answer["error"]["details"]["field"] == field


@pytest.mark.parametrize(
    "query", ["page=0", "page=-1", "page=x", "page=1.5", "size=0", "size=-3", "size=x", "page=%00", "page=٣"]
)
async def test_paging_below_one_or_not_a_number(alice, query):
    conversation = await alice.new_conversation()
    for path in ("/conversations", f"/conversations/{conversation}/messages"):
        status, answer = await alice.call("GET", f"{path}?{query}")
        assert (status, answer["error"]["code"]) == (422, "VALIDATION_ERROR")


async def test_paging_is_cut_at_a_hundred_and_empty_beyond_the_end(alice):
    await alice.new_conversation()
    for size in ("101", "100000", "9" * 20, "9" * 6000):
        page = (await alice.data("GET", f"/conversations?size={size}"))["pagination"]
        assert page == {"page": 1, "size": 100, "total": 1, "pages": 1}
    for asked, told in (("2000000000", 2_000_000_000), (str(10**17), 2**31 - 1), ("9" * 6000, 2**31 - 1)):
        beyond = await alice.data("GET", f"/conversations?page={asked}&size=7")
        assert beyond["conversations"] == []
        assert (beyond["pagination"]["page"], beyond["pagination"]["total"]) == (told, 1)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("archived=maybe", "archived"),
        ("archived=2", "archived"),
        ("search=" + "x" * 10_000, "search"),
        ("search=%E6%9C%BA" * 1 + "%E6%9C%BA" * 200, "search"),
        ("search=a%00b", "search"),
        ("archived=%00", "archived"),
    ],
)
async def test_a_filter_that_breaks_a_rule(alice, query, field):
    status, answer = await alice.call("GET", f"/conversations?{query}")
    assert (status, answer["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert answer["error"]["details"]["field"] == field
    assert answer["error"]["details"]["issue"]


@pytest.mark.parametrize(
    "text", ["%25_%27%22", "%25", "_", "%27", "%5C", "%F0%9F%8E%89", "%FF", "%ED%A0%80", "%E2%80%8B", "%3A*%20%26%20!"]
)
async def test_an_odd_search_finds_nothing_and_breaks_nothing(alice, text):
    await alice.new_conversation(title="Weekly")
    assert (await alice.data("GET", f"/conversations?search={text}"))["conversations"] == []


async def test_a_search_of_nothing_is_none(alice):
    await alice.new_conversation(title="Weekly")
    for text in ("", "%20%20", "%E3%80%80", "%09"):
        assert len((await alice.data("GET", f"/conversations?search={text}"))["conversations"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "  "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"title": 5}, "title"),
        ({"title": "a\nb"}, "title"),
        ({"is_archived": "yes"}, "is_archived"),
        ({"is_archived": 1}, "is_archived"),
    ],
)
async def test_a_change_of_a_conversation_that_breaks_a_rule(alice, body, field):
    conversation = await alice.new_conversation(title="t")
    status, answer = await alice.call("PUT", f"/conversations/{conversation}", {"title": "other", **body})
    assert (status, answer["error"]["details"]["field"]) == (422, field)
    assert (await alice.data("GET", f"/conversations/{conversation}"))["title"] == "t"


@pytest.mark.parametrize("content", ["", "  ", None, 5, ["x"], "x" * 10_001])
async def test_an_edit_that_breaks_a_rule(alice, content):
    sent = (await alice.send(await alice.new_conversation(), "hello"))[1]["data"]
    for message in ("user_message", "assistant_message"):
        status, answer = await alice.call("PUT", f"/messages/{sent[message]['id']}", {"content": content})
        assert (status, answer["error"]["details"]["field"]) == (422, "content")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "al"}, "username"),
        ({"username": "x" * 51}, "username"),
        ({"username": "alice\nbob"}, "username"),
        ({"username": 5}, "username"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"email": "x" * 255}, "email"),
    ],
)
async def test_a_profile_that_breaks_a_rule(alice, body, field):
    status, answer = await alice.call("PUT", "/users/me", body)
    assert (status, answer["error"]["details"]["field"]) == (422, field)


async def test_somebody_elses_name_or_address(alice, bob):
    for field, value in (("username", bob.username.upper()), ("email", f"{bob.username}@example.com")):
        status, answer = await alice.call("PUT", "/users/me", {field: value})
        assert (status, answer["error"]["code"], answer["error"]["details"]["field"]) == (422, "VALIDATION_ERROR", field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"current_password": "wrong-password"}, "current_password"),
        ({"current_password": ""}, "current_password"),
        ({"confirm_password": "newpassword124"}, "confirm_password"),
        ({"new_password": "short", "confirm_password": "short"}, "new_password"),
        ({"new_password": "x" * 1001, "confirm_password": "x" * 1001}, "new_password"),
    ],
)
async def test_a_change_of_password_that_breaks_a_rule(alice, change, field):
    body = {"current_password": PASSWORD, "new_password": "newpassword123", "confirm_password": "newpassword123"}
    status, answer = await alice.call("POST", "/users/me/change-password", body | change)
    assert (status, answer["error"]["details"]["field"]) == (422, field)
    status, _ = await alice.call("POST", "/auth/login", {"username": alice.username, "password": PASSWORD})
    assert status == 200


async def test_a_message_edited_while_its_answer_streams(alice):
    conversation = await alice.new_conversation(model="ok-200-rate-20")
    begun = await alice.stream(conversation, "hello", most=2)
    for message in (begun.start["user_message_id"], begun.start["message_id"]):
        status, answer = await alice.call("PUT", f"/messages/{message}", {"content": "other"})
        assert (status, answer["error"]["code"]) == (409, "CONVERSATION_BUSY")
        assert answer["error"]["details"]["turn_id"] == begun.start["turn_id"]
    await alice.data("POST", f"/turns/{begun.start['turn_id']}/stop")
    await alice.data("PUT", f"/messages/{begun.start['user_message_id']}", {"content": "other"})


async def test_a_message_deleted_while_it_streams(alice):
    conversation = await alice.new_conversation(model="ok-200-rate-20")
    begun = await alice.stream(conversation, "hello", most=2)
    await alice.data("DELETE", f"/messages/{begun.start['message_id']}")
    assert (await alice.resume(begun.start["turn_id"], 0)).end["stopped"] is True
    assert (await alice.data("GET", f"/turns/{begun.start['turn_id']}"))["status"] == "stopped"
    assert [message["content"] for message in await alice.messages(conversation)] == ["hello"]
    status, _ = await alice.send(conversation, "again", model="ok-3")
    assert status == 200


async def test_an_order_that_does_not_exist(alice):
    conversation = await alice.new_conversation()
    status, answer = await alice.call("GET", f"/conversations/{conversation}/messages?order=sideways")
    assert (status, answer["error"]["details"]["field"]) == (422, "order")


async def test_unknown_and_foreign_ids_are_the_same_404(alice, bob):
    hers = await alice.new_conversation()
    sent = await alice.send(hers, "hello")
    turn = sent[1]["data"]["turn_id"]
    key = (await alice.data("POST", "/users/me/api-keys", {"name": "mine"}))["id"]
    for method, path, own in (
        ("GET", "/conversations/{}", hers),
        ("DELETE", "/conversations/{}", hers),
        ("GET", "/conversations/{}/messages", hers),
        ("POST", "/conversations/{}/messages", hers),
        ("POST", "/conversations/{}/messages/stream", hers),
        ("GET", "/turns/{}", turn),
        ("GET", "/turns/{}/events", turn),
        ("POST", "/turns/{}/stop", turn),
        ("DELETE", "/users/me/api-keys/{}", key),
        ("PUT", "/conversations/{}", hers),
        ("POST", "/conversations/{}/archive", hers),
        ("POST", "/conversations/{}/unarchive", hers),
        ("PUT", "/messages/{}", sent[1]["data"]["user_message"]["id"]),
        ("DELETE", "/messages/{}", sent[1]["data"]["user_message"]["id"]),
    ):
        body = {"content": "hello"} if method in ("POST", "PUT") else None
        seen = []
        for identifier in (own, str(uuid.uuid4()), "1", "not-an-id", own.replace("-", ""), "%00", "..%2f"):
            status, answer = await bob.call(method, path.format(identifier), body)
            assert status == 404, (method, path, identifier, answer)
            answer.pop("timestamp")
            seen.append(answer)
        codes = {answer["error"]["code"] for answer in seen}
        # A conversation's number is an id of LYSS, which then says so in its own words.
        assert codes == {"RESOURCE_NOT_FOUND", *(["CONVERSATION_NOT_FOUND"] if path == "/conversations/{}" else [])}
        assert seen[0] == seen[1], "a foreign id and an unknown one cannot be told apart"
    assert (await alice.data("GET", f"/conversations/{hers}"))["message_count"] == 2


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "99999999999999999999", "1 2"])
async def test_an_event_number_that_is_none(alice, after):
    conversation = await alice.new_conversation()
    turn = (await alice.send(conversation, "hello"))[1]["data"]["turn_id"]
    status, answer = await alice.call("GET", f"/turns/{turn}/events", **{"Last-Event-ID": after})
    assert (status, answer["error"]["code"]) == (422, "VALIDATION_ERROR")
    status, answer = await alice.call("GET", f"/turns/{turn}/events?after={after}")
    assert (status, answer["error"]["details"]["field"]) == (422, "after")


async def test_a_contract_that_nobody_speaks(alice):
    conversation = await alice.new_conversation()
    turn = (await alice.send(conversation, "hello"))[1]["data"]["turn_id"]
    status, answer = await alice.call("GET", f"/turns/{turn}/events?contract=klingon")
    assert (status, answer["error"]["details"]["field"]) == (422, "contract")


async def test_an_idempotency_key_that_is_too_long_or_comes_back_with_another_body(alice):
    conversation = await alice.new_conversation()
    path = f"/conversations/{conversation}/messages"
    status, answer = await alice.call("POST", path, {"content": "x"}, **{"Idempotency-Key": "k" * 201})
    assert (status, answer["error"]["details"]["field"]) == (422, "Idempotency-Key")
    first = await alice.call("POST", path, {"content": "x"}, **{"Idempotency-Key": "k1"})
    again = await alice.call("POST", path, {"content": "x", "client_message_id": "k1"})
    assert first[0] == again[0] == 200
    assert first[1]["data"]["assistant_message"]["id"] == again[1]["data"]["assistant_message"]["id"]
    status, answer = await alice.call("POST", path, {"content": "y"}, **{"Idempotency-Key": "k1"})
    assert (status, answer["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert len(await alice.messages(conversation)) == 2


async def test_too_many_query_parameters_or_nul_in_one_in_threads_and_in_the_loop(alice):
    conversation = await alice.new_conversation()
    many = "&".join(["x=1"] * 1001)
    for method, path in (
        ("GET", "/conversations"),
        ("POST", f"/conversations/{conversation}/messages"),
        ("GET", f"/turns/{uuid.uuid4()}/events"),
        ("GET", "/nowhere"),
    ):
        for query, says, field in ((many, "query parameters", ""), ("y=2&x=a%00b", "NUL", "x")):
            status, answer = await alice.call(method, f"{path}?{query}", None, **{"Accept-Language": "en"})
            assert (status, answer["error"]["code"]) == (422, "VALIDATION_ERROR"), (path, answer)
            assert says in answer["error"]["details"]["issue"]
            assert answer["error"]["details"]["field"] == field
    assert (await alice.call("GET", "/conversations?" + "&".join(["x=1"] * 1000)))[0] == 200


async def test_nul_in_a_body_names_its_field(alice):
    conversation = await alice.new_conversation()
    for path, field in (("/conversations", "title"), (f"/conversations/{conversation}/messages", "content")):
        status, answer = await alice.call("POST", path, {field: "a\0b"})
        assert (status, answer["error"]["details"]["field"]) == (422, field)


@pytest.mark.parametrize("moment", ["2999-01-01T00:00:00", "2999-01-01T00:00", "2001-01-01T00:00:00Z"])
async def test_a_key_that_ends_at_a_time_without_a_zone_or_in_the_past(alice, moment):
    asked = {"name": "x", "expires_at": moment}
    status, answer = await alice.call("POST", "/users/me/api-keys", asked, **{"Accept-Language": "en"})
    assert (status, answer["error"]["details"]["field"]) == (422, "expires_at")
    assert "time zone" in answer["error"]["details"]["issue"]
    assert (await alice.call("POST", "/users/me/api-keys", asked | {"expires_at": "2999-01-01T00:00:00+08:00"}))[0] == 201
