"""The shapes of what goes over streams, for the OpenAPI document only. `stream.py` makes them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from chatplatform.contracts.llmchat.errors import ERRORS
from chatplatform.contracts.llmchat.schemas import Usage
from chatplatform.contracts.openapi.describing import always, one_of, shape


def _stream_frames() -> Any:
    """The data of the server-sent events."""
    names: dict[str, Any] = {"sessionId": s.UUIDField(), "messageId": s.UUIDField(), "turnId": s.UUIDField()}
    start = shape(
        "StartEvent",
        "`event: start`: the answer begins. The turn's name is for stopping it, and for reading it again.",
        type=always("start"),
        **names,
        model=s.CharField(),
    )
    text = shape("TextEvent", "`event: chunk`: a piece of the answer.", type=always("text"), content=s.CharField())
    end = shape(
        "EndEvent",
        "`event: end`: the answer is complete, or was stopped.",
        type=always("end"),
        **names,
        usage=Usage(),
        finishReason=s.CharField(required=False),
        model=s.CharField(required=False),
        stopped=s.BooleanField(required=False),
    )
    error = shape(
        "ErrorEvent",
        "`event: error`: the answer failed; what there is of it is kept.",
        type=always("error"),
        code=s.ChoiceField(choices=ERRORS.codes()),
        message=s.CharField(),
        **names,
    )
    return one_of("StreamEvent", start=start, text=text, end=end, error=error)


STREAM = _stream_frames()
