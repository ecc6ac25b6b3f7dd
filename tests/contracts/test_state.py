"""How the platform is, at the root: one answer with the keys of the two contracts that have it there."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from chatplatform.contracts.health import DatabaseState, Health, RedisState
from chatplatform.contracts.routing import find_place
from chatplatform.core.jobs import Jobs
from tests.acceptance.conftest import another_web_process
from tests.contracts.test_documented_examples import agrees

HEALTH = json.loads("""{
  "status": "healthy",
  "timestamp": "2025-10-18T10:30:00.000Z",
  "services": {
    "database": "connected",
    "redis": "connected",
    "queue": "running"
  },
  "version": "1.0.0"
}""")
DETAILED = json.loads("""{
  "status": "healthy",
  "timestamp": "2025-10-18T10:30:00.000Z",
  "checks": {
    "database": {
      "status": "healthy",
      "responseTime": 5,
      "connections": {
        "active": 2,
        "idle": 8,
        "total": 10
      }
    },
    "redis": {
      "status": "healthy",
      "responseTime": 2,
      "memory": {
        "used": "10MB",
        "total": "100MB"
      }
    },
    "queue": {
      "status": "healthy",
      "jobs": {
        "waiting": 0,
        "active": 2,
        "completed": 1000
      }
    }
  }
}""")
COZE = {"Accept": "application/vnd.coze.v1+json"}


async def ask(client, path: str, **headers: str):
    async with client.session.get(client.url + path, headers=headers) as response:
        return response.status, await response.json()


async def healthy(client):
    """The answer, as soon as the workers of a fresh platform have told that they are there."""
    async with asyncio.timeout(60):
        while True:
            status, answer = await ask(client, "/health")
            if answer["services"]["queue"] == "running":
                return status, answer
            await asyncio.sleep(0.5)


async def test_the_health_has_the_keys_of_both_contracts(alice):
    status, answer = await healthy(alice)
    assert status == 200
    agrees(HEALTH, answer)
    assert (answer["status"], answer["services"]) == (HEALTH["status"], HEALTH["services"])
    assert answer["coze_client_status"] == "initialized"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["timestamp"])
    _, by_accept = await ask(alice, "/health/", **COZE)
    assert by_accept.keys() == answer.keys()


async def test_the_details_are_true_figures_and_for_accounts(alice):
    await healthy(alice)
    status, answer = await ask(alice, "/health/detailed", **alice.headers)
    assert status == 200
    agrees(DETAILED, answer)
    database, memory = answer["checks"]["database"]["connections"], answer["checks"]["redis"]["memory"]
    assert database["total"] == database["active"] + database["idle"] >= 2
    assert re.fullmatch(r"[1-9]\d*MB", memory["used"])
    assert re.fullmatch(r"[1-9]\d*MB", memory["total"])

    async def completed() -> int:
        _, answer = await ask(alice, "/health/detailed", **alice.headers)
        return answer["checks"]["queue"]["jobs"]["completed"]

    before = await completed()
    await alice.data("POST", "/auth/forgot-password", {"email": "nobody@example.com"})  # a job for the worker
    async with asyncio.timeout(30):
        while await completed() <= before:
            await asyncio.sleep(0.5)


@pytest.mark.parametrize(("headers", "dialect"), [({}, "code"), (COZE, "code")])
async def test_strangers_see_no_details(alice, headers, dialect):
    status, answer = await ask(alice, "/health/detailed", **headers)
    assert status == 401
    assert dialect in answer


async def test_the_metrics_are_for_administrators_and_scrapers(alice, platform):
    async with alice.session.get(f"{alice.url}/metrics") as response:  # from this machine
        assert response.status == 200
        assert response.content_type == "text/plain"
        assert 'http_requests_total{endpoint="/health"' in await response.text()
    async with another_web_process(platform, METRICS_ALLOWED_ADDRESSES="192.0.2.1") as url:
        for token, expected in ((None, 401), (alice.token, 403)):
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            async with alice.session.get(f"{url}/metrics", headers=headers) as response:
                assert response.status == expected


DATABASE = DatabaseState(1, 2, 8, has_provider=True)
REDIS = RedisState(1, 10, 100, Jobs(running=True, waiting=0, active=0, completed=0))
IDLE = RedisState(1, 10, None, Jobs(running=False, waiting=7, active=0, completed=0))


@pytest.mark.parametrize(
    ("health", "answering", "whole"),
    [
        (Health(DATABASE, REDIS), "healthy", "healthy"),
        (Health(DATABASE, IDLE), "healthy", "degraded"),
        (Health(DATABASE, None), "degraded", "degraded"),
        (Health(None, REDIS), "unhealthy", "unhealthy"),
        (Health(None, None), "unhealthy", "unhealthy"),
        (Health(DatabaseState(1, 2, 8, has_provider=False), REDIS), "degraded", "degraded"),
    ],
)
def test_what_is_away_makes_it_degraded_or_unhealthy(health, answering, whole):
    assert (health.status, health.whole_status) == (answering, whole)


def test_who_answers_at_the_root():
    for path, accept, owner in (
        ("/health", "", "llmchat"),
        ("/health", "application/vnd.coze.v1+json", "coze"),
        ("/health/detailed", "", "llmchat"),
        ("/metrics", "", "llmchat"),
        ("/", "", "coze"),
    ):
        found = find_place(path, accept)
        assert found is not None
        assert found[0].contract.name == owner
