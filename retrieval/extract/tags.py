"""The tags of a DXF file, text or binary: a group code that says what comes, and the value. A file is a list of nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ezdxf.lldxf.tagger import binary_tags_loader
from ezdxf.tools.codepage import toencoding

from retrieval.extract.encodings import encoding_of

HEAD = 64 * 1024
"""Bytes that the header's first variables are looked for in."""

_BINARY = b"AutoCAD Binary DXF"
_VERSION = re.compile(rb"\$ACADVER\s+1\s+(AC\d{4})")
_CODEPAGE = re.compile(rb"\$DWGCODEPAGE\s+3\s+(\S{1,20})")


class Tags:
    """Iterates over (group code, value in bytes). A text that comes in pieces is one."""

    def __init__(self, path: Path) -> None:
        self._content = path.read_bytes()
        self._binary = self._content.startswith(_BINARY)
        self._encoding = "utf-8" if self._binary else _encoding_of(self._content)

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        return _joined(_binary_tags(self._content) if self._binary else _text_tags(self._content))

    def text(self, value: bytes) -> str:
        return value.decode(self._encoding, "replace")


def _encoding_of(content: bytes) -> str:
    """From version 2007 on it is UTF-8, before that what the header says, if it does."""
    header = content[:HEAD]
    version, codepage = _VERSION.search(header), _CODEPAGE.search(header)
    if version and version[1] >= b"AC1021":
        return "utf-8"
    named = toencoding(codepage[1].decode("ascii", "replace")) if codepage else ""
    return named or encoding_of(content) or "cp1252"


def _binary_tags(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Raises DXFError where the file ends in the middle of one."""
    for tag in binary_tags_loader(content, errors="ignore"):
        yield tag.code, str(tag.value).encode("utf-8", "replace")


def _text_tags(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Each is two lines."""
    lines = iter(content.split(b"\n"))
    for line in lines:
        code = line.strip()
        if code.isdigit() and len(code) < 5:  # else a line is missing or too many: go on to the next that is a code
            yield int(code), next(lines, b"").rstrip(b"\r")


def _joined(tags: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """A long text comes in pieces, with the code 3 but for the last; they may be cut within a character."""
    pieces: list[bytes] = []
    for code, value in tags:
        if code == 3:
            pieces.append(value)
            continue
        if not pieces:
            yield code, value
            continue
        if code != 1:
            yield 3, b"".join(pieces)
            pieces.clear()
        yield code, b"".join([*pieces, value])
        pieces.clear()
