"""OpenAI-compatible, with a conversation that is named and therefore kept."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tests.drivers.base import Driver, Event, Need, Said, Thing

DEFAULT_MODEL = "ok-5-rate-40"
"""OpenAI's clients must name one: this is the platform's own default, in these tests."""


class OpenAi(Driver):
    name = "openai"
    base = "/v1"
    lacks = frozenset({Thing.LIST, Thing.PAGE})
    refusals = {
        Need.CREDENTIALS: (401, "invalid_api_key"),
        Need.OWNERSHIP: (404, "not_found"),
        Need.CONTENT: (400, "invalid_value"),
        Need.SHORTNESS: (400, "invalid_value"),
        Need.JSON: (400, "invalid_json"),
        Need.SMALLNESS: (413, "request_too_large"),
        Need.TYPE: (415, "unsupported_media_type"),
        Need.FREEDOM: (409, "conflict"),
        Need.ALLOWANCE: (429, "insufficient_quota"),
        Need.SAMENESS: (422, "idempotency_key_reused"),
        Need.VENDOR: (502, "vendor_failed"),
        Need.VENDOR_LATER: (200, "vendor_failed"),
    }
    most_characters = 100_000

    def path(self, called: Any, *, stream: bool) -> str:
        return "/chat/completions"

    def body(self, text: str, called: Any, *, model: str, stream: bool) -> dict[str, Any]:
        return {
            "model": model or DEFAULT_MODEL,
            "messages": [{"role": "user", "content": text}],
            "stream": stream,
            "metadata": {"conversation_id": called or str(uuid.uuid4())},
        }

    def head(self, said: Said, headers: Mapping[str, str]) -> None:
        super().head(said, headers)
        if "X-Turn-ID" in headers:
            said.turn, said.named = UUID(headers["X-Turn-ID"]), headers["X-Conversation-ID"]

    def answered(self, said: Said, answer: dict[str, Any]) -> None:
        assert answer["object"] == "chat.completion"
        assert answer["metadata"]["conversation_id"] == said.named
        said.pieces, said.model = [answer["choices"][0]["message"]["content"]], answer["model"]
        said.ending = "stopped" if answer.get("stopped") else "completed"

    def heard(self, said: Said, event: Event) -> None:
        if event[2] == "[DONE]":
            return
        frame = json.loads(event[2])
        if "error" in frame:
            said.ending, said.code = "failed", frame["error"]["code"]
            return
        assert frame["object"] == "chat.completion.chunk"
        said.model = frame["model"]
        for choice in frame["choices"]:
            if choice["delta"].get("content"):
                said.pieces.append(choice["delta"]["content"])
            if choice["finish_reason"]:
                said.ending = "stopped" if frame.get("stopped") else "completed"

    def refused(self, answer: dict[str, Any]) -> tuple[str, str]:
        return answer["error"]["code"], answer["error"]["message"]

    async def begin(self, *, title: str = "") -> UUID:
        """It has no titles."""
        return UUID((await self.ask("POST", "/conversations", {}))["id"])

    async def messages(self, conversation: UUID) -> list[tuple[str, str]]:
        answer = await self.ask("GET", f"/conversations/{conversation}/items?order=asc&limit=100")
        return [(item["role"], "".join(part["text"] for part in item["content"])) for item in answer["data"]]

    async def delete(self, conversation: UUID) -> None:
        await self.ask("DELETE", f"/conversations/{conversation}")
