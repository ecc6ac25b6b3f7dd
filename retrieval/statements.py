"""The SQL of a search. What a person may read is a part of every statement that chooses chunks: `readable`."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from retrieval.models import EmbeddingModel
from retrieval.selectors import READABLE_TOPICS

ByWords = Literal["index", "one by one"] | None
"""How chunks are found by their words, if at all."""
CANDIDATES, MANY_CANDIDATES = 60, 100
"""By vector, and as many by words: for a few hits, and for the most that can be asked for."""
EF_SEARCH = 80
"""How far the graph is searched at first. More finds more and takes longer; see `bench/retrieval.py`."""
MOST_VISITED = 50_000
"""Vectors that a scan of the graph looks at until it has enough that may be read."""
AVERAGE_WORDS = 100
"""Of a chunk. Fixed, so that a score does not depend on what else is stored."""
K1, B = 1.2, 0.75

# By owner and by topic, so that each is one look into an index.
_READABLE = f"""
readable AS MATERIALIZED (
    SELECT document.id, document.version, document.chunk_count
    FROM retrieval_document AS document
    WHERE document.id IN (
        SELECT id FROM retrieval_document WHERE owner_id = %(user)s
        UNION
        SELECT id FROM retrieval_document WHERE topic_id IN {READABLE_TOPICS}
    )
    AND document.ready_at IS NOT NULL
    AND (%(everything)s OR document.topic_id = ANY(%(topics)s::bigint[]) OR document.id = ANY(%(documents)s::bigint[]))
    AND (%(extensions)s::text[] IS NULL OR document.extension = ANY(%(extensions)s::text[]))
    AND (%(written_from)s::timestamptz IS NULL OR coalesce(document.written_at, document.created_at) >= %(written_from)s)
    AND (%(written_before)s::timestamptz IS NULL OR coalesce(document.written_at, document.created_at) < %(written_before)s)
)"""  # noqa: S608

SCOPE = f"""
WITH {_READABLE}
SELECT
    (SELECT coalesce(sum(chunk_count), 0) FROM readable),
    (SELECT count(*) FROM retrieval_topic WHERE id = ANY(%(topics)s::bigint[]) AND id IN {READABLE_TOPICS}),
    (SELECT id FROM retrieval_embeddingmodel WHERE state = 'active')
"""  # noqa: S608

# Within the transaction alone. pgvector takes a wrong value for none and says so only in the log, so what was set is read back.
SETTINGS = f"""
SELECT set_config('hnsw.ef_search', '{EF_SEARCH}', true), set_config('hnsw.iterative_scan', 'relaxed_order', true),
    set_config('hnsw.max_scan_tuples', '{MOST_VISITED}', true)
"""
SETTINGS_SET = (str(EF_SEARCH), "relaxed_order", str(MOST_VISITED))

# One look into an index for each document, whatever the planner thinks of how many there are.
_COMPARED_ONE_BY_ONE = """
near AS MATERIALIZED (
    SELECT embedding.chunk_id AS id
    FROM readable, LATERAL (
        SELECT chunk_id, vector FROM retrieval_embedding
        WHERE document_id = readable.id AND model_id = {model} OFFSET 0
    ) AS embedding
    ORDER BY embedding.vector <=> %(vector)s::halfvec
    LIMIT {most}
)"""
# IS TRUE keeps it a test of each row that the graph gives. As a join the planner could sort all vectors instead.
_BY_GRAPH = """
near AS MATERIALIZED (
    SELECT chunk_id AS id FROM retrieval_embedding
    WHERE model_id = {model} AND (document_id IN (SELECT id FROM readable)) IS TRUE
    ORDER BY (vector::halfvec({dimensions})) <=> %(vector)s::halfvec
    LIMIT {most}
)"""
_WORDS_ONE_BY_ONE = """
named AS MATERIALIZED (
    SELECT chunk.id
    FROM readable, LATERAL (
        SELECT id, version, words FROM retrieval_chunk WHERE document_id = readable.id AND version = readable.version OFFSET 0
    ) AS chunk
    WHERE chunk.words @@ %(selecting)s::tsquery
    ORDER BY ts_rank(chunk.words, %(any_word)s::tsquery, 1) DESC
    LIMIT {most}
)"""
# Only where the rarest word of all is a common one are there more than this many: then they are all alike to it.
_WORDS_BY_INDEX = """
named AS MATERIALIZED (
    SELECT id FROM (
        SELECT id, words FROM retrieval_chunk
        WHERE words @@ %(selecting)s::tsquery AND (document_id IN (SELECT id FROM readable)) IS TRUE
        LIMIT 600
    ) AS chunk
    ORDER BY ts_rank(words, %(any_word)s::tsquery, 1) DESC
    LIMIT {most}
)"""
# The rank of one word is the sum of 1/n² over its places, made to end at 1: within 4 % of places / (places + 0.64).
_SHARE = f"""
(
    SELECT coalesce(sum(weight * places / (places + {K1} * ({1 - B} + {B} * chunk.length / {AVERAGE_WORDS}))), 0)
    FROM asked, LATERAL (SELECT ts_rank('{{1,1,1,1}}', chunk.words, asked.word) AS rank) AS ranked,
        LATERAL (SELECT 0.64 * rank / (1.001 - rank) AS places) AS counted
    WHERE rank > 0
)"""  # noqa: S608

HITS = """
SELECT chunk.id, chunk.uuid, document.id, document.uuid, chunk.version, chunk.ordinal, document.title, document.author,
    document.extension, chunk.page, chunk.start, chunk."end", chunk.text, document.written_at, document.created_at
FROM retrieval_chunk AS chunk JOIN retrieval_document AS document ON document.id = chunk.document_id
WHERE chunk.id = ANY(%(chunks)s::bigint[])
"""


def candidates(*, model: EmbeddingModel | None, one_by_one: bool, by_words: ByWords, most: int) -> str:
    """Rows of chunk, document, language, cosine, share of the words' BM25.

    `model`: whose vectors are compared, if any, `one_by_one` or by their graph. `most`: hits that are wanted.
    """
    many = most > CANDIDATES // 2
    return _candidates(None if model is None else (model.pk, model.dimensions), one_by_one, by_words, many)


@lru_cache(maxsize=100)
def _candidates(model: tuple[int, int] | None, one_by_one: bool, by_words: ByWords, many: bool) -> str:
    most = MANY_CANDIDATES if many else CANDIDATES
    parts, chosen = [_READABLE], []
    cosine, joined = "0.0::float8", ""
    if model is not None:
        model_id, dimensions = model
        near = _COMPARED_ONE_BY_ONE if one_by_one else _BY_GRAPH
        parts.append(near.format(model=model_id, dimensions=dimensions, most=most))
        chosen.append("SELECT id FROM near")
        cosine = "1 - (embedding.vector <=> %(vector)s::halfvec)"
        joined = f"JOIN retrieval_embedding AS embedding ON embedding.chunk_id = chunk.id AND embedding.model_id = {model_id}"
    if by_words is not None:
        parts.append((_WORDS_BY_INDEX if by_words == "index" else _WORDS_ONE_BY_ONE).format(most=most))
        parts.append(
            "asked AS MATERIALIZED (SELECT word::tsquery, weight FROM"
            " unnest(%(words)s::text[], %(weights)s::float8[]) AS given (word, weight))"
        )
        chosen.append("SELECT id FROM named")
    return f"""
WITH {", ".join(parts)}
SELECT chunk.id, chunk.document_id, chunk.language, {cosine}, {_SHARE if by_words else "0.0::float8"}
FROM ({" UNION ".join(chosen)}) AS chosen
JOIN retrieval_chunk AS chunk ON chunk.id = chosen.id
JOIN readable ON readable.id = chunk.document_id AND readable.version = chunk.version
{joined}
"""  # noqa: S608
