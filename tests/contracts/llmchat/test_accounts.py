"""Accounts through LLMChat: by e-mail address, the same account as everywhere."""

from __future__ import annotations

import uuid

import pytest

from tests.acceptance.conftest import database
from tests.client import PASSWORD, Client
from tests.contracts.llmchat.conftest import ask


@pytest.fixture
async def stranger(platform):
    async with Client(platform.url) as client:
        yield client


def address(local: str = "") -> str:
    return f"{local or 'alice'}-{uuid.uuid4().hex[:10]}@example.com"


async def registered(client: Client, email: str, **more: str) -> dict:
    body = {"email": email, "password": PASSWORD, "name": "Alice Liddell", **more}
    status, answer = await ask(client, "POST", "/api/auth/register", body)
    assert status == 201, answer
    return answer["data"]


async def works(client: Client, token: str) -> bool:
    return (await ask(client, "GET", "/api/agents", Authorization=f"Bearer {token}"))[0] == 200


async def test_an_account_of_this_contract_has_a_username_and_works_through_every_contract(stranger):
    email = address()
    made = await registered(stranger, email)
    assert made["user"]["username"] == email.partition("@")[0]
    assert await works(stranger, made["token"])
    for contract, identifier in (("/api/v1", made["user"]["username"]), ("/lyss/api/v1", email)):
        body = {"username": identifier, "password": PASSWORD}
        async with stranger.session.post(f"{stranger.url}{contract}/auth/login", json=body) as response:
            assert response.status == 200
            token = (await response.json())["data"]["access_token"]
        assert await works(stranger, token)
    async with stranger.session.get(
        f"{stranger.url}/api/v1/users/me", headers={"Authorization": f"Bearer {made['token']}"}
    ) as response:
        me = (await response.json())["data"]
    assert (me["id"], me["email"]) == (made["user"]["id"], email)


async def test_two_addresses_with_the_same_beginning_get_two_usernames(stranger):
    local = f"twin-{uuid.uuid4().hex[:8]}"
    names = {(await registered(stranger, f"{local}@{host}.example.com"))["user"]["username"] for host in ("a", "b", "c")}
    assert len(names) == 3
    assert local in names
    assert all(name.startswith(local) for name in names)


async def test_who_registered_elsewhere_logs_in_here_by_address_or_name_and_her_name_is_shown(stranger, alice):
    for identifier in ({"email": f"{alice.username}@example.com"}, {"email": alice.username}, {"username": alice.username}):
        status, answer = await ask(stranger, "POST", "/api/auth/login", {**identifier, "password": PASSWORD})
        assert status == 200
        assert answer["data"]["user"]["name"] == alice.username
        assert await works(stranger, answer["data"]["token"])


async def test_an_address_is_taken_once_whatever_its_case(stranger):
    email = address()
    await registered(stranger, email)
    body = {"email": email.upper(), "password": PASSWORD, "name": "Somebody"}
    status, answer = await ask(stranger, "POST", "/api/auth/register", body)
    assert (status, answer["code"], answer["error"]["field"]) == (409, "CONFLICT", "email")


async def test_a_refresh_token_works_in_the_body_and_as_bearer_and_once(stranger):
    made = await registered(stranger, address())
    first = {"refreshToken": made["refreshToken"]}
    status, by_body = await ask(stranger, "POST", "/api/auth/refresh", first)
    assert status == 200
    status, by_bearer = await ask(
        stranger, "POST", "/api/auth/refresh", Authorization=f"Bearer {by_body['data']['refreshToken']}"
    )
    assert status == 200
    assert await works(stranger, by_bearer["data"]["token"])
    assert by_bearer["data"]["user"] == made["user"]
    assert len({made["refreshToken"], by_body["data"]["refreshToken"], by_bearer["data"]["refreshToken"]}) == 3
    # The body says more than the bearer, which is often the access token.
    status, both = await ask(
        stranger,
        "POST",
        "/api/auth/refresh",
        {"refreshToken": by_bearer["data"]["refreshToken"]},
        Authorization=f"Bearer {by_bearer['data']['token']}",
    )
    assert status == 200
    # Who comes with one that was used ends the session.
    status, answer = await ask(stranger, "POST", "/api/auth/refresh", first)
    assert (status, answer["code"]) == (401, "UNAUTHORIZED")
    assert not await works(stranger, both["data"]["token"])


async def test_an_access_token_refreshes_nothing_and_neither_does_nobodys(stranger):
    made = await registered(stranger, address())
    for body, headers in (
        (None, {"Authorization": f"Bearer {made['token']}"}),
        ({"refreshToken": made["token"]}, {}),
        ({"refreshToken": "nonsense"}, {}),
        ({}, {}),
        (None, {}),
        (None, {"Authorization": "Bearer nonsense"}),
    ):
        status, answer = await ask(stranger, "POST", "/api/auth/refresh", body, **headers)
        assert (status, answer["code"], answer["error"]["type"]) == (401, "UNAUTHORIZED", "UnauthorizedError")
    assert (await ask(stranger, "POST", "/api/auth/refresh", {"refreshToken": made["refreshToken"]}))[0] == 200


async def test_a_logout_ends_the_session_with_both_its_tokens(stranger):
    made = await registered(stranger, address())
    status, answer = await ask(stranger, "POST", "/api/auth/logout", Authorization=f"Bearer {made['token']}")
    assert (status, answer["data"]) == (200, None)
    assert not await works(stranger, made["token"])
    assert (await ask(stranger, "POST", "/api/auth/refresh", {"refreshToken": made["refreshToken"]}))[0] == 401


async def test_a_wrong_password_an_unknown_address_and_a_suspended_account_are_answered_alike(platform, stranger):
    email = address()
    made = await registered(stranger, email)
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET is_active = false WHERE uuid = %s", [made["user"]["id"]])
    other = address()
    await registered(stranger, other)
    answers = []
    for identifier, password in ((email, PASSWORD), (other, "another password"), (address("nobody"), PASSWORD)):
        status, answer = await ask(stranger, "POST", "/api/auth/login", {"email": identifier, "password": password})
        answers.append((status, answer["code"], answer["message"], answer["error"]))
    assert answers[0][:2] == (401, "UNAUTHORIZED")
    assert answers == [answers[0]] * 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": 7}, "email"),
        ({"email": None}, "email"),
        ({"password": "short"}, "password"),
        ({"password": 12345678}, "password"),
        ({"password": "x" * 1_001}, "password"),
        ({"name": 7}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "two\nlines"}, "name"),
    ],
)
async def test_a_bad_registration_names_the_field(stranger, change, field):
    body = {"email": address(), "password": PASSWORD, "name": "Alice", **change}
    status, answer = await ask(stranger, "POST", "/api/auth/register", body)
    assert (status, answer["code"], answer["error"]["field"]) == (400, "VALIDATION_ERROR", field)


async def test_a_password_may_not_be_the_address_or_the_name_that_is_made_of_it(stranger):
    email = address()
    for password in (email, email.partition("@")[0]):
        status, answer = await ask(stranger, "POST", "/api/auth/register", {"email": email, "password": password})
        assert (status, answer["error"]["field"]) == (400, "password")
