"""A small client of the Coze contract, as somebody else would write one: it knows nothing of us."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp


@dataclass
class Stream:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    """As they came."""
    detail: str = ""

    @property
    def text(self) -> str:
        return "".join(event["data"]["content"] for event in self.events if event["type"] == "chunk")


class Talker:
    """Somebody with an account's token, or a guest."""

    def __init__(self, url: str, session: aiohttp.ClientSession, token: str = "", username: str = "") -> None:
        self.url, self.session, self.token, self.username = url, session, token, username

    def at(self, url: str) -> Talker:
        """The same person at another web process."""
        return Talker(url, self.session, self.token, self.username)

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return ({"Authorization": f"Bearer {self.token}"} if self.token else {}) | more

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        async with self.session.request(method, self.url + path, json=body, headers=self._headers(headers)) as response:
            return response.status, await response.json()

    async def chat(self, message: str, session_id: str | None = None, **more: Any) -> Any:
        """The answer to a message that is accepted."""
        status, answer = await self.call("POST", "/chat", {"message": message, "session_id": session_id, **more})
        assert status == 200, answer
        return answer

    async def info(self, session_id: str) -> Any:
        status, answer = await self.call("GET", f"/session/{session_id}/info")
        assert status == 200, answer
        return answer

    async def stream(self, message: str, session_id: str | None = None, **more: Any) -> Stream:
        body = {"message": message, "session_id": session_id, **more}
        async with self.session.post(f"{self.url}/chat/stream", json=body, headers=self._headers({})) as response:
            read = Stream(response.status, response.headers)
            if response.status != 200:
                read.detail = (await response.json())["detail"]
                return read
            async for raw in response.content:
                line = raw.decode()
                read.lines.append(line)
                if line.startswith("data: "):
                    read.events.append(json.loads(line[6:]))
            return read
