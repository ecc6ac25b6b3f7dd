"""What a list may be narrowed to by query parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter, FilterSet
from drf_spectacular.utils import OpenApiParameter

from accounts.principal import Principal
from chatplatform.contracts.filters import LONGEST_SEARCH, FlagFilter
from conversations import search
from conversations.models import Conversation

CONVERSATION_PARAMETERS = [
    OpenApiParameter("archived", bool, description="Include archived conversations.", default=False),
    OpenApiParameter(
        "search",
        {"type": "string", "maxLength": LONGEST_SEARCH},
        description="Words, in Chinese too, that must all be in the title or in one message. The end of a word may be missing.",
    ),
]


def are_given(query: Mapping[str, str]) -> bool:
    """Most lists are asked for without any, and then nothing has to be parsed."""
    return any(parameter.name in query for parameter in CONVERSATION_PARAMETERS)


class ConversationFilter(FilterSet):
    archived = FlagFilter(method="include_archived")
    search = CharFilter(method="find", max_length=LONGEST_SEARCH, strip=False)

    def __init__(self, query: Any, *, conversations: QuerySet[Conversation], principal: Principal) -> None:
        super().__init__({"archived": query.get("archived") or "false", "search": query.get("search")}, conversations)
        self._principal = principal

    def include_archived(self, conversations: QuerySet[Conversation], _name: str, wanted: bool) -> QuerySet[Conversation]:
        return conversations if wanted else conversations.filter(is_archived=False)

    def find(self, conversations: QuerySet[Conversation], _name: str, text: str) -> QuerySet[Conversation]:
        return search.matching(principal=self._principal, conversations=conversations, text=text)
