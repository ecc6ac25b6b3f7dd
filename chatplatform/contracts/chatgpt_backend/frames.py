"""The shapes of what goes over streams and sockets, for the OpenAPI document only. `stream.py` and `socket.py` make them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from chatplatform.contracts.chatgpt_backend import requests
from chatplatform.contracts.chatgpt_backend.examples import FRAMES
from chatplatform.contracts.chatgpt_backend.schemas import Error, Usage
from chatplatform.contracts.openapi.describing import SocketFrames, always, client_frames, one_of, shape
from conversations.models import Turn


def _stream_frames() -> Any:
    """The data of the server-sent events."""
    names: dict[str, Any] = {"turn_id": s.UUIDField(), "message_id": s.UUIDField()}
    start = shape(
        "StartEvent",
        "The answer begins. The turn's name is for stopping it, and for reading it again.",
        type=always("start"),
        **names,
        conversation_id=s.UUIDField(),
        user_message_id=s.UUIDField(allow_null=True),
        model=s.CharField(),
    )
    content = shape("ContentEvent", "A piece of the answer.", type=always("content"), content=s.CharField())
    end = shape(
        "EndEvent",
        "The answer is complete, or was stopped.",
        type=always("end"),
        usage=Usage(),
        **names,
        finish_reason=s.CharField(required=False),
        model=s.CharField(required=False),
        stopped=s.BooleanField(required=False),
    )
    error = shape("ErrorEvent", "The answer failed; what there is of it is kept.", type=always("error"), error=Error(), **names)
    return one_of("StreamEvent", start=start, content=content, end=end, error=error)


def _client_frames() -> Any:
    kinds = {
        "chat_message": (requests.SocketSend, "Sends a message: as by HTTP, with the conversation's name."),
        "stop": (requests.SocketTurn, "Stops a turn."),
        "resume": (requests.SocketTurn, "Asks for a turn's events after one of them, whoever began it."),
        "ping": (s.Serializer, "Asks for a `pong`."),
    }
    return client_frames(kinds)


def _server_frames() -> Any:
    timestamp = s.DateTimeField()
    ids: dict[str, Any] = {name: s.UUIDField() for name in ("conversation_id", "message_id", "turn_id")}
    of_turn: dict[str, Any] = {**ids, "n": s.IntegerField(min_value=1, help_text="The event's number."), "timestamp": timestamp}
    named: dict[str, Any] = {
        name: s.CharField(required=False) for name in ("conversation_id", "message_id", "turn_id", "client_message_id")
    }
    shapes = {
        "message_start": shape(
            "MessageStart",
            "An answer begins.",
            type=always("message_start"),
            **of_turn,
            user_message_id=s.UUIDField(allow_null=True),
            model=s.CharField(),
        ),
        "message_content": shape(
            "MessageContent", "A piece of an answer.", type=always("message_content"), **of_turn, content=s.CharField()
        ),
        "message_end": shape(
            "MessageEnd",
            "An answer is complete, or was stopped.",
            type=always("message_end"),
            **of_turn,
            usage=Usage(),
            finish_reason=s.CharField(required=False),
            model=s.CharField(required=False),
            stopped=s.BooleanField(required=False),
        ),
        "turn_status": shape(
            "TurnStatus",
            "How a turn is after `stop`.",
            type=always("turn_status"),
            **ids,
            status=s.ChoiceField(choices=Turn.State.values),
            timestamp=timestamp,
        ),
        "error": shape(
            "ErrorFrame",
            "A frame was refused, or an answer failed. It carries what the client named, so that it knows which.",
            type=always("error"),
            error=Error(),
            **named,
            n=s.IntegerField(required=False, min_value=1),
            timestamp=timestamp,
        ),
        "pong": shape("Pong", type=always("pong"), timestamp=timestamp),
    }
    return one_of("ServerFrame", **shapes)


STREAM = _stream_frames()
SOCKET = SocketFrames(client=_client_frames(), server=_server_frames(), examples=FRAMES)
