"""From an uploaded file to chunks with vectors, in steps that may each be the last of a process.

    take        the document is ours for a minute: its lease, by the database's clock, and a fence that only we know
    read        the file's text (a child process) and its chunks, stored together
    embed       a batch after the other: vectors, how far we are and a new minute, stored together
    finish      ready

Every write names the fence. Who finds no row has lost the document (deleted, or taken up by another when our lease ran out) and
stops. What is stored stays: whoever takes it up after us goes on behind the last batch.

A document that is read anew keeps the chunks of its last version, and is found by them, until those of the next are complete.
"""

from __future__ import annotations

from pathlib import PurePath
from uuid import uuid4

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from chatplatform.core.errors import QuotaExceeded
from retrieval import charging, storage
from retrieval.chunking import Piece, split
from retrieval.embedders import active_model, embedder_for
from retrieval.errors import EmbeddingFailed, StorageFailed
from retrieval.extract import Extracted, ExtractionFailed, Limits, extract
from retrieval.failures import FAILURES
from retrieval.models import Chunk, Document, DocumentText, EmbeddingModel
from retrieval.vectors import store_vectors

log = structlog.get_logger(__name__)

MARGIN_SECONDS = 15
"""Of the lease, beyond the time that a child process may take to read the file."""
CHUNKS_AT_ONCE = 500
"""Rows of one INSERT."""
LONGEST_NAME = 500
"""Characters of a title or an author."""


class LeaseLost(Exception):
    """The document is deleted, or somebody else's now."""


class Failed(Exception):
    """The document cannot be finished: `failure` is a code of `failures.py`, `detail` is for operators."""

    def __init__(self, failure: str, detail: str) -> None:
        super().__init__(failure)
        self.failure = failure
        self.detail = detail


def ingest(*, document_id: int) -> bool:
    """Works on a document until it is ready or has failed. False when there was nothing to do: somebody else works on it, or it
    is done. Blocking, minutes for a long one. Harmless to call any number of times, at once too."""
    document = _take(document_id)
    if document is None:
        return False
    with structlog.contextvars.bound_contextvars(document_id=str(document.uuid)):
        try:
            if not _is_read(document):
                _store_text(document, _read(document))
            _embed(document)
        except LeaseLost:
            charging.release_left(fence=document.fence, chunks_done=document.chunks_done)
            log.info("document_lost")
        except Failed as error:
            _fail(document, error)
    return True


def due_documents(*, most: int) -> list[int]:
    """Row ids of documents that nobody works on although somebody should, those that wait longest first."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"most": most, "grace": MARGIN_SECONDS})
        return [row[0] for row in cursor.fetchall()]


# --- The lease ----------------------------------------------------------------------------------------------------------------

_TAKE = """
WITH held AS (
    SELECT id, fence AS last_fence FROM retrieval_document
    WHERE id = %(id)s AND status NOT IN ('ready', 'failed') AND (lease_until IS NULL OR lease_until < now())
    FOR UPDATE SKIP LOCKED
)
UPDATE retrieval_document document SET
    fence = %(fence)s, lease_until = now() + %(seconds)s * interval '1 second', attempts = attempts + 1, updated_at = now(),
    status = 'extracting'
FROM held WHERE document.id = held.id
RETURNING held.last_fence
"""
_KEEP = """
UPDATE retrieval_document SET lease_until = now() + %(seconds)s * interval '1 second', updated_at = now()
WHERE id = %(id)s AND fence = %(fence)s
"""
_DUE = """
SELECT id FROM retrieval_document
WHERE status NOT IN ('ready', 'failed')
    AND (lease_until < now() OR lease_until IS NULL AND updated_at < now() - %(grace)s * interval '1 second')
ORDER BY COALESCE(lease_until, updated_at) LIMIT %(most)s
"""
"""One that has just been uploaded is in its first message's hands."""


@transaction.atomic
def _take(document_id: int) -> Document | None:
    fence = uuid4()
    seconds = max(settings.INGEST_LEASE_SECONDS, settings.EXTRACT_SECONDS + MARGIN_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"id": document_id, "fence": fence, "seconds": seconds})
        row = cursor.fetchone()
    if row is None:
        return None
    document = Document.objects.select_related("owner").get(pk=document_id)
    charging.release_left(fence=row[0], chunks_done=document.chunks_done)
    if document.attempts > settings.INGEST_ATTEMPTS:
        _fail(document, Failed("gave_up", f"taken up {settings.INGEST_ATTEMPTS} times without progress"))
        return None
    return document


def _keep(document: Document) -> None:
    """A new lease, in the transaction that stores something. Whoever deletes the document waits for its end. Raises LeaseLost."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {"id": document.pk, "fence": document.fence, "seconds": settings.INGEST_LEASE_SECONDS})
        if cursor.rowcount == 0:
            raise LeaseLost


def _close(document: Document, **fields: object) -> None:
    """Writes the end of the work and lets the document go. Raises LeaseLost."""
    ours = Document.objects.filter(pk=document.pk, fence=document.fence)
    if not ours.update(fence=None, lease_until=None, updated_at=Now(), **fields):
        raise LeaseLost


def _fail(document: Document, error: Failed) -> None:
    try:
        with transaction.atomic():
            charging.release_left(fence=document.fence, chunks_done=document.chunks_done)
            _close(
                document, status=Document.Status.FAILED, failure=error.failure, failure_detail=error.detail[:2_000], attempts=0
            )
        log.warning("document_failed", failure=error.failure)  # the detail may quote the document
    except LeaseLost:
        log.info("document_lost")


# --- Reading ------------------------------------------------------------------------------------------------------------------


def _read(document: Document) -> Extracted:
    try:
        with storage.local_copy(document.file) as path:
            return extract(path=path, extension=document.extension, limits=_limits())
    except ExtractionFailed as error:
        # What a child says is a file's doing: it may be any word.
        raise Failed(error.failure if error.failure in FAILURES else "broken", error.detail) from error
    except StorageFailed as error:
        raise Failed("storage_lost", repr(error.__cause__ or error)) from error


def _limits() -> Limits:
    return Limits(
        memory=settings.EXTRACT_MEMORY_MB * 1_000_000,
        cpu_seconds=settings.EXTRACT_CPU_SECONDS,
        wall_seconds=settings.EXTRACT_SECONDS,
        characters=settings.EXTRACT_MAX_CHARACTERS,
    )


def _version(document: Document) -> int:
    """Of the chunks that are being made."""
    return document.version if document.ready_at is None else document.version + 1


def _chunks(document: Document) -> QuerySet[Chunk]:
    return Chunk.objects.filter(document=document, version=_version(document))


def _is_read(document: Document) -> bool:
    return _chunks(document).exists()


def _store_text(document: Document, extracted: Extracted) -> None:
    """Text and chunks in one transaction: there are all chunks of it or none. A picture without any is kept all the same."""
    with transaction.atomic():
        _keep(document)  # cutting a long text takes a while, too
    pieces = split(text=extracted.text, page_starts=extracted.page_starts)
    if not pieces and document.kind != Document.Kind.IMAGE:
        raise Failed("no_text", "nothing in it that could be found")
    with transaction.atomic():
        _keep(document)
        text = {"text": extracted.text, "page_starts": list(extracted.page_starts)}
        DocumentText.objects.update_or_create(document=document, defaults=text)
        Chunk.objects.bulk_create((_chunk(document, piece) for piece in pieces), batch_size=CHUNKS_AT_ONCE)
        Document.objects.filter(pk=document.pk).update(
            title=extracted.title[:LONGEST_NAME] or PurePath(document.original_name).stem,
            author=extracted.author[:LONGEST_NAME],
            written_at=extracted.written_at,
            page_count=extracted.page_count,
            chunk_count=len(pieces),
            chunks_done=0,
            attempts=1,
        )
    document.chunk_count, document.chunks_done = len(pieces), 0


def _chunk(document: Document, piece: Piece) -> Chunk:
    return Chunk(
        document=document,
        version=_version(document),
        ordinal=piece.ordinal,
        start=piece.start,
        end=piece.end,
        page=piece.page,
        language=piece.language,
        text=piece.text,
        words=piece.words,
        length=piece.length,
    )


# --- Embedding ----------------------------------------------------------------------------------------------------------------


def _embed(document: Document) -> None:
    """Until no chunk is without a vector of the model that is in use then."""
    while True:
        model = active_model()
        _count_done(document, model)
        last = -1
        while batch := _next_batch(document, model, after=last):
            _embed_batch(document, model, batch)
            last = batch[-1].ordinal
        if _finish(document, model):
            return


@transaction.atomic
def _count_done(document: Document, model: EmbeddingModel) -> None:
    """Others may have embedded some of it with this model, or all with another."""
    _keep(document)
    document.chunks_done = _chunks(document).filter(embeddings__model=model).count()
    Document.objects.filter(pk=document.pk).update(chunks_done=document.chunks_done, status=Document.Status.EMBEDDING)


def _next_batch(document: Document, model: EmbeddingModel, *, after: int) -> list[Chunk]:
    """In order, those behind the chunk number `after` that have no vector of `model` yet."""
    missing = _chunks(document).filter(ordinal__gt=after).exclude(embeddings__model=model)
    return list(missing.only("id", "ordinal", "text").order_by("ordinal")[: settings.INGEST_BATCH])


def _embed_batch(document: Document, model: EmbeddingModel, batch: list[Chunk]) -> None:
    texts = [chunk.text for chunk in batch]
    try:
        charging.reserve_batch(document=document, model=model, texts=texts)
        embedded = embedder_for(model).embed(texts)
    except EmbeddingFailed as error:
        raise Failed("embedding_failed", repr(error.__cause__ or error)) from error
    except QuotaExceeded as error:
        raise Failed("quota_used_up", error.message) from error
    with transaction.atomic():
        _keep(document)
        charging.settle_batch(document=document, model=model, embedded=embedded)
        rows = [(chunk.pk, document.pk, vector) for chunk, vector in zip(batch, embedded.vectors, strict=True)]
        store_vectors(model=model, rows=rows)
        Document.objects.filter(pk=document.pk).update(chunks_done=document.chunks_done + len(batch), attempts=1)
    document.chunks_done += len(batch)


def _finish(document: Document, model: EmbeddingModel) -> bool:
    """False when another model was put into use meanwhile. The models are locked, so that none is while the document finishes."""
    note = "" if document.chunk_count else "no_text_in_picture"
    with transaction.atomic():
        _keep(document)  # before its chunks: whoever deletes it locks it first, too
        active = EmbeddingModel.objects.select_for_update(no_key=True).filter(state=EmbeddingModel.State.ACTIVE).first()
        if active is None or active.pk != model.pk:
            return False
        charging.count_free(document=document, model=model, chunks=_chunks(document))
        version = _version(document)
        Chunk.objects.filter(document=document, version__lt=version).delete()
        done = {"status": Document.Status.READY, "ready_at": Now(), "version": version}
        _close(document, **done, attempts=0, failure=note, failure_detail="")
    log.info("document_ready", chunks=document.chunk_count)
    return True
