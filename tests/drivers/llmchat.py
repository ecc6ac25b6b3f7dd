"""LLMChat: one address for both ways to be answered; a session begins with its first message."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.drivers.base import Driver, Event, Need, Page, Said, Thing


class LlmChat(Driver):
    name = "llmchat"
    base = "/api"
    lacks = frozenset({Thing.CREATE, Thing.LIST, Thing.DELETE})
    refusals = {
        Need.CREDENTIALS: (401, "UNAUTHORIZED"),
        Need.OWNERSHIP: (404, "NOT_FOUND"),
        Need.CONTENT: (400, "VALIDATION_ERROR"),
        Need.SHORTNESS: (400, "VALIDATION_ERROR"),
        Need.JSON: (400, "VALIDATION_ERROR"),
        Need.SMALLNESS: (413, "PAYLOAD_TOO_LARGE"),
        Need.TYPE: (415, "UNSUPPORTED_MEDIA_TYPE"),
        Need.FREEDOM: (409, "CONFLICT"),
        Need.ALLOWANCE: (429, "QUOTA_EXCEEDED"),
        Need.SAMENESS: (422, "VALIDATION_ERROR"),
        Need.VENDOR: (503, "SERVICE_UNAVAILABLE"),
        Need.VENDOR_LATER: (200, "SERVICE_UNAVAILABLE"),
    }

    def path(self, called: Any, *, stream: bool) -> str:
        return "/chat/completions"

    def body(self, text: str, called: Any, *, model: str, stream: bool) -> dict[str, Any]:
        return {
            "messages": [{"role": "user", "content": text}],
            "stream": stream,
            **({} if called is None else {"sessionId": called}),
            **({"config": {"model": model}} if model else {}),
        }

    def answered(self, said: Said, answer: dict[str, Any]) -> None:
        data = answer["data"]
        said.named, said.turn = data["sessionId"], UUID(data["turnId"])
        said.pieces, said.model = [data["message"]["content"]], data["model"]
        said.ending = "stopped" if data["stopped"] else "completed"

    def heard(self, said: Said, event: Event) -> None:
        frame = json.loads(event[2])
        match event[1]:
            case "start":
                said.named, said.turn, said.model = frame["sessionId"], UUID(frame["turnId"]), frame["model"]
            case "chunk":
                said.pieces.append(frame["content"])
            case "end":
                said.ending = "stopped" if frame.get("stopped") else "completed"
            case "error":
                said.ending, said.code = "failed", frame["code"]

    def refused(self, answer: dict[str, Any]) -> tuple[str, str]:
        return answer["code"], answer["message"]

    async def messages(self, conversation: UUID) -> list[tuple[str, str]]:
        return (await self.page_of(conversation, page=1, size=100)).items[::-1]

    async def page_of(self, conversation: UUID, *, page: int | str, size: int) -> Page:
        data = (await self.ask("GET", f"/chat/sessions/{conversation}/history?page={page}&limit={size}"))["data"]
        return Page([(item["role"], item["content"]) for item in data["items"]], data["pagination"]["total"])
