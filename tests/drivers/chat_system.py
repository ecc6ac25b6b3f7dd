"""Chat System: answers in one body by HTTP, streams by a socket of the session's own."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.contracts.chat_system import sockets
from tests.drivers.base import Driver, Event, Need, Page, Pieces, Said, Thing


class ChatSystem(Driver):
    name = "chat_system"
    base = "/api/v1"
    lacks = frozenset({Thing.MODEL})
    refusals = {
        Need.CREDENTIALS: (401, "AUTHENTICATION_FAILED"),
        Need.OWNERSHIP: (404, "SESSION_NOT_FOUND"),
        Need.CONTENT: (400, "VALIDATION_ERROR"),
        Need.SHORTNESS: (400, "VALIDATION_ERROR"),
        Need.JSON: (400, "VALIDATION_ERROR"),
        Need.SMALLNESS: (413, "PAYLOAD_TOO_LARGE"),
        Need.TYPE: (415, "UNSUPPORTED_MEDIA_TYPE"),
        Need.FREEDOM: (409, "SESSION_BUSY"),
        Need.ALLOWANCE: (429, "QUOTA_EXCEEDED"),
        Need.SAMENESS: (422, "VALIDATION_ERROR"),
        Need.VENDOR: (502, "LLM_SERVICE_ERROR"),
        Need.VENDOR_LATER: (200, "GENERATION_FAILED"),
    }

    async def called(self, conversation: UUID) -> str:
        return f"sess_{conversation.hex}"

    async def public(self, said: Said) -> UUID | None:
        return None if said.named is None else UUID(said.named.removeprefix("sess_"))

    def path(self, called: Any, *, stream: bool) -> str:
        return f"/chat/sessions/{called}/messages"

    def body(self, text: str, called: Any, *, model: str, stream: bool) -> dict[str, Any]:
        return {"content": text}

    def answered(self, said: Said, answer: dict[str, Any]) -> None:
        data = answer["data"]
        reply = data["assistant_response"]
        said.named, said.turn = data["session_id"], UUID(data["turn_id"])
        said.pieces, said.model = [reply["content"]], reply["model"]
        said.ending = "stopped" if reply["stopped"] else "completed"

    def heard(self, said: Said, event: Event) -> None:
        frame = json.loads(event[2])
        data = frame["data"]
        if "turn_id" in data:
            said.named, said.turn = data["session_id"], UUID(data["turn_id"])
        match frame["type"]:
            case "stream_start":
                said.model = data["model"]
            case "content_chunk" if data["content"]:
                said.pieces.append(data["content"])
            case "stream_end":
                said.ending = "stopped" if data.get("stopped") else "completed"
                assert data["final_content"] == said.text
            case "error":
                said.code, said.sentence = data["error_code"], data["error_message"]
                said.ending = "failed" if said.turn else ""

    def refused(self, answer: dict[str, Any]) -> tuple[str, str]:
        return answer["error"]["code"], answer["message"]

    async def stream(
        self,
        text: str,
        conversation: UUID | None = None,
        *,
        key: str = "",
        model: str = "",
        each: Pieces | None = None,
        **headers: str,
    ) -> Said:
        assert conversation is not None
        said = Said()
        async with sockets.socket_of(self.client, await self.called(conversation)) as socket:
            await sockets.send(socket, text, key)
            while not said.ending and not said.code:
                frame = await sockets.hear(socket)
                number = frame["data"].get("n", 0)
                if number not in (0, *said.numbers[-1:]):  # an answer's last chunk and its end are one event
                    said.numbers.append(number)
                self.heard(said, (number, "", json.dumps(frame)))
                if each is not None:
                    await each(said)
        said.conversation = await self.public(said)
        return said

    async def begin(self, *, title: str = "") -> UUID:
        made = await self.ask("POST", "/chat/sessions", {"title": title})
        return UUID(made["data"]["session_id"].removeprefix("sess_"))

    async def conversations(self, *, page: int = 1, size: int = 20) -> Page:
        data = (await self.ask("GET", f"/chat/sessions?page={page}&page_size={size}"))["data"]
        found = [UUID(item["session_id"].removeprefix("sess_")) for item in data["sessions"]]
        return Page(found, data["pagination"]["total"])

    async def messages(self, conversation: UUID) -> list[tuple[str, str]]:
        return (await self.page_of(conversation, page=1, size=100)).items[::-1]

    async def page_of(self, conversation: UUID, *, page: int | str, size: int) -> Page:
        path = f"/chat/sessions/{await self.called(conversation)}/messages?page={page}&page_size={size}"
        data = (await self.ask("GET", path))["data"]
        return Page([(item["role"], item["content"]) for item in data["messages"]], data["pagination"]["total"])

    async def delete(self, conversation: UUID) -> None:
        await self.ask("DELETE", f"/chat/sessions/{await self.called(conversation)}")
