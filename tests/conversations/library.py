"""A library that finds what a test has put into it: another implementation of the runner's boundary to retrieval."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from accounts.principal import Principal
from retrieval.models import Chunk, Document, Topic
from retrieval.passages import Passage, Passages
from tests.retrieval import shelf

_numbers = itertools.count(1)


def new_topic(principal: Principal) -> Topic:
    return Topic.objects.create(owner_id=principal.user_id, name=f"Topic {next(_numbers)}")


def new_document(principal: Principal, text: str, **more: Any) -> Document:
    return shelf.store(principal, text, embedded=False, **more)


def passage(document: Document, *, score: float = 0.9, page: int | None = None, **more: Any) -> Passage:
    """Its first chunk."""
    chunk = Chunk.objects.filter(document=document).order_by("ordinal")[0]
    fields: dict[str, Any] = {
        "chunk_uuid": chunk.uuid,
        "document_id": document.pk,
        "document_uuid": document.uuid,
        "document_version": document.version,
        "ordinal": chunk.ordinal,
        "title": document.title,
        "author": document.author,
        "file_type": document.extension,
        "page": page,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "written_at": None,
        "created_at": document.created_at,
        "score": score,
    }
    return Passage(**(fields | more))


class ScriptedLibrary:
    """Finds the same `passages` for every question; `asked` is what it was asked for. Raises `failure` where there is one."""

    def __init__(self) -> None:
        self.passages: Sequence[Passage] = ()
        self.failure: Exception | None = None
        self.asked: list[dict[str, Any]] = []

    def __call__(self, *, principal: Principal, **asked: Any) -> Passages:
        self.asked.append({"principal": principal, **asked})
        if self.failure is not None:
            raise self.failure
        return Passages(tuple(self.passages), took_ms=7)
