"""What a text is found by: words, with how often each is in it, as PostgreSQL keeps them. Pure.

    "配置 PAM_unix(8) 模块"    →    '8':4 'pam':2 'unix':3 '模块':5 '配置':1

PostgreSQL's own parsers know no Chinese and take `pam_unix(8)` apart in ways of their own, so the literal of a `tsvector` is made
here, in the same way for texts and for questions. Chinese is cut into words by a dictionary, other scripts without spaces into
pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import rjieba

LONGEST_WORD = 64
"""Characters of a word that count; what is longer is data, and found by its beginning."""
MOST_PLACES = 16_383
"""A `tsvector` counts places no further."""
MOST_QUERY_CHARS = 2_000
"""Of a question that are read: nobody means each word of what is longer."""

_HAN = "\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
# Kana, Hangul syllables, Thai, Lao, Khmer and Myanmar.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff\uac00-\ud7af"
_RUNS = re.compile(rf"(?P<han>[{_HAN}]+)|(?P<pairs>[{_UNSPACED}]+)|(?P<word>[^\W_{_HAN}{_UNSPACED}]+)")
_HAN_CHARACTERS = re.compile(f"[{_HAN}]")
_LATIN_LETTERS = re.compile("[A-Za-z\u00c0-\u024f]")
_OTHER_LETTERS = re.compile(rf"[{_UNSPACED}\u0370-\u0dff]")  # with Greek to Sinhala: Cyrillic, Hebrew, Arabic, …
LATIN_TO_A_HAN = 3
"""Letters that say as much as one Chinese character."""


@dataclass(frozen=True, slots=True)
class Words:
    """Of one text."""

    literal: str
    """Of a `tsvector`; empty when nothing is in it that anything is found by."""
    length: int
    """Words, counting repetitions."""


def words(text: str) -> Words:
    places: dict[str, list[int]] = {}
    length = 0
    for length, word in enumerate(words_in(text), start=1):
        if length <= MOST_PLACES:
            places.setdefault(word, []).append(length)
    literal = " ".join(f"{quoted(word)}:{','.join(map(str, where))}" for word, where in places.items())
    return Words(literal, min(length, MOST_PLACES))


def query_words(text: str) -> tuple[str, ...]:
    """What a question asks for, each word once, in its order. Only when it has nothing else do question words count."""
    found = tuple(dict.fromkeys(words_in(text[:MOST_QUERY_CHARS])))
    return tuple(word for word in found if word not in QUESTION_WORDS) or found


def language_of(text: str) -> str:
    """zh or en by its script; empty when it has neither, or another one for the most part."""
    han = len(_HAN_CHARACTERS.findall(text)) * LATIN_TO_A_HAN
    latin = len(_LATIN_LETTERS.findall(text))
    if len(_OTHER_LETTERS.findall(text)) > han + latin or not han + latin:
        return ""
    return "zh" if han >= latin else "en"


def quoted(word: str) -> str:
    """As a literal in the text of a `tsvector` or `tsquery`."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def words_in(text: str) -> Iterator[str]:
    """One after the other, as often as they come."""
    for match in _RUNS.finditer(unicodedata.normalize("NFKC", text).casefold()):
        run = match.group()
        if match.lastgroup == "han":
            yield from rjieba.cut(run)
        elif match.lastgroup == "pairs":
            yield from (run[begin : begin + 2] for begin in range(max(1, len(run) - 1)))
        else:
            yield _stem(run[:LONGEST_WORD])


def _stem(word: str) -> str:
    """An English plural is found by its singular: commands, entries, boxes. No more than that, so that names stay apart."""
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses")):
        return word[:-2]
    return word[:-1]


# Words that a question has and its answer need not have. Few: what is common anyway weighs little by itself.
_QUESTION_WORDS = """
的 了 是 在 和 与 及 或 吗 呢 吧 啊 我 我们 你 你们 他 它 这 那 这个 那个 哪 哪个 哪些 哪里 什么 怎么 怎样 怎么样 如何 为什么
为何 是否 多少 几 能 可以 会 要 想 请 请问 有 没有 把 被 给 对 就 都 也 还 一个 一下
a an the of to in on at for by with from and or not is are was were be been do does did can could should would will shall may i
you he she it we they me my your our this that these those there here what which who whom whose when where why how if then than
as so about into please tell
"""
QUESTION_WORDS = frozenset(map(_stem, _QUESTION_WORDS.split()))
