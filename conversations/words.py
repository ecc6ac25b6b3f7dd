"""From a text to what it is found by: words where words are written apart, pairs of characters where they are not. Pure.

    "学习 Python 3.11 😀"   学习 习 python 3 11 😀

PostgreSQL's own parsers know no Chinese, and take `pam_unix(8)` and addresses apart in their own way; so the index is made of
what this file says, in the same way for texts and for what is searched.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_WORD = 64
"""Characters of a word that count; what is longer is data, and found by its beginning."""
MOST_BYTES = 400_000
"""Of all words of a text together: a `tsvector` ends at a megabyte."""
SHORTEST_BEGINNING = 2
"""Characters of a searched word that also find longer ones."""

# Scripts without spaces between words: kana, Han, Hangul syllables, Thai, Lao, Khmer and Myanmar.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUNS = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|(?P<word>[^\W_{_UNSPACED}]+)|(?P<other>[^\w\s])")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A word to be found."""

    word: str
    beginning: bool
    """Words that begin like it are meant, too."""


def words_of(text: str) -> list[str]:
    """What a text is found by, each once."""
    found: dict[str, None] = {}
    size = 0
    for kind, run in _runs(text):
        for word in _pairs(run, last=True) if kind == "unspaced" else (run,):
            if word not in found:
                size += len(word.encode())
                if size > MOST_BYTES:
                    return list(found)
                found[word] = None
    return list(found)


def wanted_words(text: str) -> list[Wanted]:
    """What a text must have to be found by `text`: all of these. Empty when there is nothing in it that anything is found by."""
    found: dict[Wanted, None] = {}
    for kind, run in _runs(text):
        if kind != "unspaced":
            found[Wanted(run, kind == "word" and len(run) >= SHORTEST_BEGINNING)] = None
        elif len(run) == 1:
            found[Wanted(run, True)] = None  # every pair that begins with it
        else:
            found.update({Wanted(pair, False): None for pair in _pairs(run, last=False)})
    return list(found)


def _pairs(run: str, *, last: bool) -> Iterator[str]:
    for begin in range(len(run) - 1):
        yield run[begin : begin + 2]
    if last:
        yield run[-1]  # it begins no pair, and is to be found alone, too


def _runs(text: str) -> Iterator[tuple[str, str]]:
    for match in _RUNS.finditer(unicodedata.normalize("NFKC", text).casefold()):
        kind, run = str(match.lastgroup), match.group()
        # Of what is neither letter nor digit only pictures are worth finding.
        if kind != "other":
            yield kind, run[:LONGEST_WORD] if kind == "word" else run
        elif unicodedata.category(run) == "So":
            yield kind, run
