"""Paths of what is asked for."""

from __future__ import annotations

from urllib.parse import quote


def segment(name: object) -> str:
    """An id as one part of a path, whatever is in it: none may lead anywhere else. Raises ValueError for what is no part."""
    text = str(name)
    if text in {"", ".", ".."}:
        raise ValueError(f"{text!r} is not an id")
    return quote(text, safe="")
