"""What clients send, field by field. Unknown keys are ignored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chatplatform.contracts.fields import LineField, SegmentField, TextField
from chatplatform.core.ids import parse_prefixed, parse_uuid
from conversations.errors import ConversationNotFound

LONGEST_MESSAGE = 10_000  # characters
LONGEST_NAME = 200


class Send(serializers.Serializer[Any]):
    message = TextField(max_length=LONGEST_MESSAGE)
    session_id = SegmentField(
        max_length=LONGEST_NAME, required=False, allow_blank=True, allow_null=True, default="",
        help_text=_("Where one talks, by any name of one's own. Without it a new one is made up and answered."),
    )  # fmt: skip
    user_id = LineField(
        max_length=LONGEST_NAME, required=False, allow_blank=True, allow_null=True, default="",
        help_text=_("What the client calls its user. It grants nothing."),
    )  # fmt: skip
    conversation_id = LineField(
        max_length=LONGEST_NAME, required=False, allow_blank=True, allow_null=True, default="",
        help_text=_("A conversation that is there already, to be continued under this session_id."),
    )  # fmt: skip
    client_message_id = TextField(max_length=200, required=False, allow_blank=True, allow_null=True, default="")


def named_conversation(text: str | None) -> UUID | None:
    """`conv_` or `sess_` and 32 hexadecimal digits, or a bare UUID. None: no conversation is named.

    What is no id at all names one that nobody has: raises ConversationNotFound.
    """
    if not text:
        return None
    found = parse_prefixed("conv", text) or parse_prefixed("sess", text) or parse_uuid(text)
    if found is None:
        raise ConversationNotFound
    return found
