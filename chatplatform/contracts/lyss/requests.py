"""What clients send, field by field. Unknown keys are ignored."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chatplatform.contracts.fields import (
    FlagField,
    LineField,
    MessagesField,
    NumberField,
    ObjectField,
    RowNumberField,
    TextField,
    WholeNumberField,
)
from conversations.turns.request import TurnRequest
from providers.models import Kind, Scope

LONGEST_MESSAGE = 10_000  # characters
LONGEST_TITLE = 200
LONGEST_PASSWORD = 1_000  # more is refused before it is hashed
LONGEST_MODEL_NAME = 200
LONGEST_TOKEN = 4_096
LONGEST_SYSTEM_MESSAGE = 10_000
MOST_MESSAGES = 1_000
MOST_USERS = 1_000
LARGEST_OBJECT = 16_384  # bytes of JSON


class Registration(serializers.Serializer[Any]):
    username = LineField(min_length=3, max_length=50)
    email = LineField(max_length=254)
    password = TextField(min_length=8, max_length=LONGEST_PASSWORD)
    confirm_password = TextField(max_length=LONGEST_PASSWORD)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["confirm_password"] != attrs["password"]:
            raise serializers.ValidationError({"confirm_password": [_("The two passwords are not the same.")]})
        return attrs


class Login(serializers.Serializer[Any]):
    username = TextField(max_length=254, help_text=_("The username or the e-mail address."))
    password = TextField(max_length=LONGEST_PASSWORD)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        # A client of a contract that logs in by address may say so here, too.
        if isinstance(data, dict) and "username" not in data and "email" in data:
            data = {**data, "username": data["email"]}
        return dict(super().to_internal_value(data))


class RefreshRequest(serializers.Serializer[Any]):
    refresh_token = TextField(max_length=LONGEST_TOKEN, required=False, allow_null=True, default=None)


class NewProvider(serializers.Serializer[Any]):
    name = LineField(max_length=100)
    provider_type = serializers.ChoiceField(choices=Kind.values)
    scope = serializers.ChoiceField(choices=Scope.values, required=False, default=Scope.PERSONAL.value)
    api_key = TextField(max_length=1_000, required=False, allow_blank=True, allow_null=True, default="")
    api_base_url = TextField(max_length=500, required=False, allow_blank=True, allow_null=True, default="")
    config = ObjectField(most=LARGEST_OBJECT, required=False, allow_null=True, default=dict)


class ProviderChange(serializers.Serializer[Any]):
    """Only what is sent is changed."""

    name = LineField(max_length=100, required=False)
    api_key = TextField(max_length=1_000, required=False, allow_blank=True)
    api_base_url = TextField(max_length=500, required=False, allow_blank=True)
    config = ObjectField(most=LARGEST_OBJECT, required=False)
    is_active = FlagField(required=False)
    fallbacks = serializers.ListField(
        child=RowNumberField(), required=False, max_length=20, help_text=_("Ids of the providers to ask when it fails, in order.")
    )


class DefaultProviderChoice(serializers.Serializer[Any]):
    provider_id = RowNumberField(allow_null=True)


class NewDistribution(serializers.Serializer[Any]):
    user_ids = serializers.ListField(child=RowNumberField(), min_length=1, max_length=MOST_USERS)


class NewConversation(serializers.Serializer[Any]):
    title = LineField(max_length=LONGEST_TITLE, required=False, allow_blank=True, allow_null=True, default="")
    provider_id = RowNumberField(required=False, allow_null=True, default=None)
    metadata = ObjectField(most=LARGEST_OBJECT, required=False, allow_null=True, default=dict)


class ConversationChange(serializers.Serializer[Any]):
    title = LineField(max_length=LONGEST_TITLE, required=False, allow_null=True, default=None)
    metadata = ObjectField(most=LARGEST_OBJECT, required=False, allow_null=True, default=None)


class ChatMessage(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=["user", "assistant", "system"])
    content = TextField(max_length=LONGEST_MESSAGE)


class Send(serializers.Serializer[Any]):
    messages = MessagesField(
        child=ChatMessage(),
        min_length=1,
        max_length=MOST_MESSAGES,
        help_text=_("The last one is answered. The earlier ones count in a new conversation only."),
    )
    provider_id = RowNumberField(required=False, allow_null=True, default=None)
    conversation_id = RowNumberField(required=False, allow_null=True, default=None, help_text=_("Without it a new one begins."))
    model = LineField(max_length=LONGEST_MODEL_NAME, required=False, allow_null=True, default=None)
    temperature = NumberField(min_value=0, max_value=2, required=False, allow_null=True, default=None)
    max_tokens = WholeNumberField(min_value=1, required=False, allow_null=True, default=None)
    client_message_id = TextField(max_length=200, required=False, allow_blank=True, allow_null=True, default="")

    def validate_messages(self, messages: list[dict[str, str]]) -> list[dict[str, str]]:
        if messages[-1]["role"] != "user":
            raise serializers.ValidationError(_("The last message must be the user's."))
        if sum(len(message["content"]) for message in messages if message["role"] == "system") > LONGEST_SYSTEM_MESSAGE:
            raise serializers.ValidationError(_("The system messages are too long."))
        return messages


def turn_request(sent: dict[str, Any], *, conversation_id: UUID, client_key: str) -> TurnRequest:
    return TurnRequest(
        conversation_id=conversation_id,
        content=sent["messages"][-1]["content"],
        contract="lyss",
        model=sent["model"],
        temperature=sent["temperature"],
        max_tokens=sent["max_tokens"],
        client_key=client_key,
        provider_id=sent["provider_id"],
    )
