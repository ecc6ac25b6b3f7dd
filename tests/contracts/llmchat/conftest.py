"""People who speak LLMChat with the platform of the folder above."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from tests.acceptance.conftest import database
from tests.client import PASSWORD, Client
from tests.running import RunningPlatform

BASES = ("/api", "/api/v1")


@pytest.fixture(params=BASES)
def base(request: pytest.FixtureRequest) -> str:
    """The agents are at both."""
    return str(request.param)


@pytest_asyncio.fixture
async def admin(platform: RunningPlatform) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        await client.register("admin")
        with database(platform) as connection:
            connection.execute(
                "UPDATE accounts_user SET role = 'admin', is_superuser = true WHERE username = %s", [client.username]
            )
        session = await client.data("POST", "/auth/login", {"username": client.username, "password": PASSWORD})
        client.token = session["access_token"]
        yield client


@pytest.fixture
def agents(platform: RunningPlatform, vendor_url: str) -> Iterator[dict[str, str]]:
    """One for everyone, one on a provider that was handed to nobody, one that is switched off, one of whoever answers."""
    made = {name: str(uuid4()) for name in ("open", "closed", "off", "anybodys")}
    insert = """INSERT INTO providers_agent (uuid, key, name, description, category, provider_id, avatar, status, capabilities,
                    config, system_prompt, position, managed_by, created_at, updated_at)
                VALUES (%s, '', %s, '', %s, %s, '', %s, '[]', '{"model": "ok-3"}', 'secret prompt', 200, 'hand', now(), now())"""
    with database(platform) as connection:
        (default,) = connection.execute("SELECT min(id) FROM providers_provider WHERE is_default").fetchall()[0]
        (closed,) = connection.execute(
            """INSERT INTO providers_provider (uuid, name, kind, base_url, config, sealed_key, key_last4, default_model, scope,
                   is_active, is_default, position, price_vendor, managed_by, key, created_at, updated_at)
               VALUES (gen_random_uuid(), 'Closed', 'custom', %s, '{}', '', '', 'ok-3', 'organization', true, false, 900, '',
                   'hand', '', now(), now()) RETURNING id""",
            [vendor_url],
        ).fetchall()[0]
        for name, provider, status in (
            ("open", default, "active"),
            ("closed", closed, "active"),
            ("off", default, "inactive"),
            ("anybodys", None, "active"),
        ):
            connection.execute(insert, [made[name], name, f"kind of {name}", provider, status])
    yield made
    with database(platform) as connection:
        connection.execute("UPDATE conversations_conversation SET agent_id = NULL")
        connection.execute("DELETE FROM providers_agent WHERE uuid = ANY(%s)", [list(made.values())])
        connection.execute("DELETE FROM providers_provider WHERE id = %s", [closed])


async def ask(client: Client, method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict]:
    """`path` with its base."""
    async with client.session.request(method, client.url + path, json=body, headers=client.headers | headers) as response:
        return response.status, await response.json()


@dataclass
class Event:
    name: str
    id: int
    data: dict[str, Any]


@dataclass
class Stream:
    status: int
    events: list[Event] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        return "".join(event.data["content"] for event in self.events if event.name == "chunk")

    @property
    def names(self) -> list[str]:
        return [event.name for event in self.events]


async def read_stream(client: Client, body: object, path: str = "/api/chat/completions", **headers: str) -> Stream:
    """A completion as server-sent events, read to its end; an event is whatever stands between two blank lines."""
    async with client.session.post(client.url + path, json=body, headers=client.headers | headers) as response:
        stream = Stream(response.status, headers={name.lower(): value for name, value in response.headers.items()})
        if response.status != 200:
            stream.error = await response.json()
            return stream
        for block in (await response.text()).split("\n\n"):
            lines = dict(line.split(": ", 1) for line in block.splitlines() if line and not line.startswith(":"))
            if lines:
                stream.events.append(Event(lines["event"], int(lines.get("id", 0)), json.loads(lines["data"])))
        return stream


def said(*texts: str, system: str = "") -> list[dict[str, str]]:
    """Questions and answers by turns."""
    messages = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
    return [{"role": "system", "content": system}, *messages] if system else messages


async def complete(client: Client, *texts: str, **more: Any) -> tuple[int, dict]:
    """A completion in one body."""
    return await ask(client, "POST", "/api/chat/completions", {"messages": said(*texts), **more})


async def history(client: Client, session: str, query: str = "") -> list[dict]:
    """Oldest first."""
    status, answer = await ask(client, "GET", f"/api/chat/sessions/{session}/history{query}")
    assert status == 200, answer
    items: list[dict] = answer["data"]["items"]
    return items[::-1]


async def being_written(client: Client, session: str) -> dict:
    """The answer in this session that is being written, once there is a word of it."""
    while True:
        status, answer = await ask(client, "GET", f"/api/chat/sessions/{session}/history")
        newest: dict = answer["data"]["items"][0] if status == 200 and answer["data"]["items"] else {"status": ""}
        if newest["status"] == "streaming" and newest["content"]:
            return newest
        await asyncio.sleep(0.05)
