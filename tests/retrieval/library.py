"""People, documents and embedders for tests of what happens to a document."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accounts.principal import Principal
from chatplatform.core.origin import NOWHERE
from retrieval import services
from retrieval.embedders import active_model
from retrieval.models import Chunk, Document, Embedding, EmbeddingModel
from retrieval.vectors import install_packaged_model
from tests.factories import make_user
from tests.retrieval.shelf import principal_of

_names = itertools.count(1)


def person(name: str, **fields: Any) -> Principal:
    return principal_of(make_user(f"{name}{next(_names)}", **fields))


def packaged_model() -> EmbeddingModel:
    """The one that a fresh installation searches with. (A test that commits ends with empty tables.)"""
    install_packaged_model()
    return active_model()


def sentences(count: int, about: str = "widgets") -> str:
    """A text of so many paragraphs, each long enough to be a chunk of its own, no two alike."""
    filler = "It is made of brass and polished by hand before it leaves the workshop. " * 12
    return "\n\n".join(f"Paragraph {number} tells of {about} number {number}. {filler}" for number in range(1, count + 1))


def upload(
    principal: Principal, text: str = "", *, name: str = "notes.txt", content: bytes | None = None, **more: Any
) -> Document:
    body = text.encode() if content is None else content
    return services.upload_document(principal=principal, name=name, content=body, origin=NOWHERE, **more)


def stored_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def chunks_of(document: Document) -> Sequence[tuple[Any, ...]]:
    """All of a document's chunks as values that do not depend on when they were made."""
    return list(
        Chunk.objects.filter(document=document)
        .order_by("version", "ordinal")
        .values_list("version", "ordinal", "start", "end", "page", "language", "text", "length")
    )


def vectors_of(document: Document) -> int:
    return Embedding.objects.filter(document=document).count()
