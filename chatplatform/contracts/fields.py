"""Serializer fields that take a value of their own JSON type only. (DRF's own take `5` for `"5"`, and `true` for 1.)"""

from __future__ import annotations

import unicodedata
from collections.abc import Container
from datetime import datetime
from typing import Any

import orjson
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chatplatform.core.ids import LARGEST_NUMBER, parse_number, parse_prefixed, parse_uuid


class TextField(serializers.CharField):
    """Text as it was written: nothing is trimmed. Blank means only white space."""

    default_error_messages = {"invalid": _("Must be a string."), "surrogate": _("Must be valid Unicode text.")}

    def __init__(self, **options: Any) -> None:
        options.setdefault("trim_whitespace", False)
        super().__init__(**options)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and not self.allow_blank and not data.strip():
            self.fail("blank")
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            data.encode()
        except UnicodeEncodeError:
            self.fail("surrogate")
        return data


class LineField(TextField):
    """Text on one line, without control characters. White space around it is trimmed."""

    default_error_messages = {"control": _("Control characters are not allowed.")}

    def __init__(self, **options: Any) -> None:
        super().__init__(trim_whitespace=True, **options)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data).strip()
        if any(unicodedata.category(character) == "Cc" for character in text):
            self.fail("control")
        return text


class SegmentField(LineField):
    """A name that is also a part of a path."""

    default_error_messages = {"slash": _("It must not have a slash in it.")}

    def to_internal_value(self, data: Any) -> str:
        name = super().to_internal_value(data)
        if "/" in name:
            self.fail("slash")
        return name


class AddressField(LineField):
    """An e-mail address. Whether it is one, the accounts say."""


class MessagesField(serializers.ListField):
    """What was said: a list of objects with a `role` and a `content` that was read from JSON.

    Clients send all of a long conversation with each message. One that is as it should be needs none of the machinery that finds
    out what is wrong, which takes 30 ms for a thousand messages, in the event loop.
    """

    def run_child_validation(self, data: Any) -> Any:
        fields = self.child.fields  # type: ignore[attr-defined]  # a serializer's
        roles, longest = fields["role"].choices, fields["content"].max_length
        if all(_is_plain(message, roles, longest) for message in data):
            return [{"role": message["role"], "content": message["content"]} for message in data]
        return super().run_child_validation(data)


def _is_plain(message: Any, roles: Container[str], longest: int) -> bool:
    if type(message) is not dict:
        return False
    role, content = message.get("role"), message.get("content")
    return type(role) is str and role in roles and type(content) is str and 0 < len(content) <= longest and not content.isspace()


class NumberField(serializers.FloatField):
    default_error_messages = {"invalid": _("Must be a number.")}

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid")
        return float(data)


class WholeNumberField(serializers.IntegerField):
    default_error_messages = {"invalid": _("Must be a whole number.")}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return int(data)


class FlagField(serializers.BooleanField):
    default_error_messages = {"invalid": _("Must be true or false.")}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return bool(data)


class MomentField(serializers.DateTimeField):
    """A time with its zone: without one nobody knows when it is."""

    default_error_messages = {"no_zone": _("The time must be in the future and have a time zone.")}

    def enforce_timezone(self, value: datetime) -> datetime:
        if value.tzinfo is None:
            self.fail("no_zone")
        return super().enforce_timezone(value)


class IdField(serializers.CharField):
    """A UUID, written in full."""

    default_error_messages = {"invalid": _("Must be a UUID.")}

    def to_internal_value(self, data: Any) -> Any:
        found = parse_uuid(data)
        if found is None:
            self.fail("invalid")
        return found


class PrefixedIdField(serializers.CharField):
    """A UUID as `prefixed` writes it: `doc_` and 32 hexadecimal digits."""

    default_error_messages = {"invalid": _("Must be an id that begins with {prefix}_.")}

    def __init__(self, prefix: str, **options: Any) -> None:
        super().__init__(**options)
        self.prefix = prefix

    def to_internal_value(self, data: Any) -> Any:
        found = parse_prefixed(self.prefix, data)
        if found is None:
            self.fail("invalid", prefix=self.prefix)
        return found


class RowNumberField(WholeNumberField):
    """The id of a row in a contract whose ids are numbers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_NUMBER, **options)


class WrittenNumberField(serializers.CharField):
    """The id of a row in a form or a query, where all values are text."""

    default_error_messages = {"invalid": _("Must be a whole number.")}

    def to_internal_value(self, data: Any) -> Any:
        found = parse_number(data) if isinstance(data, str) and data else None
        if found is None:
            self.fail("invalid")
        return found


class ObjectField(serializers.DictField):
    """A JSON object of the client's own, of a bounded size."""

    default_error_messages = {
        "not_a_dict": _("Must be a JSON object."),
        "too_large": _("Must be at most {most} bytes of JSON."),
    }

    def __init__(self, *, most: int, **options: Any) -> None:
        super().__init__(**options)
        self.most = most
        """Bytes."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_a_dict")
        try:
            size = len(orjson.dumps(data))
        except TypeError:  # not Unicode
            self.fail("not_a_dict")
        if size > self.most:
            self.fail("too_large", most=self.most)
        return data
