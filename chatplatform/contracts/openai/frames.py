"""The shapes of what goes over streams, for the documents only. `stream.py` makes them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers as s

from chatplatform.contracts.openai.schemas import CREATED, FINISH_REASONS, Error, Metadata, Usage
from chatplatform.contracts.openapi.describing import NullField, always, shape


def _stream_frames() -> Any:
    """The data of the server-sent events, but for the last, which is `[DONE]`."""
    delta = shape(
        "Delta",
        "A piece of the answer; its role in the first chunk; nothing in the last one.",
        role=s.ChoiceField(choices=["assistant"], required=False),
        content=s.CharField(required=False, allow_blank=True),
        refusal=NullField(required=False),
    )
    choice = shape(
        "ChunkChoice",
        index=s.IntegerField(),
        delta=delta(),
        logprobs=NullField(),
        finish_reason=s.ChoiceField(choices=FINISH_REASONS, allow_null=True),
    )
    chunk = shape(
        "ChatCompletionChunk",
        "A piece of the answer. The one without a choice says what it took.",
        id=s.CharField(),
        object=always("chat.completion.chunk"),
        created=CREATED,
        model=s.CharField(),
        system_fingerprint=NullField(),
        choices=choice(many=True),
        usage=Usage(required=False, allow_null=True),
        turn_id=s.UUIDField(required=False),
        metadata=Metadata(required=False),
        stopped=s.BooleanField(required=False),
    )
    failed = shape("FailedChunk", "The answer failed. Nothing follows.", error=Error())
    return PolymorphicProxySerializer(component_name="StreamEvent", serializers=[chunk, failed], resource_type_field_name=None)


STREAM = _stream_frames()
