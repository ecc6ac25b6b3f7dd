"""The process that reads one file: `python -m retrieval.extract.child ORDER`. Its answer is JSON on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from retrieval.extract import Extracted, ExtractionFailed, Limits
from retrieval.extract.normal import one_line
from retrieval.extract.sandbox import confine

READERS = {
    "pdf": "retrieval.extract.pdf:read_pdf",
    "docx": "retrieval.extract.word:read_docx",
    "doc": "retrieval.extract.word:read_doc",
    "txt": "retrieval.extract.plain:read_text",
    "md": "retrieval.extract.plain:read_markdown",
    "dxf": "retrieval.extract.drawing:read_dxf",
    "dwg": "retrieval.extract.drawing:read_dwg",
    "jpg": "retrieval.extract.picture:read_picture",
    "png": "retrieval.extract.picture:read_picture",
    "gif": "retrieval.extract.picture:read_picture",
    "webp": "retrieval.extract.picture:read_picture",
}
"""Which function reads the text of which type. Named, not imported: each brings a library that only its own type needs."""
DRAWINGS = {
    "dxf": "retrieval.extract.geometry.sheet:read_dxf",
    "dwg": "retrieval.extract.geometry.sheet:read_dwg",
}
"""The same of what is drawn."""

PICTURES = {"jpg", "png", "gif", "webp"}


def main(order: dict[str, Any]) -> None:
    limits = Limits(**order["limits"])
    confine(limits=limits, parent=order["parent"])
    try:
        answer = TASKS[order["task"]](Path(order["path"]), order["extension"], limits)
    except ExtractionFailed as failed:
        answer = {"failure": failed.failure, "detail": failed.detail}
    except MemoryError:
        answer = {"failure": "too_much_memory", "detail": ""}
    except Exception as error:
        # A parser may raise anything on a file made to break it.
        detail = f"{type(error).__name__}: {error}"[:500].encode("utf-8", "backslashreplace").decode()
        answer = {"failure": "broken", "detail": detail.replace("\x00", "\\x00")}
    sys.stdout.buffer.write(answer if isinstance(answer, bytes) else json.dumps(answer, default=datetime.isoformat).encode())


def _text(path: Path, extension: str, limits: Limits) -> dict[str, Any]:
    return asdict(_checked(_function(READERS[extension])(path), extension, limits))


def _drawing(path: Path, extension: str, limits: Limits) -> bytes:
    drawn: bytes = _function(DRAWINGS[extension])(path, limits.characters)
    return drawn


TASKS: dict[str, Callable[[Path, str, Limits], Any]] = {"text": _text, "drawing": _drawing}
"""What a child can be asked for. The answer is a JSON object, written or not yet."""


def _function(name: str) -> Callable[..., Any]:
    module, _colon, function = name.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found


def _checked(found: Extracted, extension: str, limits: Limits) -> Extracted:
    if len(found.text) > limits.characters:
        raise ExtractionFailed("too_large_inside", f"{len(found.text)} characters")
    if not found.text.strip() and extension not in PICTURES:
        raise ExtractionFailed("no_text", f"{found.page_count or 0} pages")
    return replace(
        found,
        title=one_line(found.title),
        author=one_line(found.author),
        written_at=_plausible(found.written_at),
    )


def _plausible(moment: datetime | None) -> datetime | None:
    """With a zone, and of a year that files have."""
    if moment is None or not 1970 <= moment.year <= 2100:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
