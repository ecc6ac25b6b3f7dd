"""The shapes of what goes over streams, for the OpenAPI document only. `stream.py` makes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from chatplatform.contracts.openapi.describing import always, one_of, shape


def _stream_frames() -> Any:
    """The data of the server-sent events."""
    names: dict[str, Any] = {
        "session_id": s.CharField(required=False, help_text="Not there when the turn is read again by its own name."),
        "conversation_id": s.CharField(),
        "message_id": s.CharField(),
        "turn_id": s.UUIDField(),
    }
    chunk = shape(
        "ChunkData",
        content=s.CharField(trim_whitespace=False),
        chunk_index=s.IntegerField(min_value=0),
        total_chunks=s.IntegerField(min_value=1, help_text="Those that are known so far."),
    )
    complete = shape(
        "CompleteData",
        total_chunks=s.IntegerField(min_value=0),
        full_content=s.CharField(allow_blank=True, trim_whitespace=False),
        **names,
        finish_reason=s.CharField(required=False),
        model=s.CharField(required=False),
        stopped=s.BooleanField(required=False),
    )
    error = shape("ErrorData", message=s.CharField(), **names)
    return one_of(
        "StreamEvent",
        chunk=shape("ChunkEvent", "A piece of the answer.", type=always("chunk"), data=chunk()),
        complete=shape(
            "CompleteEvent",
            "The whole answer once more. It is complete, or was stopped.",
            type=always("complete"),
            data=complete(),
        ),
        error=shape("ErrorEvent", "The answer failed; what there is of it is kept.", type=always("error"), data=error()),
    )


STREAM = _stream_frames()
