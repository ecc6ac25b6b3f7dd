"""What a list may be narrowed to by query parameters, and its pages."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from chatplatform.contracts.fields import TextField
from chatplatform.contracts.filters import LONGEST_SEARCH
from chatplatform.core.ids import parse_number

SESSIONS_A_PAGE = 20
MESSAGES_A_PAGE = 50


class _TopicNumber(serializers.CharField):
    default_error_messages = {"invalid": _("Must be a whole number of at least 1.")}

    def to_internal_value(self, data: Any) -> Any:
        number = parse_number(data)
        if number is None:
            self.fail("invalid")
        return number


class SessionFilter(serializers.Serializer[Any]):
    """An empty parameter is none."""

    topic_id = _TopicNumber(required=False, allow_blank=True, default=None)
    status = serializers.ChoiceField(choices=["active", "archived", "deleted"], required=False, allow_blank=True, default="")
    search = TextField(max_length=LONGEST_SEARCH, required=False, allow_blank=True, default="")


SESSION_PARAMETERS = (
    OpenApiParameter("topic_id", {"type": "integer", "minimum": 1}, description="Only those that answer from this topic."),
    OpenApiParameter("status", str, enum=["active", "archived", "deleted"], description="Without it those that are not deleted."),
    OpenApiParameter("search", {"type": "string", "maxLength": LONGEST_SEARCH}, description="Words of the title."),
)


def paging(default_size: int) -> tuple[OpenApiParameter, ...]:
    return (
        OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}, description="Beyond the last is nothing."),
        OpenApiParameter(
            "page_size",
            {"type": "integer", "minimum": 1, "default": default_size},
            description="More than 100 is taken for 100.",
        ),
    )
