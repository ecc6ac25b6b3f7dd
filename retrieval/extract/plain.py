"""Text and Markdown."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from retrieval.extract import Extracted, ExtractionFailed
from retrieval.extract.encodings import encoding_of
from retrieval.extract.normal import normalise

_HEADING = re.compile(r"#\s+(.+)$", re.MULTILINE)


def read_markdown(path: Path) -> Extracted:
    """Its title is its first line, where that is a heading."""
    found = read_text(path)
    heading = _HEADING.match(found.text)
    return replace(found, title=heading[1] if heading else "")


def read_text(path: Path) -> Extracted:
    content = path.read_bytes()
    encoding = encoding_of(content)
    if encoding is None:
        raise ExtractionFailed("broken", "no text in any known encoding")
    return Extracted(text=normalise(content.decode(encoding, "replace")))
