"""What clients send, field by field. Unknown keys are ignored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chatplatform.contracts.fields import (
    FlagField,
    IdField,
    LineField,
    NumberField,
    ObjectField,
    PrefixedIdField,
    RowNumberField,
    TextField,
    WholeNumberField,
)
from chatplatform.core.pages import MAX_PAGE_SIZE
from conversations.preferences import LONGEST_CONTEXT, MOST_TOKENS, SHORTEST_CONTEXT
from conversations.turns.request import TurnRequest

LONGEST_MESSAGE = 10_000  # characters
LONGEST_TITLE = 200
LONGEST_DESCRIPTION = 2_000
LONGEST_MODEL_NAME = 200
LONGEST_REASON = 1_000
LONGEST_QUERY = 2_000
LARGEST_OBJECT = 16_384  # bytes of JSON
MOST_DOCUMENTS = 20
MOST_TYPES = 20
MOST_READERS = 1_000


class ModelConfig(serializers.Serializer[Any]):
    """What is not sent stays as it is; null takes a setting back."""

    model = LineField(max_length=LONGEST_MODEL_NAME, required=False)
    temperature = NumberField(min_value=0, max_value=2, required=False, allow_null=True)
    max_tokens = WholeNumberField(min_value=1, max_value=MOST_TOKENS, required=False, allow_null=True)
    stream = FlagField(required=False, help_text="Kept for the client; it does not change how this interface answers.")


class ContextSettings(serializers.Serializer[Any]):
    """What is not sent stays as it is; null takes a setting back."""

    max_context_length = WholeNumberField(
        min_value=SHORTEST_CONTEXT, max_value=LONGEST_CONTEXT, required=False, allow_null=True, help_text="Tokens."
    )
    include_document_metadata = FlagField(required=False)
    context_window_strategy = serializers.ChoiceField(choices=["sliding", "full"], required=False)
    relevance_threshold = NumberField(min_value=0, max_value=1, required=False)


def _document_ids(**options: Any) -> serializers.ListField:
    return serializers.ListField(
        child=PrefixedIdField("doc"),
        max_length=MOST_DOCUMENTS,
        required=False,
        **options,
        help_text="Documents that are read before each answer, beside the topic's.",
    )


class NewSession(serializers.Serializer[Any]):
    title = LineField(max_length=LONGEST_TITLE, required=False, allow_blank=True, allow_null=True, default="")
    description = TextField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True, allow_null=True, default="")
    topic_id = RowNumberField(required=False, allow_null=True, default=None, help_text="The topic to answer from.")
    document_ids = _document_ids(allow_null=True, default=None)
    model_config = ModelConfig(required=False, allow_null=True, default=dict)
    context_settings = ContextSettings(required=False, allow_null=True, default=dict)


class SessionChange(serializers.Serializer[Any]):
    """Only what is sent is changed."""

    title = LineField(max_length=LONGEST_TITLE, required=False)
    description = TextField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)
    status = serializers.ChoiceField(choices=["active", "archived"], required=False)
    topic_id = RowNumberField(required=False, allow_null=True)
    document_ids = _document_ids()
    model_config = ModelConfig(required=False)
    context_settings = ContextSettings(required=False)


class Send(serializers.Serializer[Any]):
    content = TextField(max_length=LONGEST_MESSAGE)
    content_type = serializers.ChoiceField(choices=["text", "markdown"], required=False, default="text")
    metadata = ObjectField(most=LARGEST_OBJECT, required=False, allow_null=True, default=dict)
    document_ids = _document_ids(allow_null=True, default=None)
    client_message_id = TextField(max_length=200, required=False, allow_blank=True, allow_null=True, default="")


class SocketSend(serializers.Serializer[Any]):
    data = Send()  # type: ignore[assignment]  # a field here, whatever the base calls by this name
    message_id = TextField(
        max_length=200,
        required=False,
        allow_blank=True,
        allow_null=True,
        default="",
        help_text="The client's own name of the message: the same one again attaches to the same turn.",
    )


class SocketTurn(serializers.Serializer[Any]):
    turn_id = IdField()
    after = WholeNumberField(min_value=0, max_value=2**31, required=False, default=0)


class Regeneration(serializers.Serializer[Any]):
    model_config = ModelConfig(required=False, allow_null=True, default=dict)
    regenerate_reason = TextField(max_length=LONGEST_REASON, required=False, allow_blank=True, allow_null=True, default="")


class History(serializers.Serializer[Any]):
    before_message_id = PrefixedIdField("msg", required=False, help_text="Only what was said before it.")
    after_message_id = PrefixedIdField("msg", required=False, help_text="Only what was said after it.")
    role = serializers.ChoiceField(choices=["user", "assistant", "system"], required=False)


class _DateRange(serializers.Serializer[Any]):
    start = serializers.DateField(required=False, allow_null=True, default=None)
    end = serializers.DateField(required=False, allow_null=True, default=None, help_text="This day included.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["start"] and attrs["end"] and attrs["end"] < attrs["start"]:
            raise serializers.ValidationError(_("The end is before the start."))
        return attrs


class _Filters(serializers.Serializer[Any]):
    content_type = serializers.ListField(
        child=LineField(max_length=10),
        max_length=MOST_TYPES,
        required=False,
        allow_null=True,
        default=list,
        help_text="File types, such as pdf or md.",
    )
    date_range = _DateRange(required=False, allow_null=True, default=dict)


class Search(serializers.Serializer[Any]):
    query = TextField(max_length=LONGEST_QUERY)
    topic_id = RowNumberField(required=False, allow_null=True, default=None)
    search_type = serializers.ChoiceField(choices=["hybrid", "semantic", "keyword"], required=False, default="hybrid")
    max_results = WholeNumberField(min_value=1, required=False, default=10, help_text="More than 100 is taken for 100.")
    relevance_threshold = NumberField(min_value=0, max_value=1, required=False, default=0.0)
    filters = _Filters(required=False, allow_null=True, default=dict)

    def validate_max_results(self, most: int) -> int:
        return min(most, MAX_PAGE_SIZE)


class NewTopic(serializers.Serializer[Any]):
    name = LineField(max_length=LONGEST_TITLE)
    description = TextField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True, allow_null=True, default="")


class TopicChange(serializers.Serializer[Any]):
    """Only what is sent is changed."""

    name = LineField(max_length=LONGEST_TITLE, required=False)
    description = TextField(max_length=LONGEST_DESCRIPTION, required=False, allow_blank=True)


class TopicSharing(serializers.Serializer[Any]):
    """With whom the topic is shared from now on. What is not sent is nobody."""

    for_everyone = FlagField(required=False, default=False)
    user_ids = serializers.ListField(child=RowNumberField(), max_length=MOST_READERS, required=False, default=list)


def turn_request(sent: dict[str, Any], *, conversation_id: UUID, client_key: str) -> TurnRequest:
    return TurnRequest(
        conversation_id=conversation_id,
        content=sent["content"],
        content_type=sent["content_type"],
        metadata=sent["metadata"] or {},
        document_ids=tuple(sent["document_ids"] or ()),
        contract="chat_system",
        client_key=client_key,
    )


def regeneration(asked: dict[str, Any], *, conversation_id: UUID, answer_id: UUID, client_key: str) -> TurnRequest:
    config = asked["model_config"] or {}
    reason = asked["regenerate_reason"]
    return TurnRequest(
        conversation_id=conversation_id,
        content="",
        contract="chat_system",
        regenerates=answer_id,
        model=config.get("model"),
        temperature=config.get("temperature"),
        max_tokens=config.get("max_tokens"),
        metadata={"regenerate_reason": reason} if reason else {},
        client_key=client_key,
    )
