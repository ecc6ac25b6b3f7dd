"""Finding the chunks that answer a question, among those that the person may read: by meaning, by words, or by both.

    scope       how many chunks she may read here, and how common the question's words are
    candidates  the nearest by vector and the best by words, each with both measures; rights are a part of the statement
    hits        those above the threshold, best first, whole

Where she may read little, all of it is compared; where much, the indexes are asked, until they have given enough that is hers.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import combinations
from typing import Any, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from accounts.principal import Principal
from chatplatform.core.pipeline import ask, pipelined
from chatplatform.core.prepared import Int8, fetch_all
from retrieval import charging, statements
from retrieval.embedders import embedder_for
from retrieval.errors import RetrievalFailed, TopicNotFound
from retrieval.lexical import language_of, query_words, quoted
from retrieval.models import EmbeddingModel
from retrieval.ranking import Numbers, scores
from retrieval.statistics import Common, how_common
from retrieval.vectors import PACKAGED_ID, as_text

SearchType = Literal["hybrid", "semantic", "keyword"]

MOST_HITS = 100
MOST_QUERY_CHARS = 1_000
"""Of a question that become its vector."""
MOST_WORDS = 8
"""Of a question that are looked for: the rarest."""
FEW_CHUNKS = 5_000
"""That she may read: as many are compared one by one sooner than the index finds hers among all."""
ENOUGH_MATCHES = 200
"""Chunks that the best by words are chosen from, as far as can be told before; twice as many at most."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    query: str
    search_type: SearchType = "hybrid"
    topic_ids: tuple[int, ...] | None = None
    document_ids: tuple[int, ...] | None = None
    """Row ids. Neither: all that she may read. Both: what either names."""
    most: int = 10
    """1 to 100."""
    threshold: float = 0.0
    """0 to 1: hits with a lower score are left out."""
    extensions: tuple[str, ...] = ()
    """Of the files; none: all."""
    written_from: date | None = None
    written_to: date | None = None
    """Days (UTC), both included. A document that does not say when it was written counts by its upload."""


@dataclass(frozen=True, slots=True)
class Hit:
    chunk_uuid: UUID
    document_id: int
    """Its row."""
    document_uuid: UUID
    document_version: int
    ordinal: int
    title: str
    author: str
    file_type: str
    """Its extension."""
    page: int | None
    start: int
    end: int
    """Characters of the document's text: `text` is what stands between them."""
    text: str
    written_at: datetime | None
    created_at: datetime
    """When it was uploaded."""
    score: float
    """0 to 1: see `ranking.py`."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    hits: list[Hit]
    """Best first."""
    total: int
    """Above the threshold, among the candidates: a few hundred at most."""
    search_ms: int
    """All of it."""
    embedding_ms: int
    """Of that: to make the question's vector."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The candidates of a question, all of equal length."""

    chunks: tuple[int, ...] = ()
    """Row ids."""
    documents: tuple[int, ...] = ()
    same_language: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    """As the question's."""
    cosines: Numbers = field(default_factory=lambda: np.zeros(0))
    """On the packaged model's scale; 0 for all where only words are looked for."""
    shares: Numbers = field(default_factory=lambda: np.zeros(0))
    """Of the most that BM25 could be; 0 for all where only meaning is looked for."""
    embedding_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Scope:
    chunks: int
    """That she may read within the request."""
    model_id: int | None
    """Of the model in use."""


def search(*, principal: Principal, request: SearchRequest, exact: bool | None = None) -> SearchResult:
    """Blocking. A question without any word finds nothing. `exact`: see `measure`.

    Raises TopicNotFound (one that she may not read), RetrievalFailed, and AllowanceUsedUp where embedding the question costs.
    """
    began = time.perf_counter()
    measured = measure(principal=principal, request=request, exact=exact)
    scored = scores(
        search_type=request.search_type,
        cosines=measured.cosines,
        shares=measured.shares,
        same_language=measured.same_language,
    )
    found = [pair for pair in zip(measured.chunks, scored.tolist(), strict=True) if pair[1] >= request.threshold and pair[1] > 0]
    found.sort(key=lambda pair: (-pair[1], pair[0]))
    hits = _hits(found[: min(request.most, MOST_HITS)])
    return SearchResult(hits, len(found), _ms(began), measured.embedding_ms)


def measure(*, principal: Principal, request: SearchRequest, exact: bool | None = None) -> Measured:
    """A search up to the scores, for who fits their curves. Raises as `search`.

    `exact`: whether all that she may read is compared; None: where it is little.
    """
    asked = query_words(request.query)
    filters = _filters(principal, request)
    scope = _scope(filters, request)
    if not scope.chunks or not asked:
        return Measured()
    model, vector, embedding_ms = None, None, 0
    if request.search_type != "keyword":
        model = _model(scope.model_id)
        began = time.perf_counter()
        vector = _vector(principal, model, request.query)
        embedding_ms = _ms(began)
    values: dict[str, Any] = filters | {"vector": vector}
    matches = None
    if request.search_type != "semantic":
        matches = _add_words(values, asked, how_common(asked), scope.chunks)
    if model is None and matches is None:
        return Measured()
    one_by_one = scope.chunks <= FEW_CHUNKS if exact is None else exact
    words: statements.ByWords = None
    if matches is not None:
        words = "one by one" if one_by_one and (exact or scope.chunks < matches) else "index"
    rows = _rows(statements.candidates(model=model, one_by_one=one_by_one, by_words=words, most=request.most), values)
    if not rows:
        return Measured(embedding_ms=embedding_ms)
    chunks, documents, languages, cosines, shares = zip(*rows, strict=True)
    language = language_of(request.query)
    return Measured(
        chunks=chunks,
        documents=documents,
        same_language=np.array([one == language for one in languages], dtype=np.bool_),
        cosines=_calibrated(model, np.array(cosines, dtype=np.float64)),
        shares=np.array(shares, dtype=np.float64),
        embedding_ms=embedding_ms,
    )


def _ms(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)


def _filters(principal: Principal, request: SearchRequest) -> dict[str, Any]:
    everything = request.topic_ids is None and request.document_ids is None
    return {
        "user": Int8(principal.user_id),
        "everything": everything,
        "topics": list(request.topic_ids or ()),
        "documents": list(request.document_ids or ()),
        "extensions": list(request.extensions) or None,
        "written_from": _midnight(request.written_from),
        "written_before": _midnight(_day_after(request.written_to)),
    }


def _day_after(day: date | None) -> date | None:
    """None for the last one that there is: nothing was written after it."""
    return None if day is None or day == date.max else day + timedelta(days=1)


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime(day.year, day.month, day.day, tzinfo=UTC)


def _scope(filters: dict[str, Any], request: SearchRequest) -> _Scope:
    ((chunks, topics, model_id),) = fetch_all(statements.SCOPE, filters)
    if topics != len(set(request.topic_ids or ())):
        raise TopicNotFound
    return _Scope(chunks=int(chunks), model_id=model_id)


def _model(model_id: int | None) -> EmbeddingModel:
    if model_id == PACKAGED_ID:
        return _packaged()
    model = None if model_id is None else EmbeddingModel.objects.select_related("provider").filter(pk=model_id).first()
    if model is None:
        raise RetrievalFailed  # an operator left none in use
    return model


@cache
def _packaged() -> EmbeddingModel:
    """Nobody changes it, so it is read once."""
    return EmbeddingModel.objects.get(pk=PACKAGED_ID)


def _vector(principal: Principal, model: EmbeddingModel, query: str) -> str:
    text = query.strip()[:MOST_QUERY_CHARS].encode("utf-8", "replace").decode()  # halves of surrogate pairs are no text
    if not charging.costs(model):
        return as_text(embedder_for(model).embed([text]).vectors[0])
    charging.check_texts(principal=principal, model=model, texts=[text])
    embedded = embedder_for(model).embed([text])
    charging.charge_texts(principal=principal, model=model, texts=[text], embedded=embedded)
    return as_text(embedded.vectors[0])


def _calibrated(model: EmbeddingModel | None, cosines: Numbers) -> Numbers:
    return cosines if model is None else model.cosine_shift + model.cosine_scale * cosines


def _add_words(values: dict[str, Any], asked: Sequence[str], common: Common, chunks: int) -> int | None:
    """Puts into `values` the words that are looked for, the part of the score that each has, and those that candidates are found
    by. Returns how many chunks of all have one of those, more or less; None when no chunk has any word."""
    # A word that no chunk has takes its part of the score with it: what the question is about may be just that. And it changes
    # nothing whether others have it.
    chosen = sorted(asked, key=common.weight, reverse=True)[:MOST_WORDS]
    whole = sum(map(common.weight, chosen))
    present = sorted((word for word in chosen if common.counts[word]), key=lambda word: common.counts[word])
    values["words"] = [quoted(word) for word in present]
    values["weights"] = [common.weight(word) / whole for word in present]
    values["any_word"] = " | ".join(map(quoted, present))
    single, pairs = _selecting(present, common, chunks)
    values["selecting"] = " | ".join([*map(quoted, single), *(f"{quoted(one)} & {quoted(other)}" for one, other in pairs)])
    return sum(common.counts[word] for word in single) if present else None


def _selecting(words: Sequence[str], common: Common, chunks: int) -> tuple[list[str], list[tuple[str, str]]]:
    """What candidates must have: one of the rarest words, or two of the others, as far as that brings enough and not too many."""
    readable = min(1.0, chunks / common.chunks)
    room = float(ENOUGH_MATCHES)
    single: list[str] = []
    for word in words:
        room -= common.counts[word] * readable
        if single and room < 0:
            break
        single.append(word)
    pairs: list[tuple[str, str]] = []
    for one, other in combinations(words[len(single) :], 2):
        room -= common.counts[one] * common.counts[other] / common.chunks * readable
        if room < -ENOUGH_MATCHES:
            break
        pairs.append((one, other))
    return single, pairs


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with pipelined():
        settings, found = ask(statements.SETTINGS, {}), ask(sql, values)
        if settings.row() != statements.SETTINGS_SET:
            raise RetrievalFailed  # this pgvector knows no iterative scan: it would lose rows without a word
        return found.rows()


def _hits(found: Sequence[tuple[int, float]]) -> list[Hit]:
    if not found:
        return []
    rows = {chunk: row for chunk, *row in fetch_all(statements.HITS, {"chunks": [chunk for chunk, _score in found]})}
    return [Hit(*(*rows[chunk], score)) for chunk, score in found if chunk in rows]
