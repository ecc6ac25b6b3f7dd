"""Domain values as this contract's JSON: plain functions from values to dicts.

UUIDs and times that come from the database stay what they are where nothing is put before them: `dump_json` writes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.utils.translation import gettext as _

from chatplatform.contracts.contract import utc
from chatplatform.contracts.paging import place_in_pages
from chatplatform.core.ids import prefixed
from chatplatform.core.pages import Page
from conversations.models import Message
from conversations.preferences import Preferences
from conversations.preview import ContextView
from conversations.references import ReferenceRecord
from conversations.sessions import MessageDetail, SessionView
from conversations.turns.events import ReferenceView
from retrieval.models import Topic
from retrieval.search import Hit, SearchResult

T = TypeVar("T")


def paged(name: str, page: Page[T], shown: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    return {
        name: [shown(item) for item in page.items],
        "pagination": place_in_pages(page),
    }


# --- Sessions -------------------------------------------------------------------------------------------------------------------


def session_item(view: SessionView) -> dict[str, Any]:
    return {
        "id": view.number,
        "session_id": prefixed("sess", view.uuid),
        "topic_id": view.topic_id,
        "title": view.title,
        "description": view.description,
        "status": view.status,
        "message_count": view.message_count,
        "total_tokens": view.total_tokens,
        "last_activity_at": view.last_activity_at,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
    }


def session(view: SessionView, document_ids: Sequence[UUID]) -> dict[str, Any]:
    return session_item(view) | {
        "user_id": view.user_id,
        "document_ids": [prefixed("doc", document) for document in document_ids],
        "model_config": model_config(view.model, view.preferences),
        "context_settings": context_settings(view.preferences),
    }


def model_config(model: str, preferences: Preferences) -> dict[str, Any]:
    return {
        "model": model,
        "temperature": preferences.temperature,
        "max_tokens": preferences.max_tokens,
        "stream": bool(preferences.stream),
    }


def context_settings(preferences: Preferences) -> dict[str, Any]:
    return {
        "max_context_length": preferences.max_context_length,
        "include_document_metadata": preferences.include_document_metadata,
        "context_window_strategy": preferences.context_window_strategy,
        "relevance_threshold": preferences.relevance_threshold,
    }


# --- Messages -------------------------------------------------------------------------------------------------------------------

_STATUS = {Message.Status.COMPLETE.value: "completed"}
"""Where the document has a word of its own."""


def message(view: MessageDetail) -> dict[str, Any]:
    return {
        "id": view.number,
        "message_id": prefixed("msg", view.uuid),
        "session_id": prefixed("sess", view.conversation_id),
        "parent_message_id": prefixed("msg", view.parent_id) if view.parent_id else None,
        "role": view.role,
        "content": view.content,
        "content_type": view.content_type,
        "metadata": view.metadata,
        "tokens": view.tokens,
        "model": view.model or None,
        "status": _STATUS.get(view.status, view.status),
        "processing_time_ms": view.processing_ms,
        "turn_id": view.turn_id,
        "created_at": view.created_at,
    }


def message_detail(view: MessageDetail) -> dict[str, Any]:
    """An answer tells in its metadata what the model was asked with."""
    shown = message(view) | {
        "prompt_tokens": view.prompt_tokens,
        "completion_tokens": view.completion_tokens,
        "retrieval_time_ms": view.retrieval_ms,
        "generation_time_ms": view.generation_ms,
        "updated_at": view.updated_at,
    }
    if view.turn_id:
        shown["metadata"] = {**view.metadata, "model_config": {"model": view.model, **view.options}}
    return shown


def answer(view: MessageDetail, references: Sequence[ReferenceRecord]) -> dict[str, Any]:
    return message_detail(view) | {
        "references": [reference(record) for record in references],
        "stopped": view.status == Message.Status.STOPPED,
    }


def exchange(question: MessageDetail, reply: MessageDetail, references: Sequence[ReferenceRecord]) -> dict[str, Any]:
    return message(question) | {"turn_id": reply.turn_id, "assistant_response": answer(reply, references)}


def reference(record: ReferenceRecord) -> dict[str, Any]:
    cited = record.reference
    return {
        "id": record.number,
        "reference_id": prefixed("ref", cited.id),
        "message_id": prefixed("msg", record.message_id),
        "document_id": prefixed("doc", cited.document_id),
        "document_version": cited.document_version,
        "document_deleted": record.is_deleted,
        "chunk_id": prefixed("chunk", cited.chunk_id),
        "reference_type": record.kind,
        "relevance_score": _score(cited.score),
        "excerpt": cited.excerpt,
        "start_char": cited.start,
        "end_char": cited.end,
        "page_number": cited.page,
        "display_order": cited.position,
        "document_info": {"title": cited.title, "file_type": cited.file_type, "author": cited.author},
    }


def references(records: Sequence[ReferenceRecord]) -> dict[str, Any]:
    return {"references": [reference(record) for record in records], "total_references": len(records)}


def _score(score: float) -> float:
    return round(score, 4)


# --- Search ---------------------------------------------------------------------------------------------------------------------


def hit(found: Hit) -> dict[str, Any]:
    return {
        "document_id": prefixed("doc", found.document_uuid),
        "chunk_id": prefixed("chunk", found.chunk_uuid),
        "title": found.title,
        "content": found.text,
        "relevance_score": _score(found.score),
        "start_char": found.start,
        "end_char": found.end,
        "metadata": {
            "file_type": found.file_type,
            "page_number": found.page,
            "author": found.author,
            "created_at": found.written_at or found.created_at,
        },
    }


def search_result(result: SearchResult) -> dict[str, Any]:
    return {
        "results": [hit(found) for found in result.hits],
        "total_results": result.total,
        "search_time_ms": result.search_ms,
        "query_embedding_time_ms": result.embedding_ms,
    }


# --- Context --------------------------------------------------------------------------------------------------------------------


def context(view: ContextView) -> dict[str, Any]:
    chunks = [*_said(view), *(_passage(cited) for cited in view.passages)]
    return {
        "context": {
            "session_id": prefixed("sess", view.conversation_id),
            "total_context_length": view.total_tokens,
            "max_context_length": view.max_tokens,
            "context_chunks": [chunk | {"context_order": order} for order, chunk in enumerate(chunks, start=1)],
        }
    }


def _said(view: ContextView) -> Iterator[dict[str, Any]]:
    """The system's words, then a chunk for each question with what was answered."""
    lines: list[str] = []
    for part in view.messages:
        if lines and part.role != Message.Role.ASSISTANT:
            yield _chunk("conversation", "\n".join(lines))
            lines = []
        match part.role:
            case Message.Role.SYSTEM:
                yield _chunk("system", part.content)
            case Message.Role.USER:
                lines.append(_("User: %(text)s") % {"text": part.content})
            case _:
                lines.append(_("Assistant: %(text)s") % {"text": part.content})
    if lines:
        yield _chunk("conversation", "\n".join(lines))


def _passage(cited: ReferenceView) -> dict[str, Any]:
    return _chunk("retrieval", cited.excerpt, _score(cited.score)) | {
        "document_id": prefixed("doc", cited.document_id),
        "chunk_id": prefixed("chunk", cited.chunk_id),
        "title": cited.title,
        "page_number": cited.page,
    }


def _chunk(kind: str, content: str, score: float = 1.0) -> dict[str, Any]:
    return {"context_type": kind, "content": content, "relevance_score": score, "weight": score}


def changed_context(view: SessionView) -> dict[str, Any]:
    return {
        "session_id": prefixed("sess", view.uuid),
        "context_settings": context_settings(view.preferences),
        "updated_at": view.updated_at,
    }


# --- Topics ---------------------------------------------------------------------------------------------------------------------


def topic(row: Topic) -> dict[str, Any]:
    return {
        "id": row.pk,
        "name": row.name,
        "description": row.description,
        "user_id": row.owner_id,
        "for_everyone": row.for_everyone,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def sharing(row: Topic, user_ids: Sequence[int]) -> dict[str, Any]:
    return topic(row) | {"user_ids": list(user_ids)}
