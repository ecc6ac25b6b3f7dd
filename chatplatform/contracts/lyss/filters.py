"""What a list may be narrowed to by query parameters."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django_filters import CharFilter, ChoiceFilter, FilterSet
from drf_spectacular.utils import OpenApiParameter

from accounts.principal import Principal
from chatplatform.contracts.filters import LONGEST_SEARCH, FlagFilter, RowNumberFilter
from conversations import records, search
from conversations.models import Conversation
from providers.models import Kind, Provider, Scope

PAGING = (
    OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}, description="Beyond the last is nothing."),
    OpenApiParameter(
        "page_size", {"type": "integer", "minimum": 1, "default": 20}, description="More than 100 is taken for 100."
    ),
)
CONVERSATION_PARAMETERS = [
    OpenApiParameter("provider_id", int, description="Only those that this provider answers."),
    OpenApiParameter("search", {"type": "string", "maxLength": LONGEST_SEARCH}, description="Words of the title."),
]
PROVIDER_PARAMETERS = [
    OpenApiParameter("scope", str, enum=Scope.values),
    OpenApiParameter("provider_type", str, enum=Kind.values),
    OpenApiParameter("is_active", bool),
]


class ConversationFilter(FilterSet):
    provider_id = RowNumberFilter(method="answered_by")
    search = CharFilter(method="find", max_length=LONGEST_SEARCH, strip=False)

    def __init__(self, query: Any, *, conversations: QuerySet[Conversation], principal: Principal) -> None:
        super().__init__(query, conversations)
        self._principal = principal

    def answered_by(self, conversations: QuerySet[Conversation], _name: str, number: int) -> QuerySet[Conversation]:
        return records.answered_by(conversations=conversations, provider_id=number)

    def find(self, conversations: QuerySet[Conversation], _name: str, text: str) -> QuerySet[Conversation]:
        return search.matching(principal=self._principal, conversations=conversations, text=text, in_titles_only=True)


class ProviderFilter(FilterSet):
    scope = ChoiceFilter(choices=Scope.choices)
    provider_type = ChoiceFilter(field_name="kind", choices=Kind.choices)
    is_active = FlagFilter(field_name="is_active")

    def __init__(self, query: Any, *, providers: QuerySet[Provider]) -> None:
        super().__init__(query, providers)
