"""Our serializer fields as JSON Schema: what they take, as far as a schema can say it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiSerializerFieldExtension

from chatplatform.core.ids import LARGEST_NUMBER

_CHARACTER = r"[^\u0000]"
_LINE_CHARACTER = r"[^\u0000-\u001f\u007f-\u009f]"
_SEGMENT_CHARACTER = r"[^/\u0000-\u001f\u007f-\u009f]"
_VISIBLE = r"[^\s\u0000-\u001f\u007f-\u009f\ufeff]"


def _pattern(character: str, *, allow_blank: bool) -> str:
    return f"^{character}*$" if allow_blank else f"^{character}*{_VISIBLE}{character}*$"


class TextFieldSchema(OpenApiSerializerFieldExtension):
    """Text without NUL; not only white space, unless it may be blank."""

    target_class = "chatplatform.contracts.fields.TextField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": _pattern(_CHARACTER, allow_blank=self.target.allow_blank)}


class LineFieldSchema(OpenApiSerializerFieldExtension):
    """The same without control characters."""

    target_class = "chatplatform.contracts.fields.LineField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": _pattern(_LINE_CHARACTER, allow_blank=self.target.allow_blank)}


class SegmentFieldSchema(OpenApiSerializerFieldExtension):
    """The same without slashes."""

    target_class = "chatplatform.contracts.fields.SegmentField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{_SEGMENT_CHARACTER}*$"}


class AddressFieldSchema(OpenApiSerializerFieldExtension):
    target_class = "chatplatform.contracts.fields.AddressField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "format": "email"}


class IdFieldSchema(OpenApiSerializerFieldExtension):
    target_class = "chatplatform.contracts.fields.IdField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "format": "uuid"}


class WrittenNumberFieldSchema(OpenApiSerializerFieldExtension):
    target_class = "chatplatform.contracts.fields.WrittenNumberField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER}


class PrefixedIdFieldSchema(OpenApiSerializerFieldExtension):
    target_class = "chatplatform.contracts.fields.PrefixedIdField"

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.target.prefix}_[0-9a-f]{{32}}$"}
