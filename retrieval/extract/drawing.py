"""Drawings: what is written in them and what their layers are called. DXF through ezdxf, DWG through ezdwg.

Both are read as flat lists. No block is expanded, so those that insert each other, or themselves a billion times, cost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ezdwg import raw as dwg
from ezdwg.document import SUPPORTED_VERSIONS
from ezdxf.lldxf.const import DXFError
from ezdxf.lldxf.encoding import decode_dxf_unicode, decode_mif_to_unicode
from ezdxf.lldxf.tagger import binary_tags_loader
from ezdxf.tools.codepage import toencoding
from ezdxf.tools.text import fast_plain_mtext, plain_text

from retrieval.extract import Extracted, ExtractionFailed
from retrieval.extract.encodings import encoding_of
from retrieval.extract.normal import normalise

HEAD = 64 * 1024
"""Bytes that the header's first variables are looked for in."""
LONGEST_CODED = 20_000
"""Characters of a text. Codes are looked for in no longer one: what takes them out goes back to its start at each bracket."""

_BINARY = b"AutoCAD Binary DXF"
_VERSION = re.compile(rb"\$ACADVER\s+1\s+(AC\d{4})")
_CODEPAGE = re.compile(rb"\$DWGCODEPAGE\s+3\s+(\S{1,20})")
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_EPOCH_IN_DAYS = 2_451_545
"""Of AutoCAD's own count: Julian days, but from midnight."""

_LINE = {1}
_TEXT_CODES = {
    "TEXT": _LINE,
    "ATTRIB": _LINE,
    "ATTDEF": _LINE,
    "DIMENSION": _LINE,
    "TOLERANCE": _LINE,
    "MTEXT": {1, 3},
    "ACAD_TABLE": {1, 302},
    "MULTILEADER": {304},
    "MLEADER": {304},
}
"""Which group codes of which entities are text."""
_OF_ONE_LINE = {"TEXT", "ATTRIB", "ATTDEF"}
"""Their codes begin with %%, those of the others with a backslash."""


def read_dxf(path: Path) -> Extracted:
    texts: list[str] = []
    layers: list[str] = []
    written_at = None
    try:
        for kind, code, value in _entities(path):
            if kind == "LAYER" and code == 2:
                layers.append(value)
            elif kind == "$TDCREATE":
                written_at = written_at or _moment(value)
            elif code in _TEXT_CODES.get(kind, ()):
                texts.append(_plain(kind, value))
    except DXFError as error:
        if not texts and not layers:
            raise ExtractionFailed("broken", str(error)) from error
    return Extracted(text=_written(texts, layers), written_at=written_at)


def _entities(path: Path) -> Iterator[tuple[str, int, str]]:
    """(entity, group code, value) of each tag; a variable of the header counts as an entity of its name."""
    content = path.read_bytes()
    if content.startswith(_BINARY):
        encoding = "utf-8"
        tags: Iterable[tuple[int, bytes]] = (
            (tag.code, str(tag.value).encode("utf-8", "replace")) for tag in binary_tags_loader(content, errors="ignore")
        )
    else:
        encoding = _encoding_of(content[:HEAD]) or encoding_of(content) or "cp1252"
        tags = _tags(content)
    kind = ""
    for code, raw in _joined(tags):
        value = raw.decode(encoding, "replace")
        if code in (0, 9):
            kind = value.strip()
        else:
            yield kind, code, value


def _tags(content: bytes) -> Iterator[tuple[int, bytes]]:
    """(group code, value), which are two lines."""
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
        if pieces and code != 1:
            yield 3, b"".join(pieces)
            pieces.clear()
        yield code, b"".join([*pieces, value])
        pieces.clear()


def _encoding_of(header: bytes) -> str:
    """From version 2007 on it is UTF-8, before that what the header says, if it does."""
    version, codepage = _VERSION.search(header), _CODEPAGE.search(header)
    if version and version[1] >= b"AC1021":
        return "utf-8"
    return toencoding(codepage[1].decode("ascii", "replace")) if codepage else ""


def _moment(value: str) -> datetime | None:
    try:
        return _EPOCH + timedelta(days=float(value) - _EPOCH_IN_DAYS)
    except (ValueError, OverflowError):
        return None


def read_dwg(path: Path) -> Extracted:
    with path.open("rb") as file:
        version = file.read(6).decode("ascii", "replace")
    if version not in SUPPORTED_VERSIONS:
        raise ExtractionFailed("unsupported", version)
    readable = _Drawing(path)
    texts = [
        *(_plain("TEXT", row[1]) for row in readable.rows(dwg.decode_text_entities)),
        *(_plain("MTEXT", row[1]) for row in readable.rows(dwg.decode_mtext_entities)),
        *(_plain("ATTRIB", row[1]) for row in readable.rows(dwg.decode_attrib_entities)),
        *(_plain("DIMENSION", row[1][1]) for row in readable.rows(dwg.decode_dimension_entities)),
        *(_plain("TOLERANCE", row[1]) for row in readable.rows(dwg.decode_tolerance_entities)),
    ]
    layers = [row[1] for row in readable.rows(dwg.decode_layer_names)]
    if readable.error and not texts and not layers:
        raise ExtractionFailed("broken", f"{version}: {readable.error}")
    return Extracted(text=_written(texts, layers))


class _Drawing:
    """Reads one sort of thing at a time; what is damaged does not take the rest with it."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self.error = ""

    def rows(self, decode: Callable[[str], list[Any]]) -> list[Any]:
        try:
            return decode(self._path)
        except (ValueError, OSError, RuntimeError) as error:
            self.error = str(error)
            return []


def _plain(kind: str, text: str) -> str:
    """Without the codes of fonts, colours and places. `<>` stands for a measured length, which is not text."""
    if "\\" in text:
        text = decode_mif_to_unicode(decode_dxf_unicode(text))
    if len(text) <= LONGEST_CODED:
        text = plain_text(text) if kind in _OF_ONE_LINE else str(fast_plain_mtext(text))
    return "" if text.endswith("{") or text.strip() == "<>" else text.strip()


def _written(texts: Iterable[str], layers: Iterable[str]) -> str:
    """Each text once, in the order of the drawing, and a line with the names of the layers."""
    lines = [text for text in dict.fromkeys(texts) if text]
    named = ", ".join(dict.fromkeys(layer for layer in layers if layer))
    return normalise("\n".join([*lines, "", f"Layers: {named}"] if named else lines))
