"""Documents that are ready to be searched, stored from their text alone."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from datetime import datetime

from django.utils import timezone

from accounts.models import User
from accounts.principal import Principal
from retrieval.chunking import split
from retrieval.embedders import active_model, embedder_for
from retrieval.models import Chunk, Document, DocumentText, Topic
from retrieval.vectors import store_vectors
from tests.factories import make_user

_numbers = itertools.count(1)


def person(name: str) -> Principal:
    return principal_of(make_user(name))


def principal_of(user: User) -> Principal:
    return Principal(
        user_id=user.pk,
        user_uuid=user.uuid,
        username=user.username,
        role=user.role,
        tier=user.tier,
        session_id=None,
        api_key_id=None,
    )


def store(
    principal: Principal,
    text: str,
    *,
    title: str = "",
    topic: Topic | None = None,
    extension: str = "txt",
    page_starts: Sequence[int] = (),
    written_at: datetime | None = None,
    embedded: bool = True,
) -> Document:
    """A document of hers, read, cut and (unless `embedded` is false) embedded with the model in use."""
    number = next(_numbers)
    document = Document.objects.create(
        owner_id=principal.user_id,
        topic=topic,
        original_name=f"{title or number}.{extension}",
        kind=Document.Kind.DOCUMENT,
        extension=extension,
        media_type="text/plain",
        size=len(text.encode()),
        sha256=hashlib.sha256(f"{number} {text}".encode()).digest(),
        file=f"{number}.{extension}",
        title=title or f"Document {number}",
        written_at=written_at,
        status=Document.Status.READY,
        ready_at=timezone.now(),
    )
    DocumentText.objects.create(document=document, text=text, page_starts=list(page_starts))
    pieces = split(text=text, page_starts=page_starts)
    chunks = Chunk.objects.bulk_create(
        Chunk(
            document=document,
            ordinal=piece.ordinal,
            start=piece.start,
            end=piece.end,
            page=piece.page,
            language=piece.language,
            text=piece.text,
            words=piece.words,
            length=piece.length,
        )
        for piece in pieces
    )
    Document.objects.filter(pk=document.pk).update(chunk_count=len(chunks), chunks_done=len(chunks))
    if embedded and chunks:
        embed(chunks)
    return document


def embed(chunks: Sequence[Chunk]) -> None:
    """With the model in use."""
    model = active_model()
    vectors = embedder_for(model).embed([chunk.text for chunk in chunks]).vectors
    store_vectors(
        model=model,
        rows=[(chunk.pk, chunk.document_id, vector) for chunk, vector in zip(chunks, vectors, strict=True)],
    )
