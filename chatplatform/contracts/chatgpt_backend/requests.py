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
    MomentField,
    NumberField,
    TextField,
    WholeNumberField,
)
from conversations.turns.request import TurnRequest

LONGEST_MESSAGE = 10_000  # characters
LONGEST_TITLE = 200
LONGEST_SYSTEM_MESSAGE = 10_000
LONGEST_PASSWORD = 1_000  # more is refused before it is hashed
LONGEST_MODEL_NAME = 200
LONGEST_TOKEN = 4_096
MOST_TOKENS = 2**31 - 1


class _TwicePassword(serializers.Serializer[Any]):
    """Two fields that must be the same. The rules of a good password are the accounts' own."""

    twice = "password"

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["confirm_password"] != attrs[self.twice]:
            raise serializers.ValidationError({"confirm_password": [_("The two passwords are not the same.")]})
        return attrs


class Registration(_TwicePassword):
    """A new account."""

    username = LineField(min_length=3, max_length=50)
    email = AddressField(max_length=254)
    password = TextField(min_length=8, max_length=LONGEST_PASSWORD)
    confirm_password = TextField(max_length=LONGEST_PASSWORD)
    display_name = LineField(max_length=100, required=False, allow_blank=True, default="")


class Login(serializers.Serializer[Any]):
    username = TextField(max_length=254, help_text=_("The username or the e-mail address."))
    password = TextField(max_length=LONGEST_PASSWORD)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        # A client of a contract that logs in by address may say so here, too.
        if isinstance(data, dict) and "username" not in data and "email" in data:
            data = {**data, "username": data["email"]}
        return dict(super().to_internal_value(data))


class RefreshRequest(serializers.Serializer[Any]):
    refresh_token = TextField(max_length=LONGEST_TOKEN)


class ForgottenPassword(serializers.Serializer[Any]):
    email = AddressField(max_length=254)


class PasswordReset(_TwicePassword):
    """A new password, with the token from the mail."""

    twice = "new_password"
    token = TextField(max_length=LONGEST_TOKEN)
    new_password = TextField(min_length=8, max_length=LONGEST_PASSWORD)
    confirm_password = TextField(max_length=LONGEST_PASSWORD)


class ProfileChange(serializers.Serializer[Any]):
    username = LineField(min_length=3, max_length=50, required=False, allow_null=True, default=None)
    email = AddressField(max_length=254, required=False, allow_null=True, default=None)
    display_name = LineField(max_length=100, required=False, allow_blank=True, allow_null=True, default=None)


class PasswordChange(_TwicePassword):
    """A new password, with the old one."""

    twice = "new_password"
    current_password = TextField(max_length=LONGEST_PASSWORD)
    new_password = TextField(min_length=8, max_length=LONGEST_PASSWORD)
    confirm_password = TextField(max_length=LONGEST_PASSWORD)


class NewApiKey(serializers.Serializer[Any]):
    name = LineField(max_length=100)
    expires_at = MomentField(required=False, allow_null=True, default=None)


class NewConversation(serializers.Serializer[Any]):
    title = LineField(max_length=LONGEST_TITLE, required=False, allow_blank=True, allow_null=True, default="")
    model = LineField(max_length=LONGEST_MODEL_NAME, required=False, allow_null=True, default=None)
    system_message = TextField(max_length=LONGEST_SYSTEM_MESSAGE, required=False, allow_blank=True, allow_null=True, default="")


class ConversationChange(serializers.Serializer[Any]):
    title = LineField(max_length=LONGEST_TITLE, required=False, allow_null=True, default=None)
    is_archived = FlagField(required=False, allow_null=True, default=None)


class MessageChange(serializers.Serializer[Any]):
    content = TextField(max_length=LONGEST_MESSAGE)


class MessageOrder(serializers.Serializer[Any]):
    order = serializers.ChoiceField(choices=["asc", "desc"], required=False, default="desc")


class Send(serializers.Serializer[Any]):
    content = TextField(max_length=LONGEST_MESSAGE)
    role = serializers.ChoiceField(choices=["user"], required=False, default="user")
    model = LineField(max_length=LONGEST_MODEL_NAME, required=False, allow_null=True, default=None)
    temperature = NumberField(min_value=0, max_value=2, required=False, allow_null=True, default=None)
    max_tokens = WholeNumberField(min_value=1, max_value=MOST_TOKENS, required=False, allow_null=True, default=None)
    stream = FlagField(required=False, allow_null=True, default=False)
    client_message_id = TextField(max_length=200, required=False, allow_blank=True, allow_null=True, default="")


class SocketSend(Send):
    conversation_id = IdField()


class SocketTurn(serializers.Serializer[Any]):
    turn_id = IdField()
    after = WholeNumberField(min_value=0, max_value=2**31, required=False, default=0)


def turn_request(sent: dict[str, Any], *, conversation_id: UUID, client_key: str) -> TurnRequest:
    return TurnRequest(
        conversation_id=conversation_id,
        content=sent["content"],
        contract="chatgpt_backend",
        model=sent["model"],
        temperature=sent["temperature"],
        max_tokens=sent["max_tokens"],
        client_key=client_key,
    )
