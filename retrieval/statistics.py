"""How common words are, for BM25. PostgreSQL keeps count of the most common ones for its planner, and `ANALYZE`, which it runs by
itself as the table grows, keeps that fresh; all others are rare, so the index tells quickly. No table of ours, and no job.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from chatplatform.core.prepared import Int8, fetch_all
from retrieval.lexical import quoted

KEPT_SECONDS = 60
ELSEWHERE = 1_000
"""Chunks that are taken to be there beside ours, with each word in one of them: what all of a few documents are about is not a
common word."""
FEWEST_TOLD = 50
"""Chunks below which a word counts as so common: else a score would tell whether somebody else's document has it."""
MOST_COUNTED, MOST_COUNTED_AT_FIRST = 50, 2_000
"""Chunks of a word that are counted, once PostgreSQL has counted the common ones, and before."""

_PICTURE = """
SELECT greatest(reltuples, 0)::bigint, most_common_elems::text::text[], most_common_elem_freqs::float8[]
FROM pg_class LEFT JOIN pg_stats ON schemaname = relnamespace::regnamespace::text AND tablename = relname AND attname = 'words'
WHERE pg_class.oid = 'retrieval_chunk'::regclass
"""
_COUNTS = """
SELECT (SELECT count(*) FROM (SELECT FROM retrieval_chunk WHERE words @@ word::tsquery LIMIT %(most)s) AS found)
FROM unnest(%(words)s::text[]) WITH ORDINALITY AS asked (word, place) ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class _Picture:
    chunks: int
    counts: dict[str, int]
    """Of chunks, by word: the common ones, and what was counted since."""
    beyond: int
    """As good as any number for a word that is in more chunks than are counted, and not one of the common ones."""
    most: int
    """Chunks of another word that are counted."""
    taken_at: float


@dataclass(frozen=True, slots=True)
class Common:
    """How common a question's words are."""

    chunks: int
    """All there are."""
    counts: dict[str, int]
    """Of chunks that have the word."""

    def weight(self, word: str) -> float:
        """BM25's: the rarer, the more it says."""
        count = 1 + max(FEWEST_TOLD, min(self.counts[word], self.chunks))
        return math.log(1 + (ELSEWHERE + self.chunks - count + 0.5) / (count + 0.5))


_taking = threading.Lock()
_picture: _Picture | None = None


def how_common(words: Sequence[str]) -> Common:
    picture = _current()
    counts = {word: picture.counts[word] for word in words if word in picture.counts}
    rest = [word for word in words if word not in counts]
    if rest:
        rows = fetch_all(_COUNTS, {"words": [quoted(word) for word in rest], "most": Int8(picture.most)})
        for word, (count,) in zip(rest, rows, strict=True):
            counts[word] = count if count < picture.most else picture.beyond
            if count:  # a word that is nowhere yet may come with the next document
                picture.counts[word] = counts[word]
    return Common(chunks=max(picture.chunks, *counts.values(), 1), counts=counts)


def _current() -> _Picture:
    global _picture
    now = time.monotonic()
    if _picture is None or now - _picture.taken_at > KEPT_SECONDS:
        with _taking:
            if _picture is None or now - _picture.taken_at > KEPT_SECONDS:
                _picture = _taken(now)
    return _picture


def _taken(now: float) -> _Picture:
    with connection.cursor() as cursor:
        cursor.execute(_PICTURE)
        chunks, words, shares = cursor.fetchone()
    if not words:
        return _Picture(chunks, {}, MOST_COUNTED_AT_FIRST, MOST_COUNTED_AT_FIRST, now)
    # PostgreSQL puts the smallest, the largest and one more figure of the whole after the words' own.
    counts = {word: round(share * chunks) for word, share in zip(words, shares, strict=False)}
    smallest = max(MOST_COUNTED, round(shares[len(words)] * chunks))
    return _Picture(chunks, counts, round(math.sqrt(MOST_COUNTED * smallest)), MOST_COUNTED, now)
