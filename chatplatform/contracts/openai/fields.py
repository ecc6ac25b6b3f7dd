"""Values that are of one JSON type or another, refused with OpenAI's name of the place: `messages[0].content[1].type`."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chatplatform.contracts.openai.errors import UnsupportedParameter
from chatplatform.core.errors import InvalidInput
from providers.base import PromptMessage

MOST_MESSAGES = 2_000
MOST_STOPS = 4
LONGEST_STOP = 200  # characters
MOST_PAIRS = 16
LONGEST_NAME = 64
LONGEST_VALUE = 512
LONGEST_STORED = 100_000
"""Characters of a message in a conversation that is kept."""
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
"""OpenAI's newer name of the instructions is every vendor's older one."""
_KINDS_OF_TEXT = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
"""Parts, and where their text is."""
_TEXT = {"type": "string", "pattern": r"^[^\u0000]*$"}
_VISIBLE_TEXT = {"type": "string", "pattern": r"^[^\u0000]*[^\s\u0000-\u001f\u007f-\u009f\ufeff][^\u0000]*$"}
_PARTS = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "properties": {"type": {"type": "string", "enum": ["text"]}, "text": _TEXT},
        "required": ["type", "text"],
    },
}
_MESSAGE = {
    "type": "object",
    "properties": {"role": {"type": "string", "enum": sorted(_ROLES)}, "content": {"oneOf": [_TEXT, _PARTS]}},
    "required": ["role", "content"],
}
_USERS_MESSAGE = {
    "type": "object",
    "properties": {
        "role": {"type": "string", "enum": ["user"]},
        "content": _VISIBLE_TEXT,
    },
    "required": ["role", "content"],
}
_ITEM = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["message"]},
        "role": {"type": "string", "enum": sorted(_ROLES)},
        "content": {**_VISIBLE_TEXT, "maxLength": LONGEST_STORED},
    },
    "required": ["role", "content"],
}


@extend_schema_field({"type": "array", "minItems": 1, "maxItems": MOST_MESSAGES, "items": _MESSAGE, "contains": _USERS_MESSAGE})
class PromptField(serializers.Field[Any, Any, Any, Any]):
    """Messages, as a model is given them. (No serializer a message: clients send long conversations again and again.)"""

    def to_internal_value(self, data: Any) -> tuple[PromptMessage, ...]:
        if not isinstance(data, list) or not 0 < len(data) <= MOST_MESSAGES:
            raise InvalidInput(field="messages", issue=_("Must be a list of 1 to %(most)d messages.") % {"most": MOST_MESSAGES})
        messages = tuple(_message(f"messages[{number}]", message) for number, message in enumerate(data))
        if not any(message.role == "user" and message.content.strip() for message in messages):
            raise InvalidInput(field="messages", issue=_("There must be a message of the user's."))
        return messages


def _message(place: str, message: Any) -> PromptMessage:
    if not isinstance(message, dict):
        raise InvalidInput(field=place, issue=_("Must be a JSON object."))
    role = message.get("role")
    if role in ("tool", "function"):
        raise UnsupportedParameter(field=f"{place}.role", issue=_("There are no tools here."))
    if not isinstance(role, str) or role not in _ROLES:
        raise InvalidInput(field=f"{place}.role", issue=_("There is no such role."))
    for name in ("tool_calls", "function_call", "audio"):
        if message.get(name):
            raise UnsupportedParameter(field=f"{place}.{name}", issue=_("There are no tools here."))
    return PromptMessage(_ROLES[role], _content(f"{place}.content", message.get("content")))


def _content(place: str, content: Any) -> str:
    """A text, or several text parts as one."""
    if isinstance(content, str):
        return _unicode(place, content)
    if not isinstance(content, list) or not content:
        raise InvalidInput(field=place, issue=_("Must be a string, or a list of parts."))
    return "".join(_part(f"{place}[{number}]", part) for number, part in enumerate(content))


def _part(place: str, part: Any) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(kind, str):
        raise InvalidInput(field=place, issue=_("Must be a part with a type."))
    if kind not in _KINDS_OF_TEXT:
        raise UnsupportedParameter(field=f"{place}.type", issue=_("Only text is understood here."))
    text = part.get(_KINDS_OF_TEXT[kind])
    if not isinstance(text, str):
        raise InvalidInput(field=f"{place}.{_KINDS_OF_TEXT[kind]}", issue=_("Must be a string."))
    return _unicode(place, text)


def _unicode(place: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field=place, issue=_("Must be valid Unicode text.")) from None
    return text


MOST_ITEMS = 20


@extend_schema_field({"type": "array", "maxItems": MOST_ITEMS, "items": _ITEM})
class ItemsField(serializers.Field[Any, Any, Any, Any]):
    """Messages as the items of a conversation."""

    def to_internal_value(self, data: Any) -> tuple[PromptMessage, ...]:
        if not isinstance(data, list) or len(data) > MOST_ITEMS:
            raise InvalidInput(field="items", issue=_("Must be a list of at most %(most)d items.") % {"most": MOST_ITEMS})
        return tuple(_item(f"items[{number}]", item) for number, item in enumerate(data))


def _item(place: str, item: Any) -> PromptMessage:
    kind = item.get("type", "message") if isinstance(item, dict) else "message"
    if kind != "message":
        raise UnsupportedParameter(field=f"{place}.type", issue=_("Only messages are understood here."))
    message = _message(place, item)
    if not message.content.strip() or len(message.content) > LONGEST_STORED:
        issue = _("Must be a text of at most %(most)d characters.") % {"most": LONGEST_STORED}
        raise InvalidInput(field=f"{place}.content", issue=issue)
    return message


_STOP = {**_TEXT, "minLength": 1, "maxLength": LONGEST_STOP}


@extend_schema_field({"oneOf": [_STOP, {"type": "array", "maxItems": MOST_STOPS, "items": _STOP}]})
class StopField(serializers.Field[Any, Any, Any, Any]):
    """A text at which the answer ends, or some."""

    def to_internal_value(self, data: Any) -> tuple[str, ...]:
        stops = [data] if isinstance(data, str) else data
        if not isinstance(stops, list) or len(stops) > MOST_STOPS:
            self._refuse()
        for stop in stops:
            if not isinstance(stop, str) or not 0 < len(stop) <= LONGEST_STOP:
                self._refuse()
            _unicode("stop", stop)
        return tuple(stops)

    def _refuse(self) -> None:
        raise InvalidInput(
            field="stop",
            issue=_("Must be a text of 1 to %(longest)d characters, or at most %(most)d of them.")
            % {"longest": LONGEST_STOP, "most": MOST_STOPS},
        )


@extend_schema_field(
    {
        "type": "object",
        "maxProperties": MOST_PAIRS,
        "propertyNames": {"maxLength": LONGEST_NAME},
        "additionalProperties": {**_TEXT, "maxLength": LONGEST_VALUE},
    }
)
class MetadataField(serializers.Field[Any, Any, Any, Any]):
    """The client's own names and texts."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        sound = isinstance(data, dict) and len(data) <= MOST_PAIRS
        if not sound or not all(len(name) <= LONGEST_NAME and _is_value(value) for name, value in data.items()):
            raise InvalidInput(
                field="metadata",
                issue=_("Must be at most %(most)d names of %(name)d characters with texts of %(value)d.")
                % {"most": MOST_PAIRS, "name": LONGEST_NAME, "value": LONGEST_VALUE},
            )
        return dict(data)


def _is_value(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_VALUE


MOST_TEXTS = 2_048
_TOKENS = {"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 0}}
_FULL_TEXT = {**_TEXT, "minLength": 1}


@extend_schema_field(
    {
        "oneOf": [
            _FULL_TEXT,
            {"type": "array", "minItems": 1, "maxItems": MOST_TEXTS, "items": _FULL_TEXT},
            _TOKENS,
            {"type": "array", "minItems": 1, "maxItems": MOST_TEXTS, "items": _TOKENS},
        ]
    }
)
class TextsField(serializers.Field[Any, Any, Any, Any]):
    """A text, or several, each written as a string or as tokens of cl100k."""

    def to_internal_value(self, data: Any) -> list[str] | list[list[int]]:
        if isinstance(data, str) or (isinstance(data, list) and data and _is_tokens(data)):
            data = [data]
        if not isinstance(data, list) or not 0 < len(data) <= MOST_TEXTS:
            raise InvalidInput(field="input", issue=_("Must be 1 to %(most)d texts.") % {"most": MOST_TEXTS})
        for number, text in enumerate(data):
            sound = text and (_is_tokens(text) if isinstance(text, list) else isinstance(text, str))
            if not sound or type(text) is not type(data[0]):
                raise InvalidInput(field=f"input[{number}]", issue=_("Must be a text, or a list of tokens."))
            if isinstance(text, str):
                _unicode(f"input[{number}]", text)
        return data


def _is_tokens(value: list[Any]) -> bool:
    return all(type(one) is int for one in value)
