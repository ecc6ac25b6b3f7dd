"""The shapes of what goes over streams, for the OpenAPI document only. `stream.py` makes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from chatplatform.contracts.lyss.schemas import Error
from chatplatform.contracts.openapi.describing import always, one_of, shape


def _stream_frames() -> Any:
    """The data of the server-sent events."""
    names: dict[str, Any] = {"message_id": s.IntegerField(), "turn_id": s.UUIDField()}
    start = shape(
        "StartEvent",
        "The answer begins. The turn's name is for stopping it, and for reading it again.",
        type=always("start"),
        conversation_id=s.IntegerField(),
        **names,
        model=s.CharField(),
    )
    content = shape("ContentEvent", "A piece of the answer.", type=always("content"), content=s.CharField())
    end = shape(
        "EndEvent",
        "The answer is complete, or was stopped.",
        type=always("end"),
        **names,
        tokens_used=s.IntegerField(min_value=0),
        cost=s.FloatField(allow_null=True, help_text="USD; null where nobody knows the price."),
        cached=s.BooleanField(),
        finish_reason=s.CharField(required=False),
        model=s.CharField(required=False),
        stopped=s.BooleanField(required=False),
    )
    error = shape("ErrorEvent", "The answer failed; what there is of it is kept.", type=always("error"), error=Error(), **names)
    return one_of("StreamEvent", start=start, content=content, end=end, error=error)


STREAM = _stream_frames()
