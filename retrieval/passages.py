"""The passages that a question is answered from: few, no two alike, best first."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from accounts.principal import Principal
from retrieval.lexical import words_in
from retrieval.search import Hit, SearchRequest, search
from retrieval.selectors import readable_topics

Passage = Hit
ALIKE = 0.85
"""Share of its words that a passage has in common with a better one: it says nothing new."""
SPARE = 3
"""Hits that are looked at for each passage that is wanted."""


@dataclass(frozen=True, slots=True)
class Passages:
    items: tuple[Passage, ...] = ()
    """Best first."""
    took_ms: int = 0


def find_passages(
    *,
    principal: Principal,
    question: str,
    topic_ids: Sequence[int] = (),
    document_ids: Sequence[int] = (),
    threshold: float,
    most: int = 8,
) -> Passages:
    """From these topics and documents (row ids), of which those that she may not read any more are passed over. Blocking.

    Raises RetrievalFailed, and AllowanceUsedUp where embedding the question costs.
    """
    began = time.perf_counter()
    topics = tuple(readable_topics(principal).filter(pk__in=topic_ids).values_list("pk", flat=True)) if topic_ids else ()
    if not topics and not document_ids:
        return Passages(took_ms=_ms(began))
    request = SearchRequest(
        query=question, topic_ids=topics, document_ids=tuple(document_ids), most=min(100, most * SPARE), threshold=threshold
    )
    hits = search(principal=principal, request=request).hits
    kept = tuple(passage for _n, passage in zip(range(most), unlike(hits), strict=False))
    return Passages(kept, _ms(began))


def unlike(hits: Iterable[Hit]) -> Iterator[Hit]:
    """Those that are neither the same text as one before nor another part of its place, in their order. Pure."""
    kept: list[tuple[Hit, frozenset[str]]] = []
    for hit in hits:
        found_by = frozenset(words_in(hit.text))
        if not any(_overlap(hit, other) or _alike(found_by, others) for other, others in kept):
            kept.append((hit, found_by))
            yield hit


def _overlap(hit: Hit, other: Hit) -> bool:
    return hit.document_id == other.document_id and hit.start < other.end and other.start < hit.end


def _alike(words: frozenset[str], others: frozenset[str]) -> bool:
    return len(words & others) >= ALIKE * len(words | others)


def _ms(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
