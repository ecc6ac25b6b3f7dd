"""From a document's text to the pieces that are searched and quoted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from semantic_text_splitter import TextSplitter

from retrieval.lexical import language_of, words

CHINESE_CHARS = 400
OTHER_CHARS = 1_000
"""At most, in a piece: about the same number of words in either."""
AT_ONCE = 10_000
"""Characters that are cut at once, at most: where a text has neither lines nor sentences the time to cut it grows with the square
of its length, and 10 MB would take hours."""
_ENDS = ("\n\n", "\n", "。", ". ", " ")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text: `text == whole[start:end]`. It begins and ends without white space."""

    ordinal: int
    start: int
    end: int
    page: int | None
    """From 1. A piece never crosses the end of a page: it is all on this one."""
    language: str
    """zh, en or empty, as `lexical.language_of` says."""
    text: str
    words: str
    """The literal of a `tsvector`."""
    length: int
    """Of `words`, counting repetitions."""


def split(*, text: str, page_starts: Sequence[int]) -> list[Piece]:
    """All that has anything to be found by, at the ends of sentences and paragraphs where there are any.

    `page_starts`: where each page begins, in characters, ascending from 0; empty for a text without pages.
    """
    pieces: list[Piece] = []
    for page, start, piece in _on_pages(text, page_starts):
        found_by = words(piece)
        if found_by.length:
            pieces.append(
                Piece(
                    ordinal=len(pieces),
                    start=start,
                    end=start + len(piece),
                    page=page,
                    language=language_of(piece),
                    text=piece,
                    words=found_by.literal,
                    length=found_by.length,
                )
            )
    return pieces


def _on_pages(text: str, page_starts: Sequence[int]) -> Iterator[tuple[int | None, int, str]]:
    for number, (begin, end) in enumerate(pairwise((*(page_starts or (0,)), len(text))), start=1):
        for start, piece in _stretches(text[begin:end]):
            yield (number if page_starts else None), begin + start, piece


def _stretches(text: str) -> Iterator[tuple[int, str]]:
    """Characters from the start, and what stands there."""
    chinese, other = TextSplitter(CHINESE_CHARS), TextSplitter(OTHER_CHARS)
    for begin, part in _parts(text):
        if language_of(part) == "zh":
            yield from ((begin + start, piece) for start, piece in chinese.chunk_indices(part))
            continue
        for start, piece in other.chunk_indices(part):
            if len(piece) > CHINESE_CHARS and language_of(piece) == "zh":
                yield from ((begin + start + offset, smaller) for offset, smaller in chinese.chunk_indices(piece))
            else:
                yield begin + start, piece


def _parts(text: str) -> Iterator[tuple[int, str]]:
    """Of `AT_ONCE` characters at most, up to the end of a paragraph, a line, a sentence or a word where one is near."""
    begin = 0
    while len(text) - begin > AT_ONCE:
        near, end = begin + AT_ONCE // 2, begin + AT_ONCE
        ends = (text.rfind(mark, near, end) + len(mark) for mark in _ENDS if text.rfind(mark, near, end) >= 0)
        end = next(ends, end)
        yield begin, text[begin:end]
        begin = end
    yield begin, text[begin:]
