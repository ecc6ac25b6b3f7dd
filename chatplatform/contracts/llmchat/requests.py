"""What clients send, field by field. Unknown keys are ignored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chatplatform.contracts.fields import (
    AddressField,
    FlagField,
    IdField,
    LineField,
    MessagesField,
    NumberField,
    TextField,
    WholeNumberField,
    WrittenNumberField,
)
from conversations.models import Message
from conversations.turns.request import TurnRequest
from providers.models import Agent
from retrieval.models import Document

LONGEST_MESSAGE = 10_000  # characters
LONGEST_SYSTEM_MESSAGE = 10_000
LONGEST_TITLE = 200
LONGEST_PASSWORD = 1_000  # more is refused before it is hashed
LONGEST_TOKEN = 4_096
MOST_MESSAGES = 1_000
MOST_TOKENS = 2**31 - 1


# --- Authentication -----------------------------------------------------------------------------------------------------------


class Registration(serializers.Serializer[Any]):
    """A new account. Its username, for contracts that have one, is made from the address."""

    email = AddressField(max_length=254)
    password = TextField(min_length=8, max_length=LONGEST_PASSWORD)
    name = LineField(
        max_length=100, required=False, allow_blank=True, allow_null=True, default="", help_text=_("As it is shown.")
    )


class Login(serializers.Serializer[Any]):
    email = TextField(max_length=254, help_text=_("The e-mail address or the username."))
    password = TextField(max_length=LONGEST_PASSWORD)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        # A client of a contract that logs in by name may say so here, too.
        if isinstance(data, dict) and "email" not in data and "username" in data:
            data = {**data, "email": data["username"]}
        return dict(super().to_internal_value(data))


class RefreshRequest(serializers.Serializer[Any]):
    refreshToken = TextField(max_length=LONGEST_TOKEN, required=False, allow_null=True, default=None)


# --- Agents -------------------------------------------------------------------------------------------------------------------


class AgentConfig(serializers.Serializer[Any]):
    model = LineField(max_length=200, required=False)
    temperature = NumberField(min_value=0, max_value=2, required=False, allow_null=True)
    maxTokens = WholeNumberField(min_value=1, required=False, allow_null=True)


class AgentChange(serializers.Serializer[Any]):
    """Only what is sent is changed."""

    name = LineField(max_length=100, required=False)
    description = TextField(max_length=2_000, required=False, allow_blank=True)
    category = LineField(max_length=100, required=False, allow_blank=True)
    avatar = LineField(max_length=500, required=False, allow_blank=True)
    status = serializers.ChoiceField(choices=Agent.Status.values, required=False)
    capabilities = serializers.ListField(child=LineField(max_length=100), required=False, max_length=50)
    systemPrompt = TextField(max_length=20_000, required=False, allow_blank=True)
    config = AgentConfig(required=False)


def agent_changes(sent: dict[str, Any]) -> dict[str, Any]:
    """In the domain's words."""
    changes = dict(sent)
    if "systemPrompt" in changes:
        changes["system_prompt"] = changes.pop("systemPrompt")
    if "config" in changes:
        changes["config"] = {"max_tokens" if key == "maxTokens" else key: value for key, value in changes["config"].items()}
    return changes


class AgentFilter(serializers.Serializer[Any]):
    category = LineField(max_length=100, required=False, allow_blank=True, default="")
    provider = LineField(max_length=100, required=False, allow_blank=True, default="")


# --- Chat ---------------------------------------------------------------------------------------------------------------------


class ChatMessage(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Message.Role.values)
    content = TextField(max_length=LONGEST_MESSAGE)


class CompletionConfig(serializers.Serializer[Any]):
    """What is missing, the session's, the agent's or the provider's settings say."""

    model = LineField(max_length=200, required=False, allow_null=True, default=None)
    temperature = NumberField(min_value=0, max_value=2, required=False, allow_null=True, default=None)
    maxTokens = WholeNumberField(min_value=1, max_value=MOST_TOKENS, required=False, allow_null=True, default=None)


class Completion(serializers.Serializer[Any]):
    agentId = IdField(required=False, allow_null=True, default=None, help_text=_("Whom to ask. A new session stays with it."))
    messages = MessagesField(
        child=ChatMessage(),
        min_length=1,
        max_length=MOST_MESSAGES,
        help_text=_("The last one is answered. The earlier ones count in a new session only."),
    )
    stream = FlagField(required=False, allow_null=True, default=False)
    sessionId = IdField(
        required=False, allow_null=True, default=None, help_text=_("Without it, or when nobody has it yet, a new session begins.")
    )
    config = CompletionConfig(required=False, allow_null=True, default=None)
    clientMessageId = TextField(max_length=200, required=False, allow_blank=True, allow_null=True, default="")

    def validate_messages(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        if messages[-1]["role"] != Message.Role.USER:
            raise serializers.ValidationError(_("The last message must be the user's."))
        return _with_a_bounded_system_message(messages)


class Transcript(serializers.Serializer[Any]):
    """All that was said in a session."""

    sessionId = IdField(
        required=False, allow_null=True, default=None, help_text=_("Without it, or when nobody has it yet, a new session begins.")
    )
    title = LineField(max_length=LONGEST_TITLE, required=False, allow_blank=True, allow_null=True, default=None)
    agentId = IdField(required=False, allow_null=True, default=None, help_text=_("Who answers in it."))
    messages = MessagesField(child=ChatMessage(), min_length=1, max_length=MOST_MESSAGES, help_text=_("Oldest first."))

    def validate_messages(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        if not any(message["role"] == Message.Role.USER for message in messages):
            raise serializers.ValidationError(_("There must be a message of the user's."))
        return _with_a_bounded_system_message(messages)


def _with_a_bounded_system_message(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    if sum(len(message["content"]) for message in messages if message["role"] == Message.Role.SYSTEM) > LONGEST_SYSTEM_MESSAGE:
        raise serializers.ValidationError(_("The system messages are too long."))
    return messages


class HistoryFilter(serializers.Serializer[Any]):
    before = IdField(required=False, default=None, help_text=_("Only what was said before this message."))


def pairs(messages: list[dict[str, str]]) -> list[tuple[str, str]]:
    """Role and text, as the domain has them."""
    return [(message["role"], message["content"]) for message in messages]


def turn_request(sent: dict[str, Any], *, conversation_id: UUID, client_key: str) -> TurnRequest:
    config = sent["config"] or {}
    return TurnRequest(
        conversation_id=conversation_id,
        content=sent["messages"][-1]["content"],
        contract="llmchat",
        model=config.get("model"),
        temperature=config.get("temperature"),
        max_tokens=config.get("maxTokens"),
        client_key=client_key,
        agent_id=sent["agentId"],
    )


# --- Files --------------------------------------------------------------------------------------------------------------------


class _InATopic(serializers.Serializer[Any]):
    topicId = WrittenNumberField(required=False, default=None)
    topic_id = WrittenNumberField(required=False, default=None, help_text=_("The same, as it was called first."))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = attrs.pop("topicId")
        return attrs if named is None else attrs | {"topic_id": named}


class Upload(_InATopic):
    """A form (`multipart/form-data`)."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)  # what is wrong with it, the domain says
    type = serializers.ChoiceField(choices=Document.Kind.values, required=False, allow_blank=True, default="")
    description = TextField(max_length=2_000, required=False, allow_blank=True, default="")


class DrawingFile(serializers.Serializer[Any]):
    """A form (`multipart/form-data`)."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)  # what is wrong with it, the domain says


class FileFilter(_InATopic):
    """Of the list."""
