"""Providers over HTTP: what each of {administrator, owner, person it was handed to, stranger} gets to see and to do, and that
nobody else's attempt changes anything. The key goes in and never comes out."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.acceptance.conftest import database, scalar
from tests.contracts.lyss.client import Person, error_of

KEY = "sk-canary-of-a-provider-0123456789"
HIDDEN_ADDRESS = "https://vendor.example.org/v1"


def provider(**fields: Any) -> dict[str, Any]:
    return {
        "name": "One",
        "provider_type": "custom",
        "scope": "personal",
        "api_key": KEY,
        "api_base_url": HIDDEN_ADDRESS,
        "config": {"model": "some-model", "temperature": 0.5},
    } | fields


@pytest_asyncio.fixture
async def personal(people) -> AsyncIterator[dict[str, Any]]:
    made = await people["owner"].data("POST", "/providers", provider())
    yield made
    await people["owner"].call("DELETE", f"/providers/{made['id']}")


@pytest_asyncio.fixture
async def shared(people) -> AsyncIterator[dict[str, Any]]:
    made = await people["admin"].data("POST", "/providers", provider(scope="organization", name="Ours"))
    await people["admin"].data("POST", f"/providers/{made['id']}/distribute", {"user_ids": [people["given"].id]})
    yield made
    await people["admin"].call("DELETE", f"/providers/{made['id']}")


def rows(platform) -> Any:
    """All that the endpoints of providers could change."""
    with database(platform) as connection:
        tables = ("provider", "distribution", "fallback", "preference")
        return [connection.execute(f"SELECT * FROM providers_{table} ORDER BY id").fetchall() for table in tables]


# What each is answered: for a personal provider of the owner's, and for one of the organization's.
MATRIX: list[tuple[str, str, Any, dict[str, Any], dict[str, Any]]] = [
    (
        "GET", "", None,
        {"admin": 404, "owner": 200, "given": 404, "stranger": 404},
        {"admin": 200, "owner": 404, "given": 200, "stranger": 404},
    ),
    (
        "PUT", "", {"name": "Renamed"},
        {"admin": 404, "owner": 200, "given": 404, "stranger": 404},
        {"admin": 200, "owner": 404, "given": 403, "stranger": 404},
    ),
    (
        "PUT", "", {"api_key": "sk-another-key-0123456789", "is_active": False, "config": {"model": "x"}},
        {"admin": 404, "owner": 200, "given": 404, "stranger": 404},
        {"admin": 200, "owner": 404, "given": 403, "stranger": 404},
    ),
    (
        "POST", "/distribute", "everybody",
        {"admin": 404, "owner": 403, "given": 404, "stranger": 404},
        {"admin": 200, "owner": 404, "given": 403, "stranger": 404},
    ),
    (
        "GET", "/distributions", None,
        {"admin": 404, "owner": 403, "given": 404, "stranger": 404},
        {"admin": 200, "owner": 404, "given": 403, "stranger": 404},
    ),
    (
        "DELETE", "/distribute/{given}", None,
        {"admin": 404, "owner": 403, "given": 404, "stranger": 404},
        {"admin": 200, "owner": 404, "given": 403, "stranger": 404},
    ),
    (
        "DELETE", "", None,
        {"admin": 404, "owner": 200, "given": 404, "stranger": 404},
        {"admin": 200, "owner": 404, "given": 403, "stranger": 404},
    ),
]  # fmt: skip
CODES = {401: "UNAUTHORIZED", 403: "FORBIDDEN", 404: "NOT_FOUND"}


@pytest.mark.parametrize("who", ["nobody", "stranger", "given", "owner", "admin"])
@pytest.mark.parametrize(("method", "path", "body", "of_owner", "ours"), MATRIX, ids=[f"{m[0]} {m[1]}" for m in MATRIX])
async def test_who_may_do_what(platform, people, personal, shared, who, method, path, body, of_owner, ours):
    person = people[who]
    for made, expected in ((personal, of_owner), (shared, ours)):
        wanted = 401 if who == "nobody" else expected[who]
        before = rows(platform)
        sent = {"user_ids": [people["stranger"].id, people["owner"].id]} if body == "everybody" else body
        called = await person.call(method, f"/providers/{made['id']}{path.format(given=people['given'].id)}", sent)
        assert called[0] == wanted, called
        text = json.dumps(called[1])
        assert KEY not in text
        if wanted != 200:
            assert error_of(called) == (wanted, CODES[wanted])
            assert rows(platform) == before
            assert HIDDEN_ADDRESS not in text


async def test_only_administrators_make_providers_for_others(platform, people):
    for who in ("owner", "given", "stranger"):
        before = rows(platform)
        called = await people[who].call("POST", "/providers", provider(scope="organization"))
        assert error_of(called) == (403, "FORBIDDEN")
        assert rows(platform) == before
    assert error_of(await people["nobody"].call("POST", "/providers", provider())) == (401, "UNAUTHORIZED")


async def test_lists_show_each_person_what_is_hers_to_use(people, personal, shared):
    seen = {}
    for who in ("admin", "owner", "given", "stranger"):
        items = (await people[who].data("GET", "/providers?page_size=100"))["items"]
        available = await people[who].data("GET", "/providers/available")
        ids = [{row["id"] for row in found} for found in (items, available)]
        seen[who] = [(personal["id"] in found, shared["id"] in found) for found in ids]
        for row in [*items, *available]:
            assert KEY not in json.dumps(row)
            manages = who == "admin" or row["created_by"] == people[who].id
            assert manages or (row["api_base_url"], row["has_key"], row["key_last4"]) == ("", None, None)
    assert seen == {
        "admin": [(False, True), (False, True)],
        "owner": [(True, False), (True, False)],
        "given": [(False, True), (False, True)],
        "stranger": [(False, False), (False, False)],
    }


async def test_who_may_change_a_provider_sees_that_it_has_a_key_and_how_it_ends(people, personal, shared):
    mine = await people["owner"].data("GET", f"/providers/{personal['id']}")
    assert (mine["has_key"], mine["key_last4"], mine["api_base_url"]) == (True, KEY[-4:], HIDDEN_ADDRESS)
    his = await people["given"].data("GET", f"/providers/{shared['id']}")
    assert (his["has_key"], his["key_last4"], his["api_base_url"]) == (None, None, "")


async def test_another_address_without_the_key_clears_the_key(people, personal):
    owner, path = people["owner"], f"/providers/{personal['id']}"
    assert (await owner.data("PUT", path, {"name": "Renamed", "api_base_url": HIDDEN_ADDRESS}))["has_key"] is True
    assert (await owner.data("PUT", path, {"api_base_url": "https://elsewhere.example.org/v1"}))["has_key"] is False
    moved = await owner.data("PUT", path, {"api_base_url": HIDDEN_ADDRESS, "api_key": KEY})
    assert (moved["has_key"], moved["api_base_url"]) == (True, HIDDEN_ADDRESS)


async def test_what_was_taken_back_is_gone_at_once(people, shared):
    admin, bob = people["admin"], people["given"]
    await admin.data("DELETE", f"/providers/{shared['id']}/distribute/{bob.id}")
    assert error_of(await bob.call("GET", f"/providers/{shared['id']}")) == (404, "NOT_FOUND")
    assert error_of(await bob.send("hello", provider_id=shared["id"])) == (403, "PROVIDER_NOT_ACCESSIBLE")
    [row] = await admin.data("GET", f"/providers/{shared['id']}/distributions")
    assert row["is_active"] is False
    called = await admin.call("DELETE", f"/providers/{shared['id']}/distribute/{bob.id}")
    assert error_of(called) == (404, "NOT_FOUND")


async def test_a_distribution_is_for_all_or_for_none(platform, people, shared):
    missing = [2**40, 2**41]
    before = rows(platform)
    called = await people["admin"].call(
        "POST", f"/providers/{shared['id']}/distribute", {"user_ids": [people["stranger"].id, *missing]}
    )
    assert error_of(called) == (400, "VALIDATION_ERROR")
    details = called[1]["error"]["details"]
    assert details["field"] == "user_ids"
    assert all(str(number) in details["reason"] for number in missing)
    assert str(people["stranger"].id) not in details["reason"].replace(str(missing[0]), "").replace(str(missing[1]), "")
    assert rows(platform) == before


@pytest.mark.parametrize("send", ["send", "stream"])
async def test_a_provider_that_is_not_hers_answers_nobody_in_a_chat(platform, people, personal, shared, send):
    """Unknown and somebody else's are told apart by nobody."""

    async def code(person: Person, **body: Any) -> tuple[int, str]:
        if send == "send":
            return error_of(await person.send("hello", **body))
        stream = await person.stream("hello", **body)
        assert stream.error is not None
        return stream.status, stream.error["code"]

    stranger = people["stranger"]
    for number in (personal["id"], shared["id"], 2**40):
        assert await code(stranger, provider_id=number) == (403, "PROVIDER_NOT_ACCESSIBLE")
        called = await stranger.call("POST", "/conversations", {"provider_id": number})
        assert error_of(called) == (403, "PROVIDER_NOT_ACCESSIBLE")
    assert await code(people["admin"], provider_id=personal["id"]) == (403, "PROVIDER_NOT_ACCESSIBLE")
    assert scalar(platform, "SELECT count(*) FROM conversations_conversation WHERE user_id = %s", stranger.id) == 0


async def test_a_provider_that_is_switched_off_is_inactive_in_a_chat(people, shared):
    await people["admin"].data("PUT", f"/providers/{shared['id']}", {"is_active": False})
    assert error_of(await people["given"].send("hello", provider_id=shared["id"])) == (400, "PROVIDER_INACTIVE")
    listed = await people["given"].data("GET", "/providers?is_active=false")
    assert shared["id"] in [row["id"] for row in listed["items"]]
    assert not any(row["is_active"] for row in listed["items"])
    assert shared["id"] not in [row["id"] for row in await people["given"].data("GET", "/providers/available")]


async def test_the_list_is_paged_and_filtered(alice):
    made = [await alice.data("POST", "/providers", provider(name=f"P{n}")) for n in range(3)]
    await alice.data("POST", "/providers", provider(name="Another", provider_type="openai", api_base_url=""))
    page = await alice.data("GET", "/providers?scope=personal&provider_type=custom&page=2&page_size=2")
    assert (page["pagination"]["total"], page["pagination"]["has_prev"], len(page["items"])) == (3, True, 1)
    assert [row["id"] for row in (await alice.data("GET", "/providers?scope=personal&provider_type=custom"))["items"]] == [
        row["id"] for row in made
    ]
    for query in ("scope=mine", "provider_type=telex", "is_active=perhaps", "page=0"):
        called = await alice.call("GET", f"/providers?{query}")
        assert error_of(called) == (400, "VALIDATION_ERROR")
        assert called[1]["error"]["details"]["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"provider_type": "telex"}, "provider_type"),
        ({"provider_type": None}, "provider_type"),
        ({"scope": "galaxy"}, "scope"),
        ({"api_key": "sk-\nkey"}, "api_key"),
        ({"api_key": 7}, "api_key"),
        ({"api_key": "x" * 1_001}, "api_key"),
        ({"api_base_url": "no address"}, "api_base_url"),
        ({"api_base_url": "http://vendor.example.org/v1"}, "api_base_url"),
        ({"api_base_url": "https://127.0.0.1/v1"}, "api_base_url"),
        ({"api_base_url": "https://169.254.169.254/latest"}, "api_base_url"),
        ({"api_base_url": "https://user:secret@vendor.example.org/v1"}, "api_base_url"),
        ({"api_base_url": "ftp://vendor.example.org/v1"}, "api_base_url"),
        ({"config": {"model": "m", "temperature": "0.7"}}, "config.temperature"),
        ({"config": {"model": "m", "temperature": 3}}, "config.temperature"),
        ({"config": {"model": "m", "max_tokens": 0}}, "config.max_tokens"),
        ({"config": {"model": "m", "max_tokens": True}}, "config.max_tokens"),
        ({"config": {"model": 7}}, "config.model"),
        ({"config": {"model": "m", "frequency": 1}}, "config.frequency"),
        ({"config": []}, "config"),
        ({"config": {"model": "x" * 20_000}}, "config"),
        ({"provider_type": "coze", "config": {}}, "config.bot_id"),
    ],
)
async def test_a_bad_provider_names_the_field_and_is_not_kept(platform, alice, change, field):
    called = await alice.call("POST", "/providers", provider(**change))
    assert error_of(called) == (400, "VALIDATION_ERROR")
    assert called[1]["error"]["details"]["field"] == field
    assert scalar(platform, "SELECT count(*) FROM providers_provider WHERE owner_id = %s", alice.id) == 0
    made = await alice.data("POST", "/providers", provider())
    if "provider_type" in change or "scope" in change:
        return
    called = await alice.call("PUT", f"/providers/{made['id']}", change)
    assert error_of(called) == (400, "VALIDATION_ERROR")
    assert called[1]["error"]["details"]["field"] == field
    assert await alice.data("GET", f"/providers/{made['id']}") == made


@pytest.mark.parametrize("ids", [[], "2", [0], ["2"], [True], [1.5], list(range(1, 1_002)), None])
async def test_a_bad_list_of_people_is_refused(people, shared, ids):
    called = await people["admin"].call("POST", f"/providers/{shared['id']}/distribute", {"user_ids": ids})
    assert error_of(called) == (400, "VALIDATION_ERROR")
    assert called[1]["error"]["details"]["field"].startswith("user_ids")


@pytest.mark.parametrize("written", ["0", "-1", "abc", "99999999999999999999", "1.0", "550e8400-e29b-41d4-a716-446655440001"])
async def test_what_is_no_number_of_a_provider_is_no_provider(admin, written):
    for method, path in (
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/distribute"),
        ("GET", "/distributions"),
        ("DELETE", "/distribute/1"),
    ):
        body = {"user_ids": [admin.id]} if method == "POST" else {}
        assert error_of(await admin.call(method, f"/providers/{written}{path}", body)) == (404, "NOT_FOUND")


async def test_fallbacks_are_named_in_order_and_only_by_who_may_use_them(alice, shared):
    first, second, third = [await alice.data("POST", "/providers", provider(name=f"P{n}")) for n in range(3)]
    await alice.data("PUT", f"/providers/{first['id']}", {"fallbacks": [third["id"], second["id"]]})
    for foreign in (shared["id"], 2**40, first["id"]):
        called = await alice.call("PUT", f"/providers/{first['id']}", {"fallbacks": [foreign]})
        assert error_of(called) == (400, "VALIDATION_ERROR")
        assert called[1]["error"]["details"]["field"].startswith("fallbacks")


async def test_her_default_comes_first_until_she_takes_it_back(alice, bob):
    first = await alice.data("POST", "/providers", provider(name="First"))
    second = await alice.data("POST", "/providers", provider(name="Second"))

    async def order() -> list[int]:
        return [one["id"] for one in await alice.data("GET", "/providers/available")]

    usual = await order()
    assert usual.index(first["id"]) < usual.index(second["id"])
    assert await alice.data("PUT", "/providers/default", {"provider_id": second["id"]}) == {"provider_id": second["id"]}
    assert (await order())[0] == second["id"]
    his = await bob.data("POST", "/providers", provider(name="His"))
    for unknown in (his["id"], 2**62):
        assert error_of(await alice.call("PUT", "/providers/default", {"provider_id": unknown})) == (404, "NOT_FOUND")
    assert error_of(await alice.call("PUT", "/providers/default", {})) == (400, "VALIDATION_ERROR")
    assert (await order())[0] == second["id"]
    await alice.data("PUT", "/providers/default", {"provider_id": None})
    assert await order() == usual
