"""Who comes without an account: where she is let in, and what she reaches."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest
from django.test import override_settings

from chatplatform.contracts.guests import guest_from
from chatplatform.core.errors import NotSignedIn
from chatplatform.core.origin import Origin
from tests.acceptance.conftest import another_web_process, database, scalar
from tests.client import PASSWORD
from tests.contracts.coze.client import Talker
from tests.running import PROJECT_DIR, clean_environment

pytestmark = pytest.mark.timeout(120)
GUEST = "6f8b7f0e-52f3-4c3c-9b8e-0d2a5e6c7a10"
ROUTES = (("POST", "/chat"), ("POST", "/chat/stream"), ("GET", "/session/s/info"), ("POST", "/session/s/clear"))


@asynccontextmanager
async def with_access(platform, session, **settings: str):
    async with another_web_process(platform, **settings) as url:
        yield Talker(url, session)


async def until(guest: Talker, status: int) -> None:
    """Each process knows of a change within half a second."""
    async with asyncio.timeout(20):
        for _ in range(5):  # there are several
            while (await guest.call("GET", "/session/nobody/info"))[0] != (404 if status == 200 else status):
                await asyncio.sleep(0.1)


async def test_on_the_machine_itself_a_guest_talks_and_goes_on(guest):
    first = await guest.chat("hello", "demo_session_1")
    read = await guest.stream("and more", "demo_session_1")
    assert read.events[-1]["data"]["conversation_id"] == first["conversation_id"]
    assert (await guest.info("demo_session_1"))["user_id"] == "guest"
    assert (await guest.call("POST", "/session/demo_session_1/clear"))[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer garbage"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": "cp_0000000000000000_0000000000000000000000"},
        {"X-API-Key": "x", "Authorization": ""},
    ],
)
async def test_wrong_credentials_are_no_guest(guest, headers):
    for method, path in ROUTES:
        status, answer = await guest.call(method, path, {"message": "hi"}, **headers)
        assert (status, list(answer)) == (401, ["detail"])


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://127.0.0.1:1"},
        {"Host": "evil.example:8000"},
        {"Host": "localhost.evil.example"},
        {"Host": "127.0.0.1.nip.io"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=203.0.113.9"},
    ],
)
async def test_pages_of_elsewhere_and_whom_a_proxy_speaks_for_are_not_on_this_machine(guest, headers):
    for method, path in ROUTES:
        status, answer = await guest.call(method, path, {"message": "hi"}, **headers)
        assert (status, list(answer)) == (401, ["detail"]), path


async def test_our_own_pages_and_those_that_are_named_may_be_a_guest_s(guest):
    for origin in (guest.url, "https://chat.example.org"):
        assert (await guest.call("POST", "/chat", {"message": "hi"}, Origin=origin))[0] == 200


@override_settings(CORS_ALLOWED_ORIGINS=["*", "https://chat.example.org"], GUEST_ACCESS="local")
def test_pages_of_everywhere_may_call_and_still_are_no_guest_on_this_machine():
    origin = Origin(address="127.0.0.1", user_agent="", request_id="")
    for page in ("https://evil.example", "null"):
        with pytest.raises(NotSignedIn):
            guest_from({"origin": page, "host": "127.0.0.1:8000"}, origin)


@override_settings(GUEST_ACCESS="local")
@pytest.mark.parametrize("address", ["203.0.113.9", "10.0.0.1", "::2", "", "127.0.0.1.example"])
def test_who_is_not_on_this_machine_is_no_guest_whatever_it_says(address):
    with pytest.raises(NotSignedIn):
        guest_from({"host": "127.0.0.1:8000"}, Origin(address=address, user_agent="", request_id=""))


async def test_a_guest_reaches_nothing_else(guest, alice):
    answer = await guest.chat("hello")
    digits = answer["conversation_id"].removeprefix("conv_")
    conversation = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
    for method, path in (
        ("GET", "/api/v1/users/me"),
        ("GET", "/api/v1/conversations"),
        ("GET", f"/api/v1/conversations/{conversation}"),
        ("GET", f"/api/v1/turns/{answer['turn_id']}"),
        ("POST", f"/api/v1/turns/{answer['turn_id']}/stop"),
        ("GET", f"/api/v1/chat/sessions/sess_{digits}"),
        ("GET", "/lyss/api/v1/providers"),
        ("GET", "/api/agents"),
        ("GET", "/api/upload"),
        ("GET", "/health/detailed"),
        ("GET", "/v1/models"),
    ):
        async with guest.session.request(method, guest.url + path) as response:
            assert response.status == 401, path
    assert (await alice.call("GET", f"/conversations/{conversation}"))[0] == 404


async def test_nobody_signs_in_as_the_guest_or_takes_its_name(alice, platform):
    address = scalar(platform, "SELECT email FROM accounts_user WHERE uuid = %s", GUEST)
    for name in ("guest", address):
        for password in ("", "!", "guest", PASSWORD):
            status, _ = await alice.call("POST", "/auth/login", {"username": name, "password": password})
            assert status in (401, 422, 429)
    body = {"username": "guest", "email": "g@example.com", "password": PASSWORD, "confirm_password": PASSWORD}
    assert (await alice.call("POST", "/auth/register", body))[0] == 422
    assert scalar(platform, "SELECT password LIKE '!%%' FROM accounts_user WHERE uuid = %s", GUEST) is True


async def test_an_account_is_itself_even_where_guests_are_let_in(anna, platform):
    await anna.chat("hello", "mine-alone")
    owner = (
        "SELECT username FROM accounts_user JOIN conversations_clientsession c ON c.user_id = accounts_user.id WHERE c.name = %s"
    )
    assert scalar(platform, owner, "mine-alone") == anna.username


async def test_switched_off_only_accounts_are_let_in(platform, session, anna):
    async with with_access(platform, session, GUEST_ACCESS="off") as guest:
        for method, path in ROUTES:
            status, answer = await guest.call(method, path, {"message": "hi"})
            assert (status, list(answer)) == (401, ["detail"])
        assert (await anna.at(guest.url).chat("hello"))["response"]


async def test_switched_on_they_are_let_in_from_anywhere_and_told_apart_by_their_addresses(platform, session):
    settings = {"GUEST_ACCESS": "on", "RATE_LIMITS": "on", "RATE_SENDS": "2/h", "TRUSTED_PROXIES": "127.0.0.0/8"}
    async with with_access(platform, session, **settings) as guest:

        async def send(address: str, **headers: str) -> int:
            return (await guest.call("POST", "/chat", {"message": "hi"}, **{"X-Forwarded-For": address}, **headers))[0]

        assert [await send("203.0.113.1", Host="chat.example.org") for _ in range(3)] == [200, 200, 429]
        assert await send("203.0.113.2") == 200
        assert await send("203.0.113.3", Origin="https://evil.example") == 401


async def test_a_used_up_quota_is_all_guests(platform, guest, anna):
    tier = "UPDATE quotas_tier SET daily_requests = %s WHERE slug = 'guest'"
    with database(platform) as connection:
        connection.execute(tier, [0])
        try:
            async with guest.session.post(f"{guest.url}/chat", json={"message": "hi"}) as response:
                assert response.status == 429
                assert int(response.headers["Retry-After"]) >= 1
                assert list(await response.json()) == ["detail"]
        finally:
            connection.execute(tier, [None])
    assert (await guest.chat("hello"))["response"]


async def test_a_suspended_guest_shuts_all_guests_out_those_who_read_too(platform, guest, anna):
    suspend = "UPDATE accounts_user SET is_active = %s WHERE uuid = %s"
    provider = "UPDATE providers_provider SET default_model = %s WHERE name = 'openai'"
    with database(platform) as connection:
        connection.execute(provider, ["ok-200-rate-20"])
        try:
            async with guest.session.post(f"{guest.url}/chat/stream", json={"message": "hi"}) as response:
                assert response.status == 200
                await response.content.readline()
                connection.execute(suspend, [False, GUEST])
                lines = [raw async for raw in response.content]
            assert b'"type":"error"' in lines[-2]
            assert len(lines) < 380, "it was cut short"
            await until(guest, 401)
        finally:
            connection.execute(provider, ["ok-5-rate-40"])
            connection.execute(suspend, [True, GUEST])
    await until(guest, 200)


async def test_a_guest_that_was_given_powers_is_nobody(platform, guest):
    role = "UPDATE accounts_user SET role = %s, is_superuser = %s WHERE uuid = %s"
    with database(platform) as connection:
        connection.execute(role, ["admin", True, GUEST])
        try:
            await until(guest, 401)
        finally:
            connection.execute(role, ["user", False, GUEST])
    await until(guest, 200)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "local"),
        ({"WEB_HOST": "127.0.0.1"}, "local"),
        ({"WEB_HOST": "127.8.9.1"}, "local"),
        ({"WEB_HOST": "::1"}, "local"),
        ({"WEB_HOST": "localhost"}, "local"),
        ({"SERVER_HOST": "0.0.0.0"}, "off"),
        ({"WEB_HOST": "0.0.0.0"}, "off"),
        ({"WEB_HOST": "::"}, "off"),
        ({"WEB_HOST": "10.0.0.5"}, "off"),
        ({"WEB_HOST": "chat.example.org"}, "off"),
        ({"WEB_HOST": "0.0.0.0", "SERVER_HOST": "127.0.0.1"}, "off"),
        ({"DATABASE_URL": "postgresql://u:p@127.0.0.1/x"}, "off"),
        ({"GUEST_ACCESS": "auto", "WEB_HOST": "0.0.0.0"}, "off"),
        ({"GUEST_ACCESS": "nonsense", "WEB_HOST": "0.0.0.0"}, "off"),
        ({"GUEST_ACCESS": "on", "WEB_HOST": "0.0.0.0"}, "on"),
        ({"GUEST_ACCESS": "ON"}, "on"),
        ({"GUEST_ACCESS": "off"}, "off"),
    ],
)
def test_where_guests_are_let_in(given, expected, tmp_path):
    program = "from chatplatform import settings; print(settings.GUEST_ACCESS)"
    environment = clean_environment() | {"ENV_FILE": "", "DATA_DIR": str(tmp_path)} | given
    asked = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert asked.stdout.strip() == expected
