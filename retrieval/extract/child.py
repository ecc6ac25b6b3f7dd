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
"""Which function reads which type. Named, not imported: each brings a library that only its own type needs."""

PICTURES = {"jpg", "png", "gif", "webp"}


def main(order: dict[str, Any]) -> None:
    limits = Limits(**order["limits"])
    confine(limits=limits, parent=order["parent"])
    try:
        answer = asdict(_checked(_read(Path(order["path"]), order["extension"]), order["extension"], limits))
    except ExtractionFailed as failed:
        answer = {"failure": failed.failure, "detail": failed.detail}
    except MemoryError:
        answer = {"failure": "too_much_memory", "detail": ""}
    except Exception as error:
        # A parser may raise anything on a file made to break it.
        detail = f"{type(error).__name__}: {error}"[:500].encode("utf-8", "backslashreplace").decode()
        answer = {"failure": "broken", "detail": detail.replace("\x00", "\\x00")}
    json.dump(answer, sys.stdout, default=datetime.isoformat)


def _read(path: Path, extension: str) -> Extracted:
    module, _colon, function = READERS[extension].partition(":")
    reader: Callable[[Path], Extracted] = getattr(import_module(module), function)
    return reader(path)


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
