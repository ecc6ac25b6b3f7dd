"""A small client of the ChatGPT Backend contract, as somebody else would write one: it knows nothing of us."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.held import held_session

if TYPE_CHECKING:
    from tests.enrolling import Enrolled

PASSWORD = "password123"
_counter = itertools.count(1)


@dataclass
class Frame:
    id: int
    data: dict[str, Any]


@dataclass
class Stream:
    """An answer as it was read from a stream."""

    status: int
    frames: list[Frame] = field(default_factory=list)
    error: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        return "".join(frame.data["content"] for frame in self.frames if frame.data["type"] == "content")

    @property
    def start(self) -> dict[str, Any]:
        return self.frames[0].data

    @property
    def end(self) -> dict[str, Any] | None:
        last = self.frames[-1].data if self.frames else None
        return last if last and last["type"] in ("end", "error") else None

    @property
    def last_id(self) -> int:
        return self.frames[-1].id


class Client:
    """One person. `url` may be changed between calls: the same account through another web process."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token = ""
        self.username = ""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        self._session = held_session(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=180, sock_connect=10)
        )
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None, "use it with `async with`"
        return self._session

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        async with self.session.request(
            method, f"{self.url}/api/v1{path}", json=body, headers=self.headers | headers
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else {}

    async def data(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        status, answer = await self.call(method, path, body, **headers)
        assert status in (200, 201), answer
        return answer["data"]

    async def register(self, name: str = "alice") -> Client:
        self.username = f"{name}{next(_counter)}-{uuid.uuid4().hex[:8]}"
        data = await self.data(
            "POST",
            "/auth/register",
            {
                "username": self.username,
                "email": f"{self.username}@example.com",
                "password": PASSWORD,
                "confirm_password": PASSWORD,
            },
        )
        self.token = data["access_token"]
        return self

    def signed_in(self, person: Enrolled) -> Client:
        self.username, self.token = person.username, person.access_token
        return self

    async def new_conversation(self, **fields: Any) -> str:
        return (await self.data("POST", "/conversations", fields))["id"]

    async def send(self, conversation: str, content: str, **more: Any) -> tuple[int, dict[str, Any]]:
        return await self.call("POST", f"/conversations/{conversation}/messages", {"content": content, **more})

    async def messages(self, conversation: str) -> list[dict[str, Any]]:
        return (await self.data("GET", f"/conversations/{conversation}/messages?order=asc&size=100"))["messages"]

    async def stream(self, conversation: str, content: str, *, most: int | None = None, **more: Any) -> Stream:
        """Sends and reads the answer to its end, or `most` frames of it and hangs up."""
        return await self._read("POST", f"/conversations/{conversation}/messages/stream", {"content": content, **more}, most=most)

    async def resume(self, turn: str, after: int, *, most: int | None = None) -> Stream:
        return await self._read("GET", f"/turns/{turn}/events", None, most=most, **{"Last-Event-ID": str(after)})

    async def _read(self, method: str, path: str, body: Any, *, most: int | None, **headers: str) -> Stream:
        async with self.session.request(
            method, f"{self.url}/api/v1{path}", json=body, headers=self.headers | headers
        ) as response:
            stream = Stream(response.status)
            if response.status != 200:
                stream.error = await response.json()
                return stream
            async for frame in frames(response):
                stream.frames.append(frame)
                if most is not None and len(stream.frames) >= most:
                    response.close()
                    break
            return stream


async def frames(response: aiohttp.ClientResponse) -> AsyncIterator[Frame]:
    """The server-sent events of a response; comments (heartbeats) are left out."""
    number = 0
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("id:"):
            number = int(line[3:])
        elif line.startswith("data:"):
            yield Frame(number, json.loads(line[5:]))
