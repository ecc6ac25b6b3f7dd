"""So many chunks that everyone may read, at once: `python -m bench.library CACHE CHUNKS`, in a platform's environment.

Their texts are sentences of the manuals in any order, their vectors the sum of those of three sentences: embedding them all would
take half an hour. Standard output gets JSON: questions, all different, in both languages.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import django
import orjson

django.setup()

import numpy as np  # noqa: E402
from django.db import connection  # noqa: E402

from accounts.models import User  # noqa: E402
from bench.command import say  # noqa: E402
from bench.manuals import manual  # noqa: E402
from retrieval.chunking import CHINESE_CHARS, OTHER_CHARS  # noqa: E402
from retrieval.embedders import active_model, embedder_for  # noqa: E402
from retrieval.lexical import language_of, words  # noqa: E402
from retrieval.models import Chunk, Document, Topic  # noqa: E402
from retrieval.vectors import drop_index, ensure_index, store_vectors  # noqa: E402
from tests.retrieval.shelf import principal_of, store  # noqa: E402

A_DOCUMENT, REAL, QUESTIONS = 200, 4_000, 5_000
"""Chunks of a document; sentences that are embedded; questions that are made."""
SHARES = (1.0, 0.6, 0.4)
"""Of three sentences in a chunk's vector."""
_SENTENCES = re.compile(r"[^。.!?！？\n]{12,}[。.!?！？]?")


def main() -> None:
    dice = random.Random(7)
    sentences = {
        language: [
            match.group().strip() for one in manual(Path(sys.argv[1]), language) for match in _SENTENCES.finditer(one.text)
        ]
        for language in ("zh", "en")
    }
    owner = User.objects.create(username="library", email="library@example.com")
    topic = Topic.objects.create(owner=owner, name="Library", for_everyone=True)
    fill(dice, sentences, topic, int(sys.argv[2]))
    questions = [dice.choice(sentences[("zh", "en")[n % 2]])[:60] + f" {n}" for n in range(QUESTIONS)]
    sys.stdout.buffer.write(orjson.dumps(questions))


def fill(dice: random.Random, sentences: dict[str, list[str]], topic: Topic, count: int) -> None:
    model, alice = active_model(), principal_of(topic.owner)
    texts = _texts(dice, sentences)
    embedder = embedder_for(model)
    some = dice.sample(sentences["zh"], REAL // 2) + dice.sample(sentences["en"], REAL // 2)
    real = np.array([vector for at in range(0, REAL, 50) for vector in embedder.embed(some[at : at + 50]).vectors])
    drop_index(model)
    began = time.monotonic()
    chance = np.random.default_rng(7)
    for first in range(0, count, A_DOCUMENT):
        document = store(alice, "", title=f"Book {first // A_DOCUMENT}", topic=topic)
        size = min(A_DOCUMENT, count - first)
        chunks = Chunk.objects.bulk_create(_chunk(dice, document, n, next(texts)) for n in range(size))
        Document.objects.filter(pk=document.pk).update(chunk_count=size, chunks_done=size)
        parts = real[chance.integers(REAL, size=(len(SHARES), size))]
        mixed = np.tensordot(SHARES, parts, axes=1)
        store_vectors(
            model=model, rows=[(chunk.pk, document.pk, mixed[n] / np.linalg.norm(mixed[n])) for n, chunk in enumerate(chunks)]
        )
    say(f"library: {count:,} chunks in {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    ensure_index(model)
    say(f"library: their index in {time.monotonic() - began:.0f} s")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE retrieval_document")
        cursor.execute("VACUUM ANALYZE retrieval_embedding")
        began = time.monotonic()
        cursor.execute("VACUUM ANALYZE retrieval_chunk")
    say(f"library: ANALYZE of the chunks in {time.monotonic() - began:.0f} s")


def _texts(dice: random.Random, sentences: dict[str, list[str]]) -> Iterator[str]:
    while True:
        language = dice.choice(("zh", "en"))
        most, text = (CHINESE_CHARS if language == "zh" else OTHER_CHARS), ""
        while len(text) < most * 0.8:
            text += dice.choice(sentences[language]) + ("" if language == "zh" else " ")
        yield text[:most].strip()


def _chunk(dice: random.Random, document: Document, number: int, text: str) -> Chunk:
    found_by = words(text)
    place: dict[str, Any] = {"ordinal": number, "start": 0, "end": len(text), "page": number // 3 + 1}
    return Chunk(
        uuid=UUID(int=dice.getrandbits(128), version=4),
        document=document,
        language=language_of(text),
        text=text,
        words=found_by.literal,
        length=found_by.length,
        **place,
    )


if __name__ == "__main__":
    main()
