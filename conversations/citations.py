"""Which of the passages that an answer was given to read it really uses. The server finds it out, whatever a model says. Pure.

An answer uses a passage when it has its marker (`[2]`, also `[1, 2]` and `【2】`), or a stretch of at least 12 characters of it,
word for word. Markers of no passage are nothing.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

SHORTEST_SPAN = 12
"""Characters, with each run of white space as one: where lines break says nothing about the words."""

_MARKER = re.compile(r"[\[【]\s*(\d{1,3}(?:\s*[,，、]\s*\d{1,3})*)\s*[\]】]")
_NUMBER = re.compile(r"\d+")
_SPACES = re.compile(r"\s+")
_SAYING = re.compile(r"\w")


def positions_cited(answer: str, excerpts: Sequence[str]) -> tuple[int, ...]:
    """Positions from 1, in order. `excerpts` are the passages in the order of their markers."""
    if not excerpts or not answer:
        return ()
    return tuple(sorted(_marked(answer, most=len(excerpts)) | _quoted(answer, excerpts)))


def _marked(answer: str, *, most: int) -> set[int]:
    numbers = {int(number) for found in _MARKER.finditer(answer) for number in _NUMBER.findall(found[1])}
    return {number for number in numbers if 1 <= number <= most}


def _quoted(answer: str, excerpts: Sequence[str]) -> set[int]:
    holders: defaultdict[str, set[int]] = defaultdict(set)
    for position, excerpt in enumerate(excerpts, start=1):
        for span in _spans(excerpt):
            holders[span].add(position)
    found: set[int] = set()
    for span in _spans(answer):
        # A row of dots or a ruled line is nobody's words.
        if span in holders and _SAYING.search(span):
            found |= holders[span]
    return found


def _spans(text: str) -> Iterator[str]:
    plain = _SPACES.sub(" ", text).strip()
    for begin in range(len(plain) - SHORTEST_SPAN + 1):
        yield plain[begin : begin + SHORTEST_SPAN]
