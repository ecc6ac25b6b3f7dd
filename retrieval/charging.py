"""What embedding costs. The packaged model costs nobody anything, and is counted all the same: usage rows with the price 0, the
tokens estimated. What an endpoint embeds is reserved and settled like a turn's tokens; it is no request.

A batch's reservation is named by the fence of whoever works on the document and by how far it has come. So whoever takes the
document up after a dead worker knows what that one may have left open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID, uuid4, uuid5

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Length

from accounts.principal import Principal
from providers.catalogue import Price, PriceTable
from providers.directory import price_row
from providers.models import ModelPrice
from providers.tokens import count_text
from quotas import ledger
from quotas.costs import MeasuredUsage, UsageSource
from quotas.models import UsageKind
from retrieval.embedders import Embedded
from retrieval.embedders.packaged import CHARS_A_TOKEN
from retrieval.models import Chunk, Document, EmbeddingModel


def costs(model: EmbeddingModel) -> bool:
    return model.kind != EmbeddingModel.Kind.PACKAGED


def reserve_batch(*, document: Document, model: EmbeddingModel, texts: Sequence[str]) -> None:
    """Holds a batch's tokens of the document's owner before an endpoint is asked. Raises AllowanceUsedUp."""
    if costs(model):
        _reserve(
            document.owner_id, document.owner.tier, _name_of_batch(document.fence, document.chunks_done, model), texts, model
        )


def settle_batch(*, document: Document, model: EmbeddingModel, embedded: Embedded) -> None:
    """In the transaction that stores the batch's vectors."""
    if costs(model):
        _settle(_name_of_batch(document.fence, document.chunks_done, model), model, embedded)


def release_left(*, fence: UUID | None, chunks_done: int) -> None:
    """Gives back what whoever had this fence, and came so far, may have left open."""
    if fence is not None:
        for model in EmbeddingModel.objects.exclude(kind=EmbeddingModel.Kind.PACKAGED):
            ledger.release(turn_id=_name_of_batch(fence, chunks_done, model))


def count_free(*, document: Document, model: EmbeddingModel, chunks: QuerySet[Chunk]) -> None:
    """Once for a document that the packaged model has embedded: in the transaction that makes it ready."""
    if not costs(model):
        lengths = chunks.annotate(characters=Length("text")).values_list("characters", flat=True)
        tokens = sum(1 + characters // CHARS_A_TOKEN for characters in lengths)
        usage = MeasuredUsage(prompt_tokens=tokens, completion_tokens=0, source="estimated")
        ledger.record_free(
            user_id=document.owner_id, usage=usage, provider_name=model.name, model=model.model, kind=UsageKind.EMBEDDING
        )


@transaction.atomic
def check_texts(*, principal: Principal, model: EmbeddingModel, texts: Sequence[str]) -> None:
    """Before an endpoint is asked for vectors. Raises AllowanceUsedUp; nothing is held, so nothing is left open by a process that
    dies while it waits."""
    _reserve(principal.user_id, principal.tier, uuid4(), texts, model)
    transaction.set_rollback(True)


@transaction.atomic
def charge_texts(*, principal: Principal, model: EmbeddingModel, texts: Sequence[str], embedded: Embedded) -> None:
    """After it. Raises AllowanceUsedUp where others of hers were faster; then nobody is charged and she is refused."""
    name = uuid4()
    _reserve(principal.user_id, principal.tier, name, texts, model)
    _settle(name, model, embedded)


def count_free_texts(*, principal: Principal, model: EmbeddingModel, embedded: Embedded) -> None:
    """What somebody had embedded by the packaged model."""
    usage = MeasuredUsage(prompt_tokens=embedded.tokens, completion_tokens=0, source="estimated")
    ledger.record_free(
        user_id=principal.user_id, usage=usage, provider_name=model.name, model=model.model, kind=UsageKind.EMBEDDING
    )


def _name_of_batch(fence: UUID | None, chunks_done: int, model: EmbeddingModel) -> UUID:
    assert fence is not None  # only whoever works on the document embeds it
    return uuid5(fence, f"{model.pk}:{chunks_done}")


@transaction.atomic
def _reserve(user_id: int, tier: str, name: UUID, texts: Sequence[str], model: EmbeddingModel) -> None:
    tokens = sum(count_text(text, model=model.model) for text in texts)
    ledger.reserve(user_id=user_id, tier=tier, turn_id=name, prompt_tokens=tokens, asked_output=0, room=0, requests=0)


def _settle(name: UUID, model: EmbeddingModel, embedded: Embedded) -> None:
    provider = model.provider
    ledger.settle(
        turn_id=name,
        message_id=None,
        conversation_id=None,
        usage=MeasuredUsage(prompt_tokens=embedded.tokens, completion_tokens=0, source=cast(UsageSource, embedded.source)),
        price=_price(model),
        provider_id=model.provider_id,
        provider_name=provider.name if provider else "",
        model_asked=model.model,
        model_answered=model.model,
        kind=UsageKind.EMBEDDING,
    )


def _price(model: EmbeddingModel) -> Price | None:
    """An operator's, or the catalogue's; None where nobody knows."""
    vendor = model.provider.price_vendor if model.provider else ""
    rows = map(price_row, ModelPrice.objects.filter(vendor__in={"", vendor}))
    return PriceTable(rows, vendors={"", vendor}).facts(vendor=vendor, model=model.model).price
