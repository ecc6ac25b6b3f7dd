"""Texts as vectors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
from django.utils.translation import gettext as _

from accounts.principal import Principal
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.native import NativeAnswer, NativeCall
from chatplatform.contracts.openai import requests, responses, schemas
from chatplatform.contracts.openai.errors import UnsupportedParameter
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.aio import in_search_thread
from chatplatform.core.errors import ContextTooLong
from providers.errors import UnknownModel
from quotas.errors import AllowanceUsedUp
from retrieval import embeddings
from retrieval.errors import EmbeddingFailed
from retrieval.models import EmbeddingModel

_ONE_AT_A_TIME = asyncio.Semaphore(1)
"""Of batches, in a process: the other threads are for those who search, however many want vectors."""


class EmbeddingViewSet(ContractViewSet):
    tag = "Embeddings"

    @described(
        "create_embeddings",
        "Texts as vectors",
        request=requests.Embedding,
        data=schemas.Embeddings,
        errors=(UnsupportedParameter, UnknownModel, ContextTooLong, AllowanceUsedUp, EmbeddingFailed),
    )
    @native
    async def create(self, call: NativeCall) -> NativeAnswer:
        """Batch by batch: a client that leaves ends it with the batch that is being made."""
        sent, person = call.parse(requests.Embedding, keys_once=True), call.person
        model, texts = await in_search_thread(_prepare, person, sent)
        as_base64 = sent["encoding_format"] == "base64"
        found: list[orjson.Fragment] = []
        tokens = 0
        for batch in embeddings.batches(texts):
            async with _ONE_AT_A_TIME:
                made, cost = await in_search_thread(_embed, person, model, batch, begin=len(found), as_base64=as_base64)
            found += made
            tokens += cost
        return call.answer(responses.embedding_list(found, model=model.model, tokens=tokens))


def _prepare(principal: Principal, sent: dict[str, Any]) -> tuple[EmbeddingModel, list[str]]:
    model = embeddings.find_model(name=sent["model"])
    if sent["dimensions"] not in (None, model.dimensions):
        issue = _("This model has %(dimensions)d dimensions.") % {"dimensions": model.dimensions}
        raise UnsupportedParameter(field="dimensions", issue=issue)
    texts = requests.texts_of(sent)
    embeddings.check(principal=principal, model=model, texts=texts)
    return model, texts


def _embed(
    principal: Principal, model: EmbeddingModel, texts: Sequence[str], *, begin: int, as_base64: bool
) -> tuple[list[orjson.Fragment], int]:
    embedded = embeddings.embed(principal=principal, model=model, texts=texts)
    return responses.embeddings(embedded.vectors, begin=begin, as_base64=as_base64), embedded.tokens
