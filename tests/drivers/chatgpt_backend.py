"""ChatGPT Backend, which most of the platform's own things are at."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.drivers.base import Driver, Event, Need, Page, Said, events


class ChatGptBackend(Driver):
    name = "chatgpt_backend"
    base = "/api/v1"
    refusals = {
        Need.CREDENTIALS: (401, "AUTHENTICATION_ERROR"),
        Need.OWNERSHIP: (404, "RESOURCE_NOT_FOUND"),
        Need.CONTENT: (422, "VALIDATION_ERROR"),
        Need.SHORTNESS: (422, "VALIDATION_ERROR"),
        Need.JSON: (400, "VALIDATION_ERROR"),
        Need.SMALLNESS: (413, "PAYLOAD_TOO_LARGE"),
        Need.TYPE: (415, "UNSUPPORTED_MEDIA_TYPE"),
        Need.FREEDOM: (409, "CONVERSATION_BUSY"),
        Need.ALLOWANCE: (429, "QUOTA_EXCEEDED"),
        Need.SAMENESS: (422, "VALIDATION_ERROR"),
        Need.VENDOR: (502, "OPENAI_API_ERROR"),
        Need.VENDOR_LATER: (200, "OPENAI_API_ERROR"),
    }

    async def public(self, said: Said) -> UUID | None:
        """Its answers in one body do not name the conversation, which is in the address; the turn does."""
        turn = await self.ask("GET", f"/turns/{said.turn}")
        return UUID(turn["data"]["conversation_id"])

    def path(self, called: Any, *, stream: bool) -> str:
        return f"/conversations/{called}/messages" + ("/stream" if stream else "")

    def body(self, text: str, called: Any, *, model: str, stream: bool) -> dict[str, Any]:
        return {"content": text, **({"model": model} if model else {})}

    def answered(self, said: Said, answer: dict[str, Any]) -> None:
        data = answer["data"]
        said.pieces = [data["assistant_message"]["content"]]
        said.model = data["assistant_message"]["model"]
        said.turn = UUID(data["turn_id"])
        said.ending = "stopped" if data["stopped"] else "completed"

    def heard(self, said: Said, event: Event) -> None:
        frame = json.loads(event[2])
        match frame["type"]:
            case "start":
                said.named, said.turn, said.model = frame["conversation_id"], UUID(frame["turn_id"]), frame["model"]
            case "content":
                said.pieces.append(frame["content"])
            case "end":
                said.ending = "stopped" if frame.get("stopped") else "completed"
            case "error":
                said.ending, said.code = "failed", frame["error"]["code"]

    def refused(self, answer: dict[str, Any]) -> tuple[str, str]:
        return answer["error"]["code"], answer["error"]["message"]

    async def follow(self, turn: UUID, *, most: int | None = None) -> Said:
        """A turn of any contract once more, to its end or to its `most`th event."""
        said, url = Said(turn=turn), f"{self.client.url}{self.base}/turns/{turn}/events?contract={self.name}"
        async with self.client.session.get(url, headers=self.client.headers) as response:
            assert response.status == 200
            async for event in events(response):
                self.heard(said, event)
                said.numbers.append(event[0])
                if len(said.numbers) == most:
                    break
        return said

    async def begin(self, *, title: str = "", model: str = "") -> UUID:
        fields = {"title": title, **({"model": model} if model else {})}
        return UUID((await self.ask("POST", "/conversations", fields))["data"]["id"])

    async def conversations(self, *, page: int = 1, size: int = 20) -> Page:
        data = (await self.ask("GET", f"/conversations?page={page}&size={size}"))["data"]
        return Page([UUID(item["id"]) for item in data["conversations"]], data["pagination"]["total"])

    async def messages(self, conversation: UUID) -> list[tuple[str, str]]:
        detail = (await self.ask("GET", f"/conversations/{conversation}"))["data"]
        return [(message["role"], message["content"]) for message in detail["messages"]]

    async def page_of(self, conversation: UUID, *, page: int | str, size: int) -> Page:
        data = (await self.ask("GET", f"/conversations/{conversation}/messages?page={page}&size={size}"))["data"]
        return Page([(item["role"], item["content"]) for item in data["messages"]], data["pagination"]["total"])

    async def delete(self, conversation: UUID) -> None:
        await self.ask("DELETE", f"/conversations/{conversation}")
