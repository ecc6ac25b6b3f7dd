"""The shapes of what goes over a session's socket, with an example of each, for the OpenAPI document only. `stream.py` and
`socket.py` make them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from chatplatform.contracts.chat_system import requests
from chatplatform.contracts.chat_system.errors import ERRORS
from chatplatform.contracts.chat_system.stream import GENERATION_FAILED
from chatplatform.contracts.openapi.describing import SocketFrames, always, client_frames, one_of, shape
from conversations.models import Turn


def _client_frames() -> Any:
    kinds = {
        "send_message": (requests.SocketSend, "Sends a message: `data` is as by HTTP."),
        "stop": (requests.SocketTurn, "Stops a turn of this session."),
        "resume": (requests.SocketTurn, "Asks for a turn's frames after one of its events."),
        "ping": (s.Serializer, "Asks for a `pong`."),
    }
    return client_frames(kinds)


def _server_frames() -> Any:
    session: dict[str, Any] = {"session_id": s.CharField()}
    of_turn: dict[str, Any] = {
        **session,
        "message_id": s.CharField(help_text="The answer's."),
        "turn_id": s.UUIDField(),
        "n": s.IntegerField(min_value=1, help_text="The event's number."),
    }
    reference = shape(
        "StreamedReference",
        "A passage that the answer was given to read, as it was then.",
        reference_id=s.CharField(),
        document_id=s.CharField(),
        chunk_id=s.CharField(),
        excerpt=s.CharField(),
        relevance_score=s.FloatField(min_value=0, max_value=1),
        document_title=s.CharField(allow_blank=True),
        display_order=s.IntegerField(min_value=1, help_text="Its marker in the answer: `[1]`."),
        start_char=s.IntegerField(min_value=0),
        end_char=s.IntegerField(min_value=0),
        page_number=s.IntegerField(allow_null=True),
    )

    def framed(name: str, kind: str, doc: str, **data: Any) -> Any:
        return shape(name, doc, type=always(kind), data=shape(f"{name}Data", **data)(), timestamp=s.DateTimeField())

    shapes = {
        "stream_start": framed(
            "StreamStart",
            "stream_start",
            "An answer begins.",
            **of_turn,
            user_message_id=s.CharField(allow_null=True, help_text="Null: it was deleted since."),
            model=s.CharField(),
        ),
        "reference_chunk": framed(
            "ReferenceChunk", "reference_chunk", "A passage; all of them come before the text.", **of_turn, reference=reference()
        ),
        "content_chunk": framed(
            "ContentChunk",
            "content_chunk",
            "A piece of an answer. The last one has no text.",
            **of_turn,
            chunk_index=s.IntegerField(min_value=1),
            content=s.CharField(allow_blank=True),
            is_final=s.BooleanField(),
        ),
        "stream_end": framed(
            "StreamEnd",
            "stream_end",
            "An answer is complete, or was stopped.",
            **of_turn,
            final_content=s.CharField(allow_blank=True),
            total_tokens=s.IntegerField(allow_null=True, help_text="Null: nobody knows."),
            total_chunks=s.IntegerField(min_value=1, help_text="The last one's `chunk_index`."),
            references_count=s.IntegerField(min_value=0),
            processing_time_ms=s.IntegerField(min_value=0),
            finish_reason=s.CharField(required=False),
            model=s.CharField(required=False),
            stopped=s.BooleanField(required=False),
        ),
        "turn_status": framed(
            "TurnStatus",
            "turn_status",
            "How a turn is after `stop`.",
            **session,
            message_id=s.CharField(),
            turn_id=s.UUIDField(),
            status=s.ChoiceField(choices=Turn.State.values),
        ),
        "error": framed(
            "StreamError",
            "error",
            "A frame was refused, or an answer failed. It carries what the client named, so that it knows which.",
            **session,
            error_code=s.ChoiceField(choices=sorted({*ERRORS.codes(), GENERATION_FAILED})),
            error_message=s.CharField(),
            retry_after=s.IntegerField(min_value=1, allow_null=True, help_text="Seconds. Null: trying again makes no sense."),
            field_errors=s.DictField(child=s.ListField(child=s.CharField())),
            client_message_id=s.CharField(required=False),
            message_id=s.CharField(required=False),
            turn_id=s.CharField(required=False),
            n=s.IntegerField(required=False, min_value=1),
            text_kept=s.BooleanField(required=False),
        ),
        "pong": framed("Pong", "pong", "", **session),
    }
    return one_of("ServerFrame", **shapes)


_SESSION = "sess_550e8400e29b41d4a716446655440001"
_TURN = "550e8400-e29b-41d4-a716-446655440040"
_OF_TURN = {"session_id": _SESSION, "message_id": "msg_550e8400e29b41d4a716446655440022", "turn_id": _TURN}


def _example(kind: str, at: int, **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": data, "timestamp": f"2024-01-15T10:30:{at:02}Z"}


_FRAMES: dict[str, Any] = {
    "ClientSendMessage": {
        "type": "send_message",
        "data": {"content": "什么是深度学习？", "content_type": "text", "metadata": {"stream_response": True}},
        "message_id": "client_msg_123",
    },
    "ClientStop": {"type": "stop", "turn_id": _TURN},
    "ClientResume": {"type": "resume", "turn_id": _TURN, "after": 3},
    "ClientPing": {"type": "ping"},
    "StreamStart": _example(
        "stream_start", 0, **_OF_TURN, n=1, user_message_id="msg_550e8400e29b41d4a716446655440021", model="gpt-4"
    ),
    "ReferenceChunk": _example(
        "reference_chunk",
        0,
        **_OF_TURN,
        n=2,
        reference={
            "reference_id": "ref_550e8400e29b41d4a716446655440061",
            "document_id": "doc_550e8400e29b41d4a716446655440071",
            "chunk_id": "chunk_550e8400e29b41d4a716446655440081",
            "excerpt": "深度学习是一种基于人工神经网络的机器学习方法",
            "relevance_score": 0.92,
            "document_title": "深度学习入门指南",
            "display_order": 1,
            "start_char": 150,
            "end_char": 172,
            "page_number": 5,
        },
    ),
    "ContentChunk": _example(
        "content_chunk", 1, **_OF_TURN, n=3, chunk_index=1, content="深度学习是机器学习的一个", is_final=False
    ),
    "StreamEnd": _example(
        "stream_end",
        2,
        **_OF_TURN,
        n=4,
        final_content="深度学习是机器学习的一个",
        total_tokens=180,
        total_chunks=2,
        references_count=1,
        processing_time_ms=2500,
        finish_reason="stop",
        model="gpt-4",
    ),
    "TurnStatus": _example("turn_status", 2, **_OF_TURN, status="stopped"),
    "StreamError": _example(
        "error",
        10,
        **_OF_TURN,
        n=4,
        error_code=GENERATION_FAILED,
        error_message="模型服务商未能响应。",
        field_errors={},
        text_kept=True,
        retry_after=30,
    ),
    "Pong": _example("pong", 0, session_id=_SESSION),
}

_EVENTS = ("stream_start", "reference_chunk", "content_chunk", "stream_end", "error")
SOCKET = SocketFrames(client=_client_frames(), server=_server_frames(), examples=_FRAMES, events=_EVENTS)
