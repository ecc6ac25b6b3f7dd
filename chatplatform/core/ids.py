"""Public ids. A row has one UUID; the prefixed ids of some contracts are that UUID's hex with a prefix."""

from __future__ import annotations

import uuid


def parse_uuid(text: object) -> uuid.UUID | None:
    """The UUID that `text` writes in full, or None. (`uuid.UUID` also takes braces, `urn:` and missing dashes.)"""
    if not isinstance(text, str) or len(text) != 36:
        return None
    try:
        parsed = uuid.UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


LARGEST_NUMBER = 2**63 - 1
"""Of a row."""


def parse_number(text: str) -> int | None:
    """The number of a row that `text` writes, or None."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or text[0] == "0":
        return None
    number = int(text)
    return number if number <= LARGEST_NUMBER else None
