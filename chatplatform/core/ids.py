"""Public ids. A row has one UUID; the prefixed ids of some contracts are that UUID's hex with a prefix."""

from __future__ import annotations

import re
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


def prefixed(prefix: str, row: uuid.UUID) -> str:
    """`sess_` and the UUID's 32 hexadecimal digits."""
    return f"{prefix}_{row.hex}"


_HEX = re.compile(r"[0-9a-f]{32}")


def parse_prefixed(prefix: str, text: object) -> uuid.UUID | None:
    """The UUID that `text` names behind `prefix` and an underscore, or None. Exactly as `prefixed` writes it."""
    if not isinstance(text, str) or not text.startswith(f"{prefix}_"):
        return None
    digits = text[len(prefix) + 1 :]
    return uuid.UUID(digits) if _HEX.fullmatch(digits) else None


LARGEST_NUMBER = 2**63 - 1
"""Of a row."""


def parse_number(text: str) -> int | None:
    """The number of a row that `text` writes, or None."""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or text[0] == "0":
        return None
    number = int(text)
    return number if number <= LARGEST_NUMBER else None
