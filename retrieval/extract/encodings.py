"""In which encoding a text file is: by its mark, as UTF-8, or by which of the old encodings makes common characters of it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable

SAMPLE = 64 * 1024
"""Bytes that the old encodings are guessed from."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_COMMON = re.compile("[\t\n\r -~\u00a0-\u024f\u0400-\u04ff\u2010-\u203b\u3000-\u30ff\u4e00-\u9fff\uac00-\ud7a3\uff00-\uffef]")
LEAST_SHARE = 0.2
"""Of a file's characters beyond ASCII that are common ones; with less it is no text."""


def encoding_of(content: bytes) -> str | None:
    """A codec's name, or None for what is no text. Decode with `errors="replace"`: a few bad bytes are let pass."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            return name
    sample = content[:SAMPLE]
    controls = len(_CONTROLS.findall(sample))
    if controls * 10 < len(sample) and _is_utf8(content):
        return "utf-8"
    if b"\x00" in sample:
        return next((name for name in ("utf-16-le", "utf-16-be") if _share_of_common(sample, name) > 0.9), None)
    if controls * 50 > len(sample):
        return None
    shares = {name: _share(sample, name, is_common) for name, is_common in _OLD.items()}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= LEAST_SHARE else None


def _is_utf8(content: bytes) -> bool:
    """Whether it is, but for a few bytes."""
    try:
        content.decode()
        return True
    except UnicodeDecodeError:
        sample = codecs.getincrementaldecoder("utf-8")("replace").decode(content[:SAMPLE])
        beyond = sum(1 for character in sample if character > "\x7f")
        return sample.count("\ufffd") * 10 < beyond


def _share_of_common(sample: bytes, name: str) -> float:
    text = _decoded(sample, name)
    return len(_COMMON.findall(text)) / len(text) if text else 0.0


def _share(sample: bytes, name: str, is_common: Callable[[str, int], bool]) -> float:
    """Of the characters beyond ASCII, how many are common where the encoding is used. 0 if it cannot be decoded."""
    text = _decoded(sample, name)
    places = [place for place, character in enumerate(text or "") if character > "\x7f"][:4_000]
    return sum(is_common(text, place) for place in places) / len(places) if places else 0.0


def _decoded(sample: bytes, name: str) -> str:
    """Empty if it is not in this encoding. What the end of the sample cuts in two is left out."""
    try:
        return codecs.getincrementaldecoder(name)("strict").decode(sample)
    except UnicodeDecodeError:
        return ""


def _in_rows(encoding: str, *rows: tuple[int, int]) -> Callable[[str, int], bool]:
    """Of two bytes, the first in one of these ranges: in East Asian standards the common characters come first."""

    def is_common(text: str, place: int) -> bool:
        code = text[place].encode(encoding, "ignore")
        return len(code) == 2 and any(first <= code[0] <= last for first, last in rows)

    return is_common


def _is_common_japanese(encoding: str, *rows: tuple[int, int]) -> Callable[[str, int], bool]:
    is_common_kanji = _in_rows(encoding, *rows)

    def is_common(text: str, place: int) -> bool:
        if "\u3041" <= text[place] <= "\u30fc":
            return True  # and one kana beside a character vouches for it: without any, the text is Chinese
        near = text[max(0, place - 6) : place + 7]
        return is_common_kanji(text, place) and any("\u3041" <= character <= "\u3096" for character in near)

    return is_common


def _is_hangul_between_spaces(text: str, place: int) -> bool:
    """The common syllables share their rows with common Chinese characters, but Korean words are short and written apart."""
    return _is_hangul(text, place) and " " in text[max(0, place - 6) : place + 7]


def _is_lower_cyrillic(text: str, place: int) -> bool:
    return "а" <= text[place] <= "ё" and not any(_is_letter(character) for character in _beside(text, place))


def _is_accented_in_a_word(text: str, place: int) -> bool:
    """A letter or a mark beyond ASCII that stands alone: other scripts have them in a row."""
    return all(character < "\x80" for character in _beside(text, place))


def _beside(text: str, place: int) -> str:
    return text[max(0, place - 1) : place] + text[place + 1 : place + 2]


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


_is_hangul = _in_rows("euc_kr", (0xA1, 0xA1), (0xB0, 0xC8))

_OLD: dict[str, Callable[[str, int], bool]] = {
    "cp949": _is_hangul_between_spaces,
    "gb18030": _in_rows("gb2312", (0xA1, 0xA3), (0xB0, 0xD7)),
    "big5": _in_rows("big5", (0xA1, 0xA3), (0xA4, 0xC6)),
    "cp932": _is_common_japanese("cp932", (0x81, 0x81), (0x88, 0x97)),
    "euc_jp": _is_common_japanese("euc_jp", (0xA1, 0xA1), (0xB0, 0xCF)),
    "cp1251": _is_lower_cyrillic,
    "cp1252": _is_accented_in_a_word,
}
"""Tried in this order; of equals the first is taken."""
