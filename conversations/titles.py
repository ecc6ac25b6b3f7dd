"""A title from what was said first."""

from __future__ import annotations

LONGEST = 50


def title_from(text: str) -> str:
    """The first line with something in it, cut at a word where there are words (Chinese has no spaces to cut at)."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if len(line) <= LONGEST:
        return line
    cut = line[: LONGEST - 1]
    space = cut.rfind(" ", LONGEST // 2)
    return (cut[:space] if space > 0 else cut).rstrip() + "…"
