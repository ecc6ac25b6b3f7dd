"""Paragraphs out of the lines that a page has been set in, so that sentences, and Chinese words, are whole again."""

from __future__ import annotations

import re
import unicodedata

FULL = 0.75
"""Of the widest line: a line as wide as this was broken because it was full."""
NARROWEST = 30
"""Columns. A page without a line of this width holds a list, a table or a few words: its lines are left alone."""

HYPHEN = "\x02"
"""What pdfium puts in place of a hyphen and the line's end, where it takes the two lines' words for one."""

_ENDS = tuple("。！？；：.!?;:…")
_BEGINS_ITEM = re.compile(
    r"\s*(?:[•●■◆▪·*–—-]\s|[(（]?[\d一二三四五六七八九十]{1,4}[)）.、]|第[\d一二三四五六七八九十百]+[章节条])"
)
_ENDS_ENTRY = re.compile(r"(?:[.…·]\s?){4,}\s*\d*$")
"""The dots and the page of a line in a table of contents or an index."""
_IN_A_WORD = re.compile(rf"(?<=[^\W\d_]){HYPHEN}(?=[^\W\d_])")


def unwrap(text: str) -> str:
    """`text` of one page with the ends of full lines taken out: by a space, or by nothing between Chinese characters."""
    lines = [line.rstrip() for line in text.splitlines()]
    widths = [_columns(line) for line in lines]
    widest = max((width for line, width in zip(lines, widths, strict=True) if HYPHEN not in line), default=0)
    parts: list[str] = []
    for place, line in enumerate(lines):
        parts.append(line)
        following = lines[place + 1] if place + 1 < len(lines) else ""
        is_full = widest >= NARROWEST and widths[place] >= FULL * widest
        ends = line.endswith(_ENDS) or _ENDS_ENTRY.search(line[-200:]) or _BEGINS_ITEM.match(following)
        if is_full and following and not ends:
            parts.append("" if _is_wide(line[-1]) or _is_wide(following[0]) else " ")
        else:
            parts.append("\n")
    return _IN_A_WORD.sub("", "".join(parts)).replace(HYPHEN, "-")


def _columns(line: str) -> int:
    return len(line) if line.isascii() else sum(1 + _is_wide(character) for character in line)


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
