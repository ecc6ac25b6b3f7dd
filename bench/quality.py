"""How well sections are found in real text, in a language and across: `python -m bench.quality CACHE EVERY`, in a
platform's environment. EVERY: of the questions, one in so many.

Each section of the manuals is a document. A title is asked in the sections without their titles, a first sentence in those
without their first sentences too. Standard output gets JSON: ranks by question, and the curves that fit what was measured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django
import orjson

django.setup()

import numpy as np  # noqa: E402

from accounts.models import User  # noqa: E402
from accounts.principal import Principal  # noqa: E402
from bench.command import say  # noqa: E402
from bench.manuals import Section, manual  # noqa: E402
from retrieval.models import Topic  # noqa: E402
from retrieval.search import SearchRequest, SearchType, measure, search  # noqa: E402
from tests.retrieval.shelf import principal_of, store  # noqa: E402

LANGUAGES = ("zh", "en")
TYPES: tuple[SearchType, ...] = ("keyword", "semantic", "hybrid")
SHORTEST_SENTENCE = 15
DEEPEST = 100
FIT_EVERY = 3
"""Questions of which one is measured for the curves."""


@dataclass(frozen=True, slots=True)
class Question:
    kind: str
    """title or sentence"""
    language: str
    anchor: str
    text: str


def main() -> None:
    books = {language: manual(Path(sys.argv[1]), language) for language in LANGUAGES}
    shared = set.intersection(*({one.anchor for one in book} for book in books.values()))
    books = {language: [one for one in book if one.anchor in shared] for language, book in books.items()}
    alice = principal_of(User.objects.create(username="quality", email="quality@example.com"))
    topics, anchors = fill(alice, books)
    questions = list(ask(books))[:: int(sys.argv[2])]
    say(f"quality: {len(shared)} sections in each language, {len(questions)} questions")
    ranks = list(ranked(alice, topics, anchors, questions))
    say("quality: measuring for the curves")
    sys.stdout.buffer.write(
        orjson.dumps({"sections": len(shared), "ranks": ranks, "curves": fit(alice, topics, anchors, questions[::FIT_EVERY])})
    )


def fill(alice: Principal, books: dict[str, list[Section]]) -> tuple[dict[tuple[str, str], int], dict[int, str]]:
    """The topics by kind of question and language, and the sections' anchors by document."""
    topics: dict[tuple[str, str], int] = {}
    anchors: dict[int, str] = {}
    for language, book in books.items():
        for kind in ("title", "sentence"):
            topic = Topic.objects.create(owner_id=alice.user_id, name=f"{language} {kind}")
            topics[kind, language] = topic.pk
            for section in book:
                text = section.text if kind == "sentence" else f"{section.first}\n{section.text}"
                anchors[store(alice, text, topic=topic).pk] = section.anchor
            say(f"quality: {language} stored, to be asked by {kind}")
    return topics, anchors


def ask(books: dict[str, list[Section]]) -> Iterator[Question]:
    """Titles that only one section has, and first sentences that say something."""
    for language, book in books.items():
        titles = [section.title for section in book]
        for section in book:
            if titles.count(section.title) == 1:
                yield Question("title", language, section.anchor, section.title)
            if len(section.first) > SHORTEST_SENTENCE:
                yield Question("sentence", language, section.anchor, section.first)


def ranked(
    alice: Principal, topics: dict[tuple[str, str], int], anchors: dict[int, str], questions: list[Question]
) -> Iterator[dict[str, Any]]:
    """Of each question, in each language and in both, by each type of search: the rank of its section, 0 for none."""
    for number, question in enumerate(questions):
        if number % 200 == 0:
            say(f"quality: question {number} of {len(questions)}")
        for target in (*LANGUAGES, "both"):
            among = tuple(topics[question.kind, one] for one in LANGUAGES if target in (one, "both"))
            for search_type in TYPES:
                if search_type == "keyword" and target not in (question.language, "both"):
                    continue
                request = SearchRequest(query=question.text, search_type=search_type, topic_ids=among, most=DEEPEST)
                hits = search(principal=alice, request=request).hits
                found = list(dict.fromkeys(anchors[hit.document_id] for hit in hits))
                rank = found.index(question.anchor) + 1 if question.anchor in found else 0
                yield {
                    "kind": question.kind, "from": question.language, "to": target, "type": search_type, "rank": rank,
                    "best": hits[0].score if hits else 0.0,
                }  # fmt: skip


def fit(
    alice: Principal, topics: dict[tuple[str, str], int], anchors: dict[int, str], questions: list[Question]
) -> dict[str, list[float]]:
    """The curves of `retrieval/ranking.py`, as constant, cosine, words, from the nearest 20 by either measure."""
    pairs: dict[str, list[tuple[float, float, bool]]] = {"BOTH": [], "NEAR": [], "NAMED": []}
    for question in questions:
        among = tuple(topics[question.kind, one] for one in LANGUAGES)
        found = measure(principal=alice, request=SearchRequest(query=question.text, topic_ids=among))
        rows = list(
            zip(
                found.cosines.tolist(),
                found.shares.tolist(),
                (anchors[one] == question.anchor for one in found.documents),
                found.same_language.tolist(),
                strict=True,
            )
        )
        for own in (True, False):
            here = [row[:3] for row in rows if row[3] is own]
            near = sorted(here, key=lambda row: -row[0])[:20]
            named = [row for row in sorted(here, key=lambda row: -row[1])[:20] if row[1] > 0]
            pairs["NEAR"] += near
            if own:
                pairs["BOTH"] += dict.fromkeys(near + named)
                pairs["NAMED"] += named
    columns = {"BOTH": [0, 1], "NEAR": [0], "NAMED": [1]}
    return {name: _logistic(np.array(rows, dtype=np.float64), columns[name]) for name, rows in pairs.items()}


def _logistic(rows: np.ndarray, columns: list[int]) -> list[float]:
    """Newton's method; what answers and what does not weigh the same as wholes."""
    answers = rows[:, 2] > 0
    given = np.column_stack([np.ones(len(rows)), rows[:, columns]])
    weights = np.where(answers, 0.5 / answers.mean(), 0.5 / (1 - answers.mean()))
    found = np.zeros(given.shape[1])
    for _step in range(30):
        likely = 1 / (1 + np.exp(-given @ found))
        slope = given.T @ (weights * (answers - likely))
        bend = (given * (weights * likely * (1 - likely))[:, None]).T @ given
        found += np.linalg.solve(bend, slope)
    whole = [round(float(found[0]), 2), 0.0, 0.0]
    for column, value in zip(columns, found[1:], strict=True):
        whole[column + 1] = round(float(value), 2)
    return whole


if __name__ == "__main__":
    main()
