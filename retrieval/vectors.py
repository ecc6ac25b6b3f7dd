"""Keeping vectors, and each model's index over its own: an HNSW graph over the rows of that model alone, cast to its dimensions.

    CREATE INDEX embedding_near_3 … USING hnsw ((vector::halfvec(512)) halfvec_cosine_ops) WHERE model_id = 3

So vectors of several models lie side by side, and a search in one of them meets none of the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from django.db import connection, transaction

from chatplatform.core.errors import InvalidInput
from retrieval.embedders import packaged
from retrieval.models import EmbeddingModel

PACKAGED_ID = 0
"""No sequence gives it. Fixed, because its index outlives the row where tests empty the tables."""
MOST_DIMENSIONS = 4_000
"""Of a `halfvec` that can be indexed."""
INDEX_MEMORY = "256MB"
"""Of the graph while it is made: 150,000 vectors of 512 dimensions. Beyond, it takes several times as long."""

_BROKEN = "SELECT FROM pg_index WHERE indexrelid = to_regclass(%s) AND NOT indisvalid"
_STORE = """
INSERT INTO retrieval_embedding (chunk_id, model_id, document_id, vector)
SELECT chunk_id, %(model)s, document_id, vector::halfvec
FROM unnest(%(chunks)s::bigint[], %(documents)s::bigint[], %(vectors)s::text[]) AS new (chunk_id, document_id, vector)
WHERE EXISTS (SELECT FROM retrieval_chunk WHERE id = chunk_id AND retrieval_chunk.document_id = new.document_id)
ON CONFLICT (chunk_id, model_id) DO UPDATE SET vector = EXCLUDED.vector
"""


def store_vectors(*, model: EmbeddingModel, rows: Sequence[tuple[int, int, Sequence[float] | np.ndarray]]) -> None:
    """`rows`: chunk, its document, its vector of the model's dimensions. One that is there already is replaced; for a chunk that
    was deleted meanwhile nothing is stored."""
    if rows:
        chunks, documents, vectors = zip(*rows, strict=True)
        values: dict[str, Any] = {
            "model": model.pk,
            "chunks": list(chunks),
            "documents": list(documents),
            "vectors": [as_text(vector) for vector in vectors],
        }
        with connection.cursor() as cursor:
            cursor.execute(_STORE, values)


def as_text(vector: Sequence[float] | np.ndarray) -> str:
    """As PostgreSQL reads it."""
    return orjson.dumps(np.ascontiguousarray(vector, dtype=np.float32), option=orjson.OPT_SERIALIZE_NUMPY).decode()


def ensure_index(model: EmbeddingModel, *, while_in_use: bool = False) -> None:
    """Nothing where it is there already. Over 100,000 vectors it takes a minute or two.

    `while_in_use`: nobody waits who stores or deletes vectors meanwhile; not within a transaction.
    """
    if not 0 < model.dimensions <= MOST_DIMENSIONS:
        raise InvalidInput(field="dimensions", issue=f"1 to {MOST_DIMENSIONS}")
    concurrently = "CONCURRENTLY" if while_in_use else ""
    with connection.cursor() as cursor:
        cursor.execute(_BROKEN, [_index_name(model)])
        if cursor.fetchone() is not None:  # whoever made it was stopped
            cursor.execute(f"DROP INDEX {concurrently} {_index_name(model)}")
        cursor.execute("SELECT set_config('maintenance_work_mem', %s, false)", [INDEX_MEMORY])
        cursor.execute(
            f"CREATE INDEX {concurrently} IF NOT EXISTS {_index_name(model)} ON retrieval_embedding"
            f" USING hnsw ((vector::halfvec({int(model.dimensions)})) halfvec_cosine_ops) WHERE model_id = {int(model.pk)}"
        )
        cursor.execute("RESET maintenance_work_mem")


def drop_index(model: EmbeddingModel) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX IF EXISTS {_index_name(model)}")


def install_packaged_model(**_signal: Any) -> None:
    """Its row and index, where they are missing. It is the one in use unless another is. Called after each migration."""
    if EmbeddingModel._meta.db_table not in connection.introspection.table_names():
        return  # migrated backwards
    states = EmbeddingModel.State
    with transaction.atomic():
        in_use = EmbeddingModel.objects.filter(state=states.ACTIVE).exists()
        model, _new = EmbeddingModel.objects.get_or_create(
            pk=PACKAGED_ID,
            defaults={
                "name": packaged.NAME,
                "kind": EmbeddingModel.Kind.PACKAGED,
                "model": packaged.MODEL,
                "dimensions": packaged.DIMENSIONS,
                "state": states.RETIRED if in_use else states.ACTIVE,
            },
        )
        ensure_index(model)


def _index_name(model: EmbeddingModel) -> str:
    return f"embedding_near_{int(model.pk)}"
