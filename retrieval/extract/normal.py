"""One spelling for text from everywhere, made once, before it is stored: every offset is of the text after this."""

from __future__ import annotations

import re
import unicodedata

LONGEST_LINE = 500
"""Characters of a title or an author."""


def _table() -> dict[int, str | None]:
    table: dict[int, str | None] = {code: None for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (0x09, 0x0A)}
    table |= dict.fromkeys((0x0B, 0x0C, 0x85, 0x2028, 0x2029), "\n")
    table |= dict.fromkeys((0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F), " ")
    # What cannot be seen: soft hyphens, zero widths, what turns the writing round, non-characters. The tags and the
    # supplementary variation selectors can carry a whole hidden text to a model.
    table |= dict.fromkeys((0xAD, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, 0xFFFE, 0xFFFF))
    table |= dict.fromkeys((*range(0x202A, 0x202F), *range(0x2061, 0x2070), *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0200)))
    # What a PDF's fonts have in place of common characters: radicals (⽬ for 目) and ligatures.
    for code in (*range(0x2E80, 0x2FE0), *range(0xFB00, 0xFB07)):
        plain = unicodedata.normalize("NFKC", chr(code))
        if plain != chr(code):
            table[code] = plain
    return table


_TABLE = _table()
_SURROGATES = re.compile("[\ud800-\udfff]")
_SPACES_AT_ENDS = re.compile(r"[ \t]+$", re.MULTILINE)
_EMPTY_LINES = re.compile(r"\n{3,}")


def normalise(text: str) -> str:
    """`text` in NFC with `\\n` between its lines, without what cannot be seen or stored, and without spaces around it."""
    text = _SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = unicodedata.normalize("NFC", text.translate(_TABLE))
    return _EMPTY_LINES.sub("\n\n", _SPACES_AT_ENDS.sub("", text)).strip()


def one_line(text: str) -> str:
    """A title, as it is shown."""
    return " ".join(normalise(text[: 10 * LONGEST_LINE]).split())[:LONGEST_LINE]
