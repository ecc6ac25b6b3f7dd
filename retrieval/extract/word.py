"""Word: .docx through python-docx, .doc of Word 97 to 2003 through legacy-doc."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import legacy_doc
from docx.oxml.ns import qn

from retrieval.extract import Extracted, ExtractionFailed
from retrieval.extract.normal import normalise

MOST_ENTRIES = 5_000
MOST_INFLATED = 200 * 1024 * 1024
"""Bytes of all parts together, as the archive's directory declares them. zipfile hands out no more of an entry than that."""

_ABOUT = "docProps/app.xml"
_PAGES, _SOME_WORDS = re.compile(rb"<Pages>([1-9]\d{0,5})</Pages>"), re.compile(rb"<Words>[1-9]")
_OLE = b"\xd0\xcf\x11\xe0"
_TEXT, _TAB, _PARAGRAPH, _TABLE, _ROW, _CELL = (qn(f"w:{name}") for name in ("t", "tab", "p", "tbl", "tr", "tc"))
_BREAKS = {qn("w:br"), qn("w:cr")}
_HYPHEN = qn("w:noBreakHyphen")
_STYLE, _VALUE = qn("w:pStyle"), qn("w:val")
_PROPERTIES = {qn(f"w:{name}") for name in ("pPr", "rPr", "tblPr", "tcPr", "trPr", "sectPr", "sdtPr", "tblGrid")}
_LEFT_OUT = _PROPERTIES | {
    qn("w:del"),
    qn("w:moveFrom"),
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback",  # says again what its Choice says
}


def read_docx(path: Path) -> Extracted:
    _check_archive(path)
    document = docx.Document(str(path))
    properties = document.core_properties
    return Extracted(
        text=normalise("\n".join(_blocks(document.element.body))),
        title=_property(properties, "title"),
        author=_property(properties, "author"),
        written_at=_created(properties),
        page_count=_page_count(path),
    )


def read_doc(path: Path) -> Extracted:
    content = path.read_bytes()
    options = legacy_doc.ExtractionOptions(max_file_bytes=len(content), max_text_bytes=4 * len(content))
    try:
        found = legacy_doc.extract_text(content, options=options)
    except legacy_doc.LegacyDocError as error:
        raise ExtractionFailed(_failure_of(str(error)), str(error)) from error
    created = None
    with contextlib.suppress(ValueError):
        created = datetime.fromisoformat(str(found.metadata.get("created_at", "")))
    return Extracted(
        text=normalise(found.text),
        title=str(found.metadata.get("title", "")),
        author=str(found.metadata.get("author", "")),
        written_at=created,
        page_count=pages if isinstance(pages := found.metadata.get("page_count"), int) and pages > 0 else None,
    )


def _failure_of(said: str) -> str:
    if "Encrypted" in said:
        return "encrypted"
    return "no_text" if "no text" in said or "readable text ranges" in said else "broken"


def _page_count(path: Path) -> int | None:
    """As who wrote the file counted them. A program that did not count left no words, and the one page of its template."""
    with zipfile.ZipFile(path) as archive:
        about = archive.read(_ABOUT)[:100_000] if _ABOUT in archive.namelist() else b""
    pages = _PAGES.search(about)
    return int(pages[1]) if pages and _SOME_WORDS.search(about) else None


def _check_archive(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(4) == _OLE:  # a package around the encrypted archive
            raise ExtractionFailed("encrypted")
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if len(entries) > MOST_ENTRIES:
        raise ExtractionFailed("too_large_inside", f"{len(entries)} entries")
    if (inflated := sum(entry.file_size for entry in entries)) > MOST_INFLATED:
        raise ExtractionFailed("too_large_inside", f"{inflated} bytes")


def _blocks(parent: Any) -> Iterator[str]:
    """The lines of a part, in order: paragraphs, and tables with a row to a line."""
    for element in parent:
        if element.tag == _PARAGRAPH:
            text = "".join(_runs(element))
            # An empty line around it tells the chunker that something new begins.
            yield f"\n{text}\n" if _is_heading(element) else text
        elif element.tag == _TABLE:
            yield ""
            yield from _rows(element)
            yield ""
        elif element.tag not in _LEFT_OUT:
            yield from _blocks(element)


def _rows(table: Any) -> Iterator[str]:
    for row in _nearest(table, _ROW, _TABLE):
        yield " | ".join(" ".join(" ".join(_blocks(cell)).split()) for cell in _nearest(row, _CELL, _ROW))


def _nearest(parent: Any, tag: str, parent_tag: str) -> Iterator[Any]:
    """What is in `parent` itself, at whatever depth, and not in a table that is in one of its cells."""
    return (element for element in parent.iter(tag) if next(element.iterancestors(parent_tag)) is parent)


def _runs(paragraph: Any) -> Iterator[str]:
    for element in paragraph:
        if element.tag == _TEXT:
            yield element.text or ""
        elif element.tag == _TAB:
            yield "\t"
        elif element.tag == _HYPHEN:
            yield "-"
        elif element.tag in _BREAKS or element.tag == _PARAGRAPH:
            yield "\n"
            yield from _runs(element)
        elif element.tag not in _LEFT_OUT:
            yield from _runs(element)


def _is_heading(paragraph: Any) -> bool:
    style = paragraph.find(f"{qn('w:pPr')}/{_STYLE}")
    name = (style.get(_VALUE) or "") if style is not None else ""
    return name.lower().startswith(("heading", "title")) or (len(name) == 1 and name.isdigit())


def _property(properties: Any, name: str) -> str:
    try:
        return str(getattr(properties, name) or "")
    except (ValueError, KeyError, AttributeError):
        return ""


def _created(properties: Any) -> datetime | None:
    try:
        created: datetime | None = properties.created
        return created
    except (ValueError, KeyError, AttributeError):
        return None
