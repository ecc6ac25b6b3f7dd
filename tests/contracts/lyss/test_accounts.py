"""Signing in through LYSS: it hands out one more token than its document says, and refreshes by either of a session's two."""

from __future__ import annotations

import json
import time
import uuid

import jwt
import pytest

from tests.acceptance.conftest import database
from tests.client import Client
from tests.contracts.lyss.client import PASSWORD, Person, error_of


async def refreshed(person: Person, token: str) -> dict:
    status, answer = await person.call("POST", "/auth/refresh", None, Authorization=f"Bearer {token}")
    assert status == 200, answer
    return answer["data"]


async def works(person: Person, token: str) -> bool:
    status, _ = await person.call("GET", "/auth/me", None, Authorization=f"Bearer {token}")
    return status == 200


async def test_a_refresh_token_works_in_the_body_and_as_bearer_and_once(alice):
    body = await alice.data("POST", "/auth/refresh", {"refresh_token": alice.refresh_token}, Authorization="")
    bearer = await refreshed(alice, body["refresh_token"])
    assert await works(alice, bearer["access_token"])
    assert bearer["refresh_token"] not in (body["refresh_token"], alice.refresh_token)
    called = await alice.call("POST", "/auth/refresh", {"refresh_token": body["refresh_token"]}, Authorization="")
    assert error_of(called) == (401, "UNAUTHORIZED")


async def test_an_access_token_gets_another_and_leaves_the_refresh_token_as_it_is(alice):
    data = await refreshed(alice, alice.token)
    assert await works(alice, data["access_token"])
    assert "refresh_token" not in data
    assert "refresh_token" in await refreshed(alice, alice.refresh_token)


async def test_an_access_token_that_expired_says_so_and_still_refreshes_while_its_session_lasts(platform, alice):
    expired = _again(platform, alice.token, exp=int(time.time()) - 3_600)
    assert error_of(await alice.call("GET", "/auth/me", None, Authorization=f"Bearer {expired}")) == (401, "TOKEN_EXPIRED")
    assert await works(alice, (await refreshed(alice, expired))["access_token"])
    # By any other door, and in the body, it is what it is.
    called = await alice.call("POST", "/auth/refresh", {"refresh_token": alice.token}, Authorization="")
    assert error_of(called) == (401, "UNAUTHORIZED")
    status, _ = await alice.call("POST", "/providers", {}, Authorization=f"Bearer {expired}")
    assert status == 401
    async with Client(platform.url) as elsewhere:
        elsewhere.token = expired
        assert (await elsewhere.call("POST", "/auth/refresh", {"refresh_token": expired}))[0] == 401


async def test_an_access_token_refreshes_no_longer_than_its_session_lasts(platform, alice):
    with database(platform) as connection:
        connection.execute("UPDATE accounts_session SET expires_at = now() - interval '1 s' WHERE user_id = %s", [alice.id])
    called = await alice.call("POST", "/auth/refresh", None, Authorization=f"Bearer {alice.token}")
    assert error_of(called) == (401, "TOKEN_EXPIRED")
    old = _again(platform, alice.token, exp=int(time.time()) - 8 * 86_400)
    called = await alice.call("POST", "/auth/refresh", None, Authorization=f"Bearer {old}")
    assert error_of(called) == (401, "TOKEN_EXPIRED")


async def test_a_logout_ends_refreshing_too(alice):
    await alice.data("POST", "/auth/logout")
    for token in (alice.token, alice.refresh_token):
        called = await alice.call("POST", "/auth/refresh", None, Authorization=f"Bearer {token}")
        assert error_of(called) == (401, "UNAUTHORIZED")


async def test_a_suspended_person_refreshes_nothing(platform, alice):
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET is_active = false WHERE id = %s", [alice.id])
    for token in (alice.token, alice.refresh_token):
        called = await alice.call("POST", "/auth/refresh", None, Authorization=f"Bearer {token}")
        assert error_of(called) == (401, "UNAUTHORIZED")


async def test_what_is_no_token_of_ours_refreshes_nothing(platform, alice):
    forged = jwt.encode(jwt.decode(alice.token, options={"verify_signature": False}), "another key" * 4, algorithm="HS256")
    nobodys = _again(platform, alice.token, sid=str(uuid.uuid4()))
    for headers in (
        {"Authorization": ""},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Bearer {forged}"},
        {"Authorization": f"Bearer {nobodys}"},
        {"X-API-Key": "cp_0000000000000000_0000000000000000000000", "Authorization": ""},
    ):
        assert error_of(await alice.call("POST", "/auth/refresh", None, **headers)) == (401, "UNAUTHORIZED")
    assert error_of(await alice.call("POST", "/auth/refresh", {"refresh_token": 7})) == (400, "VALIDATION_ERROR")


async def test_a_taken_name_and_wrong_credentials_have_codes_of_their_own(alice, stranger):
    stranger.username = alice.username
    called = await stranger.call("POST", "/auth/register", stranger.registration())
    assert error_of(called) == (409, "USER_ALREADY_EXISTS")
    assert called[1]["error"]["details"]["field"] == "username"
    called = await stranger.call("POST", "/auth/login", {"username": alice.username, "password": "wrong password"})
    assert error_of(called) == (401, "INVALID_CREDENTIALS")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "ab"}, "username"),
        ({"username": 7}, "username"),
        ({"email": "nobody"}, "email"),
        ({"password": "short", "confirm_password": "short"}, "password"),
        ({"confirm_password": "another123"}, "confirm_password"),
        ({"confirm_password": None}, "confirm_password"),
    ],
)
async def test_a_bad_registration_names_the_field(stranger, change, field):
    stranger.username = f"bob-{uuid.uuid4().hex[:10]}"
    called = await stranger.call("POST", "/auth/register", stranger.registration() | change)
    assert error_of(called) == (400, "VALIDATION_ERROR")
    assert called[1]["error"]["details"]["field"] == field


async def test_one_account_works_through_every_contract_with_its_name_or_its_address(platform, alice):
    async with Client(platform.url) as client:
        data = await client.data("POST", "/auth/login", {"username": alice.username, "password": PASSWORD})
    assert await works(alice, data["access_token"])
    data = await alice.data("POST", "/auth/login", {"email": f"{alice.username}@example.com", "password": PASSWORD})
    assert data["user"]["id"] == alice.id


async def test_an_operator_is_a_user_to_this_contract(platform, alice):
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET role = 'operator' WHERE id = %s", [alice.id])
    await alice.log_in()
    assert (await alice.data("GET", "/auth/me"))["role"] == "user"


def _again(platform, token: str, **claims) -> str:
    """The same token with other claims, signed by the platform's own key."""
    key = json.loads((platform.data_dir / "secrets.json").read_text())["JWT_SIGNING_KEY"]
    return jwt.encode(jwt.decode(token, options={"verify_signature": False}) | claims, key, algorithm="HS256")
