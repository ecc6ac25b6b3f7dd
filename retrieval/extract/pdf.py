"""PDF, through pdfium."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from retrieval.extract import Extracted, ExtractionFailed
from retrieval.extract.lines import unwrap
from retrieval.extract.normal import normalise

MOST_PAGES = 20_000

_FAILURES = {
    pdfium.FPDF_ERR_PASSWORD: "encrypted",
    pdfium.FPDF_ERR_SECURITY: "unsupported",  # a way of encrypting that pdfium does not know
}
_DATE = re.compile(
    r"D:(?P<year>\d{4})(?P<month>\d\d)?(?P<day>\d\d)?(?P<hour>\d\d)?(?P<minute>\d\d)?(?P<second>\d\d)?"
    r"(?:(?P<sign>[+-])(?P<ahead>\d\d)'?(?P<ahead_minutes>\d\d)?)?"
)
_PARTS = {"year": 1, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
"""Of a date, and what is meant where one is left out."""


def read_pdf(path: Path) -> Extracted:
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise ExtractionFailed(_FAILURES.get(error.err_code or 0, "broken"), str(error)) from error
    count = len(document)
    if count > MOST_PAGES:
        raise ExtractionFailed("too_large_inside", f"{count} pages")
    pages = [_text_of(document, number) for number in range(count)]
    starts, place = [], 0
    for text in pages:
        starts.append(place)
        place += len(text) + len("\n\n")
    about = document.get_metadata_dict()
    return Extracted(
        text="\n\n".join(pages),
        page_starts=tuple(starts),
        title=about.get("Title", ""),
        author=about.get("Author", ""),
        written_at=_moment(about.get("CreationDate", "")),
        page_count=count,
    )


def _text_of(document: pypdfium2.PdfDocument, number: int) -> str:
    """Of one page; empty if it cannot be read: the others can still be found."""
    try:
        page = document[number]
        words = page.get_textpage()
    except pypdfium2.PdfiumError:
        return ""
    try:
        return normalise(unwrap(words.get_text_bounded()))
    finally:
        words.close()
        page.close()


def _moment(text: str) -> datetime | None:
    """PDF's own form of a date: D:20240229235959+08'00'."""
    found = _DATE.match(text)
    if found is None:
        return None
    parts = found.groupdict()
    ahead = timedelta(hours=int(parts["ahead"] or 0), minutes=int(parts["ahead_minutes"] or 0))
    year, month, day, hour, minute, second = (int(parts[name] or default) for name, default in _PARTS.items())
    try:
        zone = timezone(-ahead if parts["sign"] == "-" else ahead) if ahead else UTC
        return datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
