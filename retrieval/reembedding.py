"""Giving all chunks vectors of another model, in the background, and searching with it once it has all of them.

fill        a batch after the other, of what has none yet: it can be stopped and goes on where it was
index       over all of them at once, much sooner than one by one
calibrate   the new model's cosines are brought to the old one's scale
switch      in one transaction with a last look whether anything is missing
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import orjson
from django.db import connection, transaction
from django.db.models.functions import Now

from chatplatform.core import audit
from chatplatform.core.errors import Conflict
from retrieval.embedders import Embedder, embedder_for
from retrieval.models import Embedding, EmbeddingModel
from retrieval.vectors import drop_index, ensure_index, store_vectors

BATCH = 32
SAMPLE, SMALLEST_SAMPLE = 200, 20
"""Chunks by which the scales of two models are compared."""
BEGINNING = 80
"""Characters of a chunk that stand for a question."""
LARGEST_SCALE = 5.0
"""Texts that are all alike would stretch the least difference to all the difference there is."""
SMALLEST_DIFFERENCE = 0.01
"""Of related and unrelated cosines; a model with less cannot tell them apart."""

_MISSING = """
SELECT chunk.id, chunk.document_id, chunk.text
FROM retrieval_chunk AS chunk JOIN retrieval_document AS document ON document.id = chunk.document_id
WHERE document.ready_at IS NOT NULL AND chunk.id > %(after)s
AND NOT EXISTS (SELECT FROM retrieval_embedding WHERE chunk_id = chunk.id AND model_id = %(model)s)
ORDER BY chunk.id LIMIT %(most)s
"""
_SAMPLE = """
SELECT chunk.text, old.vector::text, new.vector::text
FROM retrieval_chunk AS chunk
JOIN retrieval_embedding AS old ON (old.chunk_id, old.model_id) = (chunk.id, %(old)s)
JOIN retrieval_embedding AS new ON (new.chunk_id, new.model_id) = (chunk.id, %(new)s)
ORDER BY md5(chunk.id::text) LIMIT %(most)s
"""


def reembed(*, model: EmbeddingModel, progress: Callable[[int], None] = lambda chunks: None) -> None:
    """Blocking, for as long as it takes. `progress` is told how many chunks got a vector so far.

    Raises EmbeddingFailed: what was done is kept, the model in use stays in use, and the next call goes on.
    """
    if model.state == EmbeddingModel.State.RETIRED:
        EmbeddingModel.objects.filter(pk=model.pk).update(state=EmbeddingModel.State.FILLING)
    embedder = embedder_for(model)
    done = _fill(model, embedder, 0, progress)
    ensure_index(model, while_in_use=True)
    _calibrate(model, embedder)
    while not _switch(model):
        done = _fill(model, embedder, done, progress)


def forget(*, model: EmbeddingModel) -> None:
    """Its vectors and their index go. Raises Conflict for the model in use."""
    with transaction.atomic():
        row = EmbeddingModel.objects.select_for_update().get(pk=model.pk)
        if row.state == EmbeddingModel.State.ACTIVE:
            raise Conflict
        drop_index(row)
        Embedding.objects.filter(model=row).delete()
        EmbeddingModel.objects.filter(pk=row.pk).update(state=EmbeddingModel.State.RETIRED)
        audit.record(action="embedding_model.forgotten", target=row.name)


def _fill(model: EmbeddingModel, embedder: Embedder, done: int, progress: Callable[[int], None]) -> int:
    after = 0
    while rows := _missing(model, after=after, most=BATCH):
        vectors = embedder.embed([text for _chunk, _document, text in rows]).vectors
        store_vectors(
            model=model,
            rows=[(chunk, document, vector) for (chunk, document, _text), vector in zip(rows, vectors, strict=True)],
        )
        after = rows[-1][0]
        done += len(rows)
        progress(done)
    return done


def _missing(model: EmbeddingModel, *, after: int, most: int) -> list[tuple[int, int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_MISSING, {"model": model.pk, "after": after, "most": most})
        return cursor.fetchall()


def _calibrate(model: EmbeddingModel, embedder: Embedder) -> None:
    """The beginning of a chunk and it, of another and it: related and unrelated pairs have the cosines that they had."""
    old = EmbeddingModel.objects.select_related("provider").filter(state=EmbeddingModel.State.ACTIVE).first()
    if old is None or old.pk == model.pk or model.kind == EmbeddingModel.Kind.PACKAGED:
        return  # the packaged one is what the others are measured by
    with connection.cursor() as cursor:
        cursor.execute(_SAMPLE, {"old": old.pk, "new": model.pk, "most": SAMPLE})
        rows = cursor.fetchall()
    if len(rows) < SMALLEST_SAMPLE:
        return
    texts, theirs, ours = zip(*rows, strict=True)
    unrelated, related = _cosines(embedder_for(old), texts, theirs)
    our_unrelated, our_related = _cosines(embedder, texts, ours)
    if our_related - our_unrelated > SMALLEST_DIFFERENCE:
        scale = min(old.cosine_scale * (related - unrelated) / (our_related - our_unrelated), LARGEST_SCALE)
        shift = old.cosine_shift + old.cosine_scale * unrelated - scale * our_unrelated
        EmbeddingModel.objects.filter(pk=model.pk).update(cosine_scale=scale, cosine_shift=shift)


def _cosines(embedder: Embedder, texts: Sequence[str], chunks: Sequence[str]) -> tuple[float, float]:
    """The mean of unrelated and of related pairs."""
    beginnings = [text[:BEGINNING] for text in texts]
    vectors = [
        vector for first in range(0, len(texts), BATCH) for vector in embedder.embed(beginnings[first : first + BATCH]).vectors
    ]
    cosines = np.array(vectors) @ np.array([orjson.loads(chunk) for chunk in chunks]).T
    related = float(np.diag(cosines).mean())
    return float((cosines.sum() - np.trace(cosines)) / (cosines.size - len(texts))), related


@transaction.atomic
def _switch(model: EmbeddingModel) -> bool:
    """False when something has come meanwhile that has no vector. Whoever makes a document ready takes the same lock."""
    states = EmbeddingModel.State
    in_use = EmbeddingModel.objects.select_for_update().filter(state=states.ACTIVE).first()
    if _missing(model, after=0, most=1):
        return False
    if in_use is None or in_use.pk != model.pk:
        EmbeddingModel.objects.filter(state=states.ACTIVE).update(state=states.RETIRED)
        EmbeddingModel.objects.filter(pk=model.pk).update(state=states.ACTIVE, activated_at=Now())
        audit.record(action="embedding_model.activated", target=model.name)
    return True
