"""Vectors as such, for whoever asks for them. Blocking: call it in the threads that search.

model = find_model(name="packaged")
check(principal=alice, model=model, texts=texts)
for batch in batches(texts):
    embedded = embed(principal=alice, model=model, texts=batch)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from accounts.principal import Principal
from chatplatform.core.errors import ContextTooLong
from providers.errors import UnknownModel
from providers.tokens import count_text
from retrieval import charging
from retrieval.embedders import Embedded, embedder_for
from retrieval.models import EmbeddingModel

LONGEST_PACKAGED = 8_000
"""Characters of a text. The packaged model takes 0.7 s for so many, and for more ever longer."""
LONGEST_TOKENS = 8_191
"""Of a text for an endpoint, as OpenAI's have it."""
MOST_CHARACTERS = 1_000_000
"""Of all texts of a request, as many as one can write out. (A token of a few digits may be a hundred spaces.)"""
BATCH_TEXTS = 64
BATCH_CHARS = 16_000


def list_embedding_models() -> list[EmbeddingModel]:
    """Those that may be asked for, the one that answers searches first."""
    rows = EmbeddingModel.objects.select_related("provider").exclude(state=EmbeddingModel.State.RETIRED)
    usable = [row for row in rows.order_by("id") if row.provider is None or row.provider.is_active]
    return sorted(usable, key=lambda row: row.state != EmbeddingModel.State.ACTIVE)


def find_model(*, name: str) -> EmbeddingModel:
    """By its endpoint's name for it, or ours. Raises UnknownModel."""
    usable = list_embedding_models()
    for row in (*(row for row in usable if row.model == name), *(row for row in usable if row.name == name)):
        return row
    raise UnknownModel(name)


def check(*, principal: Principal, model: EmbeddingModel, texts: Sequence[str]) -> None:
    """Before the first batch. Raises ContextTooLong (one of them is, or all together), and AllowanceUsedUp where it costs."""
    if sum(map(len, texts)) > MOST_CHARACTERS:
        raise ContextTooLong
    if not charging.costs(model):
        if any(len(text) > LONGEST_PACKAGED for text in texts):
            raise ContextTooLong
        return
    # A token is hardly ever less than a character.
    if any(len(text) > LONGEST_TOKENS and count_text(text, model=model.model) > LONGEST_TOKENS for text in texts):
        raise ContextTooLong
    charging.check_texts(principal=principal, model=model, texts=texts)


def batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """So that nobody holds a thread for long, and who leaves costs no more."""
    begin, chars = 0, 0
    for end, text in enumerate(texts):
        if end > begin and (end - begin == BATCH_TEXTS or chars + len(text) > BATCH_CHARS):
            yield texts[begin:end]
            begin, chars = end, 0
        chars += len(text)
    if begin < len(texts):
        yield texts[begin:]


def embed(*, principal: Principal, model: EmbeddingModel, texts: Sequence[str]) -> Embedded:
    """A batch, charged as soon as it is there. Raises EmbeddingFailed, and AllowanceUsedUp where others of hers were faster."""
    embedded = embedder_for(model).embed(texts)
    if charging.costs(model):
        charging.charge_texts(principal=principal, model=model, texts=texts, embedded=embedded)
    else:
        charging.count_free_texts(principal=principal, model=model, embedded=embedded)
    return embedded
