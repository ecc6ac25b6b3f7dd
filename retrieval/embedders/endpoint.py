"""An OpenAI-compatible endpoint: https://platform.openai.com/docs/api-reference/embeddings/create

Asked through the same guarded client as the vendors of answers, with the provider's address and key, in one event loop of this
process that is kept for it, so that connections are used again.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import structlog
from django.conf import settings

from chatplatform.core.masking import mask
from providers import upstream
from providers.adapters.streaming import StreamingAdapter
from providers.base import ProviderError
from providers.registry import open_row
from retrieval.embedders import Embedded, checked
from retrieval.errors import EmbeddingFailed
from retrieval.models import EmbeddingModel

log = structlog.get_logger(__name__)

CHARS_A_TOKEN = 3


class EndpointEmbedder:
    def __init__(self, model: EmbeddingModel) -> None:
        assert model.provider is not None
        self.dimensions = model.dimensions
        self._name, self._model = model.name, model.model
        if not model.provider.is_active:
            raise self._failed("its provider is switched off")
        try:
            adapter = open_row(model.provider)
        except ProviderError as error:
            raise self._failed(str(error)) from None
        if not isinstance(adapter, StreamingAdapter):
            raise self._failed("its provider speaks no HTTP")
        self._adapter = adapter

    def embed(self, texts: Sequence[str]) -> Embedded:
        if not texts:
            return Embedded([], tokens=0, source="provider")
        shown = [mask(text) for text in texts] if settings.MASK_FOR_PROVIDERS else list(texts)
        body = {"model": self._model, "input": shown, "encoding_format": "float"}
        asked = asyncio.run_coroutine_threadsafe(self._adapter.call("POST", "/embeddings", body), _loop(os.getpid()))
        try:
            answer = asked.result()  # the adapter has a deadline of its own
        except ProviderError as error:
            raise self._failed(str(error)) from None
        try:
            vectors = checked(_in_order(answer), count=len(texts), dimensions=self.dimensions)
        except (EmbeddingFailed, KeyError, TypeError, ValueError):
            raise self._failed("its answer is not what was asked for") from None
        tokens = _counted(answer)
        estimated = sum(1 + len(text) // CHARS_A_TOKEN for text in texts)
        return Embedded(vectors, tokens=tokens or estimated, source="provider" if tokens else "estimated")

    def _failed(self, reason: str) -> EmbeddingFailed:
        log.warning("embedding_failed", model=self._name, reason=reason)
        return EmbeddingFailed()


def _in_order(answer: Any) -> list[Any]:
    """The vectors; vendors may answer in any order and name it."""
    rows = list(answer["data"])
    if all("index" in row for row in rows):
        rows.sort(key=lambda row: int(row["index"]))
    return [row["embedding"] for row in rows]


def _counted(answer: Any) -> int:
    """The vendor's count of tokens; 0 when it says none."""
    usage = answer.get("usage")
    count = usage.get("total_tokens") or usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 < count < 10**9 else 0


@cache
def _loop(pid: int) -> asyncio.AbstractEventLoop:
    """By process: a thread does not live on in a child."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="embedding-endpoints", daemon=True).start()
    atexit.register(_hang_up, loop)
    return loop


def _hang_up(loop: asyncio.AbstractEventLoop) -> None:
    with contextlib.suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(upstream.close(), loop).result(1)
