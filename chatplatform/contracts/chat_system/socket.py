"""The WebSocket protocol of a session, at `/api/v1/chat/sessions/{session_id}/stream?token=…` (or with the headers of REST).

    client                                                  server
    {type: send_message, data: {content, …}, message_id}    stream_start, reference_chunk…, content_chunk…, stream_end | error
    {type: stop, turn_id}                                   turn_status
    {type: resume, turn_id, after}                          the turn's frames after event number `after`
    {type: ping}                                            pong

`message_id` is the client's own name of its message: sent again, it attaches to the same turn. A socket speaks of its own session
only; a turn of another one does not exist here. A bad frame gets an `error` and leaves the socket open.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any
from uuid import UUID

from accounts.principal import Principal
from chatplatform.contracts.chat_system import requests
from chatplatform.contracts.chat_system.contract import CHAT_SYSTEM, OTHER_RATE, SEND_RATE
from chatplatform.contracts.chat_system.errors import ERRORS
from chatplatform.contracts.chat_system.stream import SessionEncoder, error_data, make_frame
from chatplatform.contracts.encoder import TurnNames
from chatplatform.contracts.errors import WireError
from chatplatform.contracts.incoming import validate
from chatplatform.contracts.names import names_in
from chatplatform.contracts.socket import SocketConsumer, unknown_type
from chatplatform.core.errors import DomainError
from chatplatform.core.ids import parse_prefixed, prefixed
from conversations.errors import ConversationNotFound, TurnNotFound
from conversations.records import get_conversation
from conversations.turns.request import TurnRequest, TurnView
from conversations.turns.runner import get_runner

LONGEST_NAME = 200
"""Characters of what a client named that an error gives back."""


class SocketEncoder(SessionEncoder[tuple[str, ...]]):
    def write(self, n: int, *frames: str) -> tuple[str, ...]:
        return frames


class SessionSocket(SocketConsumer):
    contract = CHAT_SYSTEM
    connect_rate = OTHER_RATE
    send_rate = SEND_RATE

    conversation_id: UUID

    def check_place(self, principal: Principal) -> None:
        named = parse_prefixed("sess", self.parts["session_id"])
        if named is None:
            raise ConversationNotFound
        self.conversation_id = get_conversation(principal=principal, conversation_id=named).uuid

    async def on_frame(self, frame: dict[str, Any]) -> None:
        match frame.get("type"):
            case "send_message":
                sent = validate(requests.SocketSend, frame)
                request = requests.turn_request(
                    sent["data"],
                    conversation_id=self.conversation_id,
                    client_key=sent["message_id"] or sent["data"]["client_message_id"] or "",
                )
                self.follow(self._answer(request), frame)
            case "resume":
                asked = validate(requests.SocketTurn, frame)
                self.follow(self._resume(asked["turn_id"], asked["after"]), frame)
            case "stop":
                self.follow(self._stop(validate(requests.SocketTurn, frame)["turn_id"]), frame)
            case "ping":
                await self._say("pong")
            case _:
                raise unknown_type()

    async def _answer(self, request: TurnRequest) -> None:
        await self.count_send()
        opened = await get_runner().start_turn(principal=self.principal, request=request)
        await get_runner().wait_first_event(opened.turn_id)
        await self._relay(TurnNames(opened.turn_id, opened.conversation_id, opened.answer_id), after=0)

    async def _resume(self, turn_id: UUID, after: int) -> None:
        view = await self._find(turn_id)
        await self._relay(names_in(view), after)

    async def _relay(self, names: TurnNames, after: int) -> None:
        encoder = SocketEncoder(names)
        async with aclosing(get_runner().follow_turn(names.turn_id, encoder.start_after(after))) as batches:
            async for events in batches:
                for event in events:
                    for text in encoder.frame(event):
                        await self.tell(text)

    async def _stop(self, turn_id: UUID) -> None:
        await self._find(turn_id)
        view = await get_runner().stop_turn(principal=self.principal, turn_id=turn_id)
        message_id = prefixed("msg", names_in(view).message_id)
        await self._say("turn_status", message_id=message_id, turn_id=str(view.turn_id), status=view.status)

    async def _find(self, turn_id: UUID) -> TurnView:
        view = await get_runner().find_turn(principal=self.principal, turn_id=turn_id)
        if view.conversation_id != self.conversation_id:
            raise TurnNotFound
        return view

    async def _say(self, kind: str, **data: Any) -> None:
        await self.tell(make_frame(kind, {"session_id": self.parts["session_id"], **data}))

    def error_frame(self, error: DomainError, about: Mapping[str, Any]) -> str:
        """What the client named comes back, so that it knows which of its frames is meant."""
        named = {
            ours: value
            for ours, theirs in (("client_message_id", "message_id"), ("turn_id", "turn_id"))
            if isinstance(value := about.get(theirs), str) and len(value) <= LONGEST_NAME
        }
        data = {"session_id": self.parts["session_id"], **named, **error_data(WireError.of(error, ERRORS))}
        return make_frame("error", data)
