"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; tests hold the two together."""

from __future__ import annotations

from rest_framework import serializers as s

from chatplatform.contracts.openapi.describing import NullField, Shape, shape

_MOMENT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$"


def _moment() -> s.Field:
    """In UTC, and without a zone: not what JSON Schema calls a `date-time`."""
    return s.RegexField(_MOMENT)


Start = shape(
    "Start",
    message=s.CharField(),
    name=s.CharField(),
    version=s.CharField(),
    status=s.CharField(),
    docs=s.CharField(),
    redoc=s.CharField(),
    openapi=s.CharField(),
    health=s.CharField(),
    api=s.CharField(),
)
ChatAnswer = shape(
    "ChatAnswer",
    response=s.CharField(allow_blank=True),
    session_id=s.CharField(),
    message_id=s.CharField(),
    timestamp=_moment(),
    conversation_id=s.CharField(),
    turn_id=s.UUIDField(),
    model=s.CharField(),
    stopped=s.BooleanField(),
)
Session = shape(
    "Session",
    session_id=s.CharField(),
    user_id=s.CharField(help_text="What the client calls its user, or who is asking."),
    conversation_id=s.CharField(allow_null=True, help_text="Null: the session was cleared, and the next message begins another."),
    last_activity=_moment(),
    message_count=s.IntegerField(min_value=0),
    status=s.ChoiceField(choices=["active", "cleared"]),
)
Cleared = shape("Cleared", message=s.CharField(), session_id=s.CharField(), cleared_at=_moment())
Failure = shape(
    "Failure", detail=s.CharField(), turn_id=s.UUIDField(required=False, help_text="The turn that is running, or that failed.")
)


def envelope(data: Shape | None) -> Shape:
    """There is none: the data is the answer."""
    return data or shape("Nothing", nothing=NullField(required=False))
