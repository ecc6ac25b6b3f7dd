"""LYSS: conversations are numbers, and a message without one begins one."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.drivers.base import Driver, Event, Need, Page, Said, Thing


class Lyss(Driver):
    name = "lyss"
    base = "/lyss/api/v1"
    lacks = frozenset({Thing.PAGE})
    refusals = {
        Need.CREDENTIALS: (401, "UNAUTHORIZED"),
        Need.OWNERSHIP: (404, "CONVERSATION_NOT_FOUND"),
        Need.CONTENT: (400, "VALIDATION_ERROR"),
        Need.SHORTNESS: (400, "VALIDATION_ERROR"),
        Need.JSON: (400, "VALIDATION_ERROR"),
        Need.SMALLNESS: (413, "PAYLOAD_TOO_LARGE"),
        Need.TYPE: (415, "UNSUPPORTED_MEDIA_TYPE"),
        Need.FREEDOM: (409, "CONFLICT"),
        Need.ALLOWANCE: (403, "INSUFFICIENT_QUOTA"),
        Need.SAMENESS: (422, "VALIDATION_ERROR"),
        Need.VENDOR: (502, "AI_API_ERROR"),
        Need.VENDOR_LATER: (200, "AI_API_ERROR"),
    }

    async def called(self, conversation: UUID) -> int:
        """Its number, which nothing but this contract tells: found as a person would, by its title."""
        title = (await self.client.data("GET", f"/conversations/{conversation}"))["title"]
        data = (await self.ask("GET", "/conversations?page_size=100"))["data"]
        found = [item["id"] for item in data["items"] if item["title"] == title]
        assert len(found) == 1, "two of her conversations have the same title"
        return int(found[0])

    async def public(self, said: Said) -> UUID | None:
        if said.turn is None:
            return None
        return UUID((await self.client.data("GET", f"/turns/{said.turn}"))["conversation_id"])

    def path(self, called: Any, *, stream: bool) -> str:
        return "/chat/stream" if stream else "/chat/messages"

    def body(self, text: str, called: Any, *, model: str, stream: bool) -> dict[str, Any]:
        named = {} if called is None else {"conversation_id": called}
        return {"messages": [{"role": "user", "content": text}], **named, **({"model": model} if model else {})}

    def answered(self, said: Said, answer: dict[str, Any]) -> None:
        data = answer["data"]
        said.named, said.turn = data["conversation"]["id"], UUID(data["turn_id"])
        said.pieces, said.model = [data["message"]["content"]], data["message"]["metadata"]["model"]
        said.ending = "stopped" if data["message"]["status"] == "stopped" else "completed"

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

    async def begin(self, *, title: str = "") -> UUID:
        made = (await self.ask("POST", "/conversations", {"title": title}))["data"]
        return UUID(next(item["id"] for item in await self._elsewhere() if item["title"] == made["title"]))

    async def conversations(self, *, page: int = 1, size: int = 20) -> Page:
        data = (await self.ask("GET", f"/conversations?page={page}&page_size={size}"))["data"]
        uuids = {item["title"]: UUID(item["id"]) for item in await self._elsewhere()}
        return Page([uuids[item["title"]] for item in data["items"]], data["pagination"]["total"])

    async def _elsewhere(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.client.data("GET", "/conversations?size=100"))["conversations"]
        return found

    async def messages(self, conversation: UUID) -> list[tuple[str, str]]:
        detail = (await self.ask("GET", f"/conversations/{await self.called(conversation)}"))["data"]
        return [(message["role"], message["content"]) for message in detail["messages"]]

    async def delete(self, conversation: UUID) -> None:
        await self.ask("DELETE", f"/conversations/{await self.called(conversation)}")
