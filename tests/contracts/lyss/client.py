"""A small client of the LYSS contract, as somebody else would write one: it knows nothing of us."""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.enrolling import Enrolled

PASSWORD = "password123"
_counter = itertools.count(1)


@dataclass(frozen=True)
class Base:
    """Where the contract is spoken."""

    path: str
    accept: str = "application/json"

    def __str__(self) -> str:
        return self.path if self.accept == "application/json" else f"{self.path} by Accept"


WHOLE = Base("/lyss/api/v1")
BY_ACCEPT = Base("/api/v1", "application/vnd.lyss.v1+json")
UNCLAIMED = Base("/api/v1")


@dataclass
class Stream:
    status: int
    frames: list[dict[str, Any]] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)
    error: dict[str, Any] | None = None


class Person:
    """Somebody with an account, or without."""

    def __init__(self, url: str, session: aiohttp.ClientSession, base: Base = WHOLE) -> None:
        self.url, self.session, self.base = url, session, base
        self.token = self.refresh_token = self.username = ""
        self.id = 0

    def at(self, base: Base) -> Person:
        """The same person at another base."""
        twin = Person(self.url, self.session, base)
        twin.token, twin.refresh_token, twin.username, twin.id = self.token, self.refresh_token, self.username, self.id
        return twin

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        signed = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"Accept": self.base.accept, **signed, **more}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        url = self.url + self.base.path + path
        async with self.session.request(method, url, json=body, headers=self._headers(headers)) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else {}

    async def data(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        status, answer = await self.call(method, path, body, **headers)
        assert status in (200, 201), answer
        return answer["data"]

    async def register(self, name: str) -> Person:
        self.username = f"{name}{next(_counter)}-{uuid.uuid4().hex[:8]}"
        data = await self.data("POST", "/auth/register", self.registration())
        self.token, self.refresh_token, self.id = data["access_token"], data["refresh_token"], data["user"]["id"]
        return self

    def signed_in(self, person: Enrolled) -> Person:
        self.username, self.id = person.username, person.id
        self.token, self.refresh_token = person.access_token, person.refresh_token
        return self

    def registration(self) -> dict[str, str]:
        return {
            "username": self.username,
            "email": f"{self.username}@example.com",
            "password": PASSWORD,
            "confirm_password": PASSWORD,
        }

    async def log_in(self) -> Person:
        data = await self.data("POST", "/auth/login", {"username": self.username, "password": PASSWORD})
        self.token, self.refresh_token = data["access_token"], data["refresh_token"]
        return self

    async def send(self, text: str, **more: Any) -> tuple[int, dict[str, Any]]:
        return await self.call("POST", "/chat/messages", {"messages": [{"role": "user", "content": text}], **more})

    async def stream(self, text: str, headers: dict[str, str] | None = None, **more: Any) -> Stream:
        body = {"messages": [{"role": "user", "content": text}], **more}
        url = f"{self.url}{self.base.path}/chat/stream"
        async with self.session.post(url, json=body, headers=self._headers(headers or {})) as response:
            read = Stream(response.status)
            if response.status != 200:
                read.error = (await response.json())["error"]
                return read
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                if line.startswith("id:"):
                    read.ids.append(int(line[3:]))
                elif line.startswith("data:"):
                    read.frames.append(json.loads(line[5:]))
            return read


def error_of(called: tuple[int, dict[str, Any]]) -> tuple[int, str]:
    status, answer = called
    assert answer.get("success") is False, answer
    return status, answer["error"]["code"]
