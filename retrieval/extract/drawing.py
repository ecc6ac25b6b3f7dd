"""Drawings: what is written in them and what their layers are called. DXF through ezdxf, DWG through ezdwg.

Both are read as flat lists. No block is expanded, so those that insert each other, or themselves a billion times, cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ezdwg import raw as dwg
from ezdwg.document import SUPPORTED_VERSIONS
from ezdxf.lldxf.const import DXFError
from ezdxf.lldxf.encoding import decode_dxf_unicode, decode_mif_to_unicode
from ezdxf.tools.text import fast_plain_mtext, plain_text

from retrieval.extract import Extracted, ExtractionFailed
from retrieval.extract.normal import normalise
from retrieval.extract.tags import Tags

LONGEST_CODED = 20_000
"""Characters of a text. Codes are looked for in no longer one: what takes them out goes back to its start at each bracket."""

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
                texts.append(plain_of(kind, value))
    except DXFError as error:
        if not texts and not layers:
            raise ExtractionFailed("broken", str(error)) from error
    return Extracted(text=_written(texts, layers), written_at=written_at)


def _entities(path: Path) -> Iterator[tuple[str, int, str]]:
    """(entity, group code, value) of each tag; a variable of the header counts as an entity of its name."""
    tags = Tags(path)
    kind = ""
    for code, raw in tags:
        value = tags.text(raw)
        if code in (0, 9):
            kind = value.strip()
        else:
            yield kind, code, value


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
        *(plain_of("TEXT", row[1]) for row in readable.rows(dwg.decode_text_entities)),
        *(plain_of("MTEXT", row[1]) for row in readable.rows(dwg.decode_mtext_entities)),
        *(plain_of("ATTRIB", row[1]) for row in readable.rows(dwg.decode_attrib_entities)),
        *(plain_of("DIMENSION", row[1][1]) for row in readable.rows(dwg.decode_dimension_entities)),
        *(plain_of("TOLERANCE", row[1]) for row in readable.rows(dwg.decode_tolerance_entities)),
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


def plain_of(kind: str, text: str) -> str:
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
