"""What operators can read of a platform's work: whole over its processes, and by whom."""

from __future__ import annotations

import asyncio
import os
import signal

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.conftest import another_web_process, database
from tests.client import Client, frames
from tests.held import held_session


async def read(client, url: str = "", **headers: str) -> dict[tuple, float]:
    """Every sample by its name and labels."""
    async with client.session.get(f"{url or client.url}/api/v1/metrics", headers=headers) as response:
        assert response.status == 200, await response.text()
        text = await response.text()
    families = list(text_string_to_metric_families(text))
    return {(s.name, *sorted(s.labels.items())): s.value for family in families for s in family.samples}


def requests(samples: dict[tuple, float], endpoint: str, method: str = "GET") -> float:
    return samples.get(("http_requests_total", ("endpoint", endpoint), ("method", method)), 0)


def opened(samples: dict[tuple, float], kind: str) -> float:
    return samples.get(("chat_connections_open", ("kind", kind)), 0)


async def until(client, wanted) -> dict[tuple, float]:
    for _ in range(100):
        samples = await read(client)
        if wanted(samples):
            return samples
        await asyncio.sleep(0.1)
    raise AssertionError(samples)


async def test_requests_are_counted_once_over_all_processes(platform, alice):
    before = requests(await read(alice), "/users/me/quota")
    for _ in range(24):  # each on a connection of its own, so that both processes get some
        async with held_session() as session:
            await session.get(f"{alice.url}/api/v1/users/me/quota", headers=alice.headers)
    # A request is counted a moment after its answer is out.
    await until(alice, lambda samples: requests(samples, "/users/me/quota") >= before + 24)
    for _ in range(6):
        assert requests(await read(alice), "/users/me/quota") == before + 24


async def test_a_route_is_counted_by_its_template_and_the_unknown_together(platform, alice):
    conversation = await alice.new_conversation()
    await alice.data("GET", f"/conversations/{conversation}")
    for path in ("/api/v1/nowhere", "/api/v1/conversations/a/b/c/d", "/etc/passwd", "/admin/login/"):
        await alice.session.get(alice.url + path)
    await alice.session.request("BREW", f"{alice.url}/api/v1/health")
    samples = await read(alice)
    assert requests(samples, "/conversations/{conversation_id}") >= 1
    assert requests(samples, "unmatched") >= 3
    assert requests(samples, "/admin") >= 1
    assert not [key for key in samples if conversation in str(key) or "nowhere" in str(key) or "BREW" in str(key)]
    names = {key[0] for key in samples}
    assert "http_request_duration_seconds_bucket" in names
    assert "event_loop_lag_seconds_count" in names


async def test_answers_are_counted_by_model_and_ending(alice):
    conversation = await alice.new_conversation()

    def answers(samples, model, status):
        return samples.get(("openai_requests_total", ("model", model), ("status", status)), 0)

    before = await read(alice)
    await alice.send(conversation, "x", model="ok-3")
    await alice.send(conversation, "x", model="500")
    begun = await alice.stream(conversation, "x", model="ok-200-rate-20", most=2)
    await alice.data("POST", f"/turns/{begun.start['turn_id']}/stop")
    after = await read(alice)
    for model, status in (("ok-3", "success"), ("500", "error"), ("ok-200-rate-20", "stopped")):
        assert answers(after, model, status) == answers(before, model, status) + 1
    first = ("chat_first_token_seconds_count", ("model", "ok-3"))
    assert after[first] == before.get(first, 0) + 1


async def test_streams_and_sockets_that_are_open(platform, alice):
    before = await read(alice)
    conversation = await alice.new_conversation(model="ok-200-rate-20")
    path = f"{alice.url}/api/v1/conversations/{conversation}/messages/stream"
    async with (
        alice.session.post(path, json={"content": "x"}, headers=alice.headers) as response,
        alice.session.ws_connect(f"{platform.ws_url}/api/v1/ws/chat?token={alice.token}"),
    ):
        turn = (await anext(aiter(frames(response)))).data["turn_id"]
        during = await read(alice)
        assert opened(during, "stream") == opened(before, "stream") + 1
        assert opened(during, "socket") == opened(before, "socket") + 1
        assert during[("chat_turns_running",)] >= 1
        await alice.data("POST", f"/turns/{turn}/stop")
    await until(alice, lambda now: opened(now, "stream") == opened(before, "stream"))
    await until(alice, lambda now: opened(now, "socket") == opened(before, "socket"))


async def test_what_a_dead_process_had_open_is_forgotten_and_its_counts_are_kept(platform, alice):
    counted = requests(await read(alice), "/conversations", "POST")
    sockets = []
    for _ in range(5):
        session = held_session()
        sockets.append((session, await session.ws_connect(f"{platform.ws_url}/api/v1/ws/chat?token={alice.token}")))
    assert opened(await read(alice), "socket") >= 5
    for pid in platform.web_pids:
        os.kill(pid, signal.SIGKILL)
    for session, _ in sockets:
        await session.close()
    for _ in range(300):
        if platform.web_pids and set(platform.web_pids) and await _answers(alice):
            break
        await asyncio.sleep(0.1)
    samples = await until(alice, lambda now: opened(now, "socket") == 0)
    assert requests(samples, "/conversations", "POST") >= counted


async def _answers(alice) -> bool:
    try:
        async with alice.session.get(f"{alice.url}/api/v1/info") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def test_a_web_process_of_its_own_has_its_own_figures(platform, alice):
    async with another_web_process(platform) as url:
        before = requests(await read(alice, url), "/info")
        async with alice.session.get(f"{url}/api/v1/info"):
            pass
        assert requests(await read(alice, url), "/info") == before + 1 == 1


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
async def test_whom_a_proxy_speaks_for_is_no_scraper_of_ours(platform, alice, header):
    """This platform trusts a proxy elsewhere: one on this machine that nobody named is not believed, and not let in either."""
    async with (
        another_web_process(platform, TRUSTED_PROXIES="") as url,
        alice.session.get(f"{url}/api/v1/metrics", headers={header: "203.0.113.9"}) as response,
    ):
        assert response.status == 401


async def test_elsewhere_it_takes_an_administrator(platform, alice, bob):
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET role = 'admin', is_superuser = true WHERE username = %s", [bob.username])
    async with Client(platform.url) as again:
        again.username = bob.username
        signed_in = await again.data("POST", "/auth/login", {"username": bob.username, "password": "password123"})
    admin = {"Authorization": f"Bearer {signed_in['access_token']}"}
    async with another_web_process(platform, METRICS_ALLOWED_ADDRESSES="192.0.2.7") as url:
        for headers, status, code in (
            ({}, 401, "AUTHENTICATION_ERROR"),
            ({"Authorization": "Bearer nonsense"}, 401, "AUTHENTICATION_ERROR"),
            (alice.headers, 403, "AUTHORIZATION_ERROR"),
        ):
            async with alice.session.get(f"{url}/api/v1/metrics", headers=headers) as response:
                assert (response.status, (await response.json())["error"]["code"]) == (status, code)
        assert await read(alice, url, **admin)
