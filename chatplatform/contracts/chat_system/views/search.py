"""Searching documents."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from chatplatform.contracts.chat_system import requests, responses, schemas
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.native import NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.aio import in_search_thread
from quotas.errors import AllowanceUsedUp
from retrieval.errors import RetrievalFailed, TopicNotFound
from retrieval.search import SearchRequest, search


class SearchViewSet(ContractViewSet):
    tag = "Search"

    @described(
        "search_documents",
        "Search documents",
        request=requests.Search,
        data=schemas.SearchResult,
        errors=(TopicNotFound, RetrievalFailed, AllowanceUsedUp),
    )
    @native
    async def create(self, call: NativeCall) -> NativeAnswer:
        """In all that one may read, or in one topic: by words (`keyword`), by meaning (`semantic`), or by both (`hybrid`).
        Scores are from 0 to 1, and mean the same from query to query."""
        request = search_request(call.parse(requests.Search))
        found = await in_search_thread(search, principal=call.person, request=request)
        return call.answer(responses.search_result(found), _("The documents were searched."))


def search_request(asked: dict[str, Any]) -> SearchRequest:
    filters = asked["filters"] or {}
    dates = filters.get("date_range") or {}
    return SearchRequest(
        query=asked["query"],
        search_type=asked["search_type"],
        topic_ids=None if asked["topic_id"] is None else (asked["topic_id"],),
        most=asked["max_results"],
        threshold=asked["relevance_threshold"],
        extensions=tuple(_extension(name) for name in filters.get("content_type") or ()),
        written_from=dates.get("start"),
        written_to=dates.get("end"),
    )


def _extension(name: str) -> str:
    """As documents have it: one name for each type."""
    name = name.lower().lstrip(".")
    return "jpg" if name == "jpeg" else name
