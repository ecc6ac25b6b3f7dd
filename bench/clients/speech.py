"""How a stream is asked for, and what ends it: of the vendor itself, and of each contract."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import orjson

Kind = Literal["direct", "sse", "socket", "chat_system", "lyss", "llmchat", "coze", "openai", "completion"]
"""`sse` and `socket` are ChatGPT Backend's; `completion` is OpenAI's without a conversation, `openai` with one."""


@dataclass(frozen=True, slots=True)
class Seat:
    """Who sends where. All is empty for the vendor itself."""

    token: str = ""
    conversation: str = ""
    number: int = 0
    """The conversation's, where a contract has numbers."""


@dataclass(frozen=True, slots=True)
class Order:
    kind: Kind
    host: str
    port: int
    model: str
    """For the vendor alone; the platform's default is the same."""
    deltas: int | None
    """How many each stream is to bring; None is any number."""
    max_tokens: int
    """Of a message, where its contract lets one say so; the conversation says the same."""
    seconds: float
    """How long one takes by itself."""
    ramp: float
    """Seconds over which the streams are opened."""
    seats: tuple[Seat, ...]


@dataclass(frozen=True, slots=True)
class Speech:
    path: str
    body: Callable[[Order, Seat], dict[str, Any]]
    ends: tuple[bytes, ...]
    is_socket: bool = False
    """The body is a frame of a socket at that path."""

    def address(self, seat: Seat) -> str:
        return self.path.format(conversation=seat.conversation, hex=seat.conversation.replace("-", ""))


_MESSAGES = [{"role": "user", "content": "hello"}]


def _direct(order: Order, _seat: Seat) -> dict[str, Any]:
    return {**_completion(order, _seat), "stream_options": {"include_usage": True}}


def _completion(order: Order, _seat: Seat) -> dict[str, Any]:
    return {"model": order.model, "messages": _MESSAGES, "stream": True, "max_tokens": order.max_tokens}


def _openai(order: Order, seat: Seat) -> dict[str, Any]:
    return {**_completion(order, seat), "metadata": {"conversation_id": seat.conversation}}


def _chatgpt(order: Order, _seat: Seat) -> dict[str, Any]:
    return {"content": "hello", "max_tokens": order.max_tokens}


def _chatgpt_frame(order: Order, seat: Seat) -> dict[str, Any]:
    return {"type": "chat_message", "conversation_id": seat.conversation, **_chatgpt(order, seat)}


def _chat_system_frame(_order: Order, _seat: Seat) -> dict[str, Any]:
    return {"type": "send_message", "data": {"content": "hello", "content_type": "text"}}


def _lyss(order: Order, seat: Seat) -> dict[str, Any]:
    return {"messages": _MESSAGES, "conversation_id": seat.number, "max_tokens": order.max_tokens}


def _llmchat(order: Order, seat: Seat) -> dict[str, Any]:
    config = {"maxTokens": order.max_tokens}
    return {"messages": _MESSAGES, "sessionId": seat.conversation, "stream": True, "config": config}


def _coze(_order: Order, seat: Seat) -> dict[str, Any]:
    return {"message": "hello", "session_id": seat.conversation, "conversation_id": f"conv_{UUID(seat.conversation).hex}"}


_DONE = (b"data: [DONE]", b'data: {"error":')
SPEECHES: dict[Kind, Speech] = {
    "direct": Speech("/v1/chat/completions", _direct, _DONE),
    "sse": Speech("/api/v1/conversations/{conversation}/messages/stream", _chatgpt, (b'"type":"end"', b'"type":"error"')),
    "socket": Speech("/api/v1/ws/chat", _chatgpt_frame, (b'"type":"message_end"', b'"type":"error"'), is_socket=True),
    "chat_system": Speech(
        "/api/v1/chat/sessions/sess_{hex}/stream", _chat_system_frame, (b'"type":"stream_end"', b'"type":"error"'), is_socket=True
    ),
    "lyss": Speech("/lyss/api/v1/chat/stream", _lyss, (b'"type":"end"', b'"type":"error"')),
    "llmchat": Speech("/api/chat/completions", _llmchat, (b'"type":"end"', b'"type":"error"')),
    "coze": Speech("/chat/stream", _coze, (b'"type":"complete"', b'"type":"error"')),
    "openai": Speech("/v1/chat/completions", _openai, _DONE),
    "completion": Speech("/v1/chat/completions", _completion, _DONE),
}
"""What stands behind an end says the text once more, in some."""


def request(order: Order, seat: Seat) -> bytes:
    """What is sent first: the message, or the handshake of its socket."""
    speech = SPEECHES[order.kind]
    address, host = speech.address(seat), f"Host: {order.host}:{order.port}\r\nAuthorization: Bearer {seat.token}"
    if speech.is_socket:
        key = base64.b64encode(os.urandom(16)).decode()
        return (
            f"GET {address} HTTP/1.1\r\n{host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
        ).encode()
    payload = orjson.dumps(speech.body(order, seat))
    head = (
        f"POST {address} HTTP/1.1\r\n{host}\r\n"
        f"Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def message_frame(order: Order, seat: Seat) -> bytes:
    """The message through a socket: a masked text frame; a mask of zeros leaves the bytes as they are."""
    payload = orjson.dumps(SPEECHES[order.kind].body(order, seat))
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x81" + length + b"\x00\x00\x00\x00" + payload
