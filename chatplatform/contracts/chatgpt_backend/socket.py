"""The WebSocket protocol of this contract, at `/api/v1/ws/chat?token=…` (or with the headers of REST).

    client                                                              server
    {type: chat_message, conversation_id, content, …as for a send}      message_start, message_content…, message_end | error
    {type: stop, turn_id}                                               turn_status
    {type: resume, turn_id, after}                                      the turn's events after that number
    {type: ping}                                                        pong

Several conversations may be answered on one socket at a time: each frame names its conversation, message and turn. A bad frame
gets an `error` and leaves the socket open.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from chatplatform.contracts.chatgpt_backend import requests
from chatplatform.contracts.chatgpt_backend.contract import CHATGPT_BACKEND, OTHER_RATE, SEND_RATE
from chatplatform.contracts.chatgpt_backend.errors import ERRORS, error_object
from chatplatform.contracts.chatgpt_backend.stream import usage_object
from chatplatform.contracts.contract import utc, utc_now
from chatplatform.contracts.encoder import TurnEncoder, TurnNames, ending_error
from chatplatform.contracts.errors import WireError
from chatplatform.contracts.incoming import validate
from chatplatform.contracts.names import names_in
from chatplatform.contracts.socket import SocketConsumer, unknown_type
from chatplatform.core.errors import DomainError
from conversations.turns.events import (
    ReferenceFound,
    TextAdded,
    TurnCompleted,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)
from conversations.turns.request import TurnRequest
from conversations.turns.runner import get_runner


class SocketEncoder(TurnEncoder[str]):
    def __init__(self, names: TurnNames) -> None:
        self._ids = {
            "conversation_id": str(names.conversation_id),
            "message_id": str(names.message_id),
            "turn_id": str(names.turn_id),
        }
        # All that is the same in each of a turn's content frames, up to the text.
        ids = orjson.dumps(self._ids).decode()[1:-1]
        self._content = f'{{"type":"message_content",{ids},"n":%d,"timestamp":"%s","content":%s}}'

    def text(self, event: TextAdded) -> str:
        return self._content % (event.n, utc_now(), orjson.dumps(event.text).decode())

    def reference(self, event: ReferenceFound) -> str:
        return ""

    def started(self, event: TurnStarted) -> str:
        more = {"user_message_id": event.user_message_id, "model": event.model}
        return self._frame("message_start", event.n, event.at, more)

    def completed(self, event: TurnCompleted) -> str:
        return self._end(event.n, event.at, event.usage, {"finish_reason": event.finish_reason, "model": event.model})

    def stopped(self, event: TurnStopped) -> str:
        return self._end(event.n, event.at, event.usage, {"stopped": True})

    def failed(self, event: TurnFailed) -> str:
        return self._failure(event)

    def interrupted(self, event: TurnInterrupted) -> str:
        return self._failure(event)

    def _end(self, n: int, at: datetime, usage: TurnUsage, more: dict[str, Any]) -> str:
        return self._frame("message_end", n, at, {"usage": usage_object(usage), **more})

    def _failure(self, event: TurnFailed | TurnInterrupted) -> str:
        error = error_object(WireError.of(ending_error(event), ERRORS))
        return self._frame("error", event.n, event.at, {"error": error})

    def _frame(self, kind: str, n: int, at: datetime, more: dict[str, Any]) -> str:
        return orjson.dumps({"type": kind, **self._ids, "n": n, "timestamp": utc(at), **more}).decode()


class ChatSocket(SocketConsumer):
    contract = CHATGPT_BACKEND
    connect_rate = OTHER_RATE
    send_rate = SEND_RATE

    async def on_frame(self, frame: dict[str, Any]) -> None:
        match frame.get("type"):
            case "chat_message":
                sent = validate(requests.SocketSend, frame)
                request = requests.turn_request(
                    sent, conversation_id=sent["conversation_id"], client_key=sent["client_message_id"] or ""
                )
                self.follow(self._answer(request), frame)
            case "resume":
                asked = validate(requests.SocketTurn, frame)
                self.follow(self._resume(asked["turn_id"], asked["after"]), frame)
            case "stop":
                self.follow(self._stop(validate(requests.SocketTurn, frame)["turn_id"]), frame)
            case "ping":
                await self.tell(orjson.dumps({"type": "pong", "timestamp": utc_now()}).decode())
            case _:
                raise unknown_type()

    async def _answer(self, request: TurnRequest) -> None:
        await self.count_send()
        opened = await get_runner().start_turn(principal=self.principal, request=request)
        await get_runner().wait_first_event(opened.turn_id)
        await self._relay(TurnNames(opened.turn_id, opened.conversation_id, opened.answer_id), after=0)

    async def _resume(self, turn_id: UUID, after: int) -> None:
        view = await get_runner().find_turn(principal=self.principal, turn_id=turn_id)
        await self._relay(names_in(view), after)

    async def _relay(self, names: TurnNames, after: int) -> None:
        frame = SocketEncoder(names).frame
        async with aclosing(get_runner().follow_turn(names.turn_id, after)) as batches:
            async for events in batches:
                for event in events:
                    if text := frame(event):
                        await self.tell(text)

    async def _stop(self, turn_id: UUID) -> None:
        names_in(await get_runner().find_turn(principal=self.principal, turn_id=turn_id))  # a completion is nothing to a socket
        view = await get_runner().stop_turn(principal=self.principal, turn_id=turn_id)
        status = {
            "type": "turn_status",
            "turn_id": view.turn_id,
            "conversation_id": view.conversation_id,
            "message_id": view.message_id,
            "status": view.status,
            "timestamp": utc_now(),
        }
        await self.tell(orjson.dumps(status).decode())

    def error_frame(self, error: DomainError, about: Mapping[str, Any]) -> str:
        """The conversation or turn that the client named comes back, so that it knows which of its frames is meant."""
        named = {
            name: value
            for name in ("conversation_id", "turn_id", "client_message_id")
            if isinstance(value := about.get(name), str) and len(value) <= 200
        }
        body = {"type": "error", "error": error_object(WireError.of(error, ERRORS)), **named, "timestamp": utc_now()}
        return orjson.dumps(body).decode()
