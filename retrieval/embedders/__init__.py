"""Who turns texts into vectors: a boundary like that to the providers. Blocking: call it off the event loop.

    embedded = embedder_for(active_model()).embed(["你好", "hello"])

Vectors have the model's dimensions and length 1, whoever made them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import EmbeddingFailed, RetrievalFailed
from retrieval.models import Document, EmbeddingModel

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embedded:
    """What became of some texts, in their order."""

    vectors: list[Vector]
    tokens: int
    """What all of them together cost."""
    source: str
    """Who counted: estimated or provider."""


class Embedder(Protocol):
    dimensions: int

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Raises EmbeddingFailed: then none of the texts has a vector."""


def active_model() -> EmbeddingModel:
    """The one that answers searches. Raises RetrievalFailed when an operator left none."""
    model = EmbeddingModel.objects.select_related("provider").filter(state=EmbeddingModel.State.ACTIVE).first()
    if model is None:
        raise RetrievalFailed
    return model


def embedder_for(model: EmbeddingModel) -> Embedder:
    """Cheap to make; raises EmbeddingFailed when its provider cannot be asked. Read `provider` along with the row."""
    if model.kind == EmbeddingModel.Kind.PACKAGED:
        from retrieval.embedders.packaged import PackagedEmbedder

        return PackagedEmbedder()
    from retrieval.embedders.endpoint import EndpointEmbedder

    return EndpointEmbedder(model)


def warm_up() -> None:
    """Loads the packaged encoder now, and not with somebody's first search, where there is anything to find: two seconds."""
    if Document.objects.exists() and active_model().kind == EmbeddingModel.Kind.PACKAGED:
        from retrieval.embedders import packaged

        packaged.load()


def checked(vectors: Sequence[Sequence[float]] | Vector, *, count: int, dimensions: int) -> list[Vector]:
    """`vectors` with length 1. Raises EmbeddingFailed unless there are `count` of `dimensions` finite numbers, none of them 0."""
    try:
        found = np.asarray(vectors, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise EmbeddingFailed from None  # of different lengths, or no numbers
    if found.shape != (count, dimensions) or not np.isfinite(found).all():
        raise EmbeddingFailed
    largest = np.abs(found).max(axis=1, keepdims=True)
    if not largest.all():
        raise EmbeddingFailed
    found = found / largest  # so that no square is too large or too small for a number
    return list((found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32))
