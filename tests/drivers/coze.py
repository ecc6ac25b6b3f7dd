"""Coze: one talks under a name of one's own, a session, and has sentences instead of codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tests.drivers.base import Driver, Event, Need, Said, Thing


class Coze(Driver):
    name = "coze"
    base = ""
    lacks = frozenset({Thing.CREATE, Thing.MODEL, Thing.LIST, Thing.READ, Thing.PAGE, Thing.DELETE})
    refusals = {
        Need.CREDENTIALS: (401, ""),
        Need.OWNERSHIP: (404, ""),
        Need.CONTENT: (400, ""),
        Need.SHORTNESS: (400, ""),
        Need.JSON: (400, ""),
        Need.SMALLNESS: (413, ""),
        Need.TYPE: (415, ""),
        Need.FREEDOM: (409, ""),
        Need.ALLOWANCE: (429, ""),
        Need.SAMENESS: (422, ""),
        Need.VENDOR: (503, ""),
        Need.VENDOR_LATER: (200, ""),
    }
    numbered = False

    async def called(self, conversation: UUID) -> str:
        return f"conv_{conversation.hex}"

    async def public(self, said: Said) -> UUID | None:
        return None if said.named is None else UUID(said.named.removeprefix("conv_"))

    def path(self, called: Any, *, stream: bool) -> str:
        return "/chat/stream" if stream else "/chat"

    def body(self, text: str, called: Any, *, model: str, stream: bool) -> dict[str, Any]:
        named = {} if called is None else {"conversation_id": called, "session_id": f"where {called} is"}
        return {"message": text, **named}

    def head(self, said: Said, headers: Mapping[str, str]) -> None:
        super().head(said, headers)
        if "X-Turn-ID" in headers:
            said.turn, said.named = UUID(headers["X-Turn-ID"]), headers["X-Conversation-ID"]

    def answered(self, said: Said, answer: dict[str, Any]) -> None:
        said.named, said.turn = answer["conversation_id"], UUID(answer["turn_id"])
        said.pieces, said.model = [answer["response"]], answer["model"]
        said.ending = "stopped" if answer["stopped"] else "completed"

    def heard(self, said: Said, event: Event) -> None:
        frame = json.loads(event[2])
        data = frame["data"]
        match frame["type"]:
            case "chunk":
                assert data["chunk_index"] == len(said.pieces)
                said.pieces.append(data["content"])
            case "complete":
                assert (data["total_chunks"], data["full_content"]) == (len(said.pieces), said.text)
                said.model = data.get("model", "")
                said.ending = "stopped" if data.get("stopped") else "completed"
            case "error":
                said.ending, said.sentence = "failed", data["message"]

    def refused(self, answer: dict[str, Any]) -> tuple[str, str]:
        return "", answer["detail"]

    async def count(self, conversation: UUID) -> int:
        """All that it tells of what was said. Under this name something must have been said before."""
        info = await self.ask("GET", f"/session/where {await self.called(conversation)} is/info")
        return int(info["message_count"])
