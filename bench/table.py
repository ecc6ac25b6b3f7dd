"""A plain table for the screen and for pasting into a pull request."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown, with the columns in line: the first to the left, the figures to the right."""
    widths = [max(len(row[n]) for row in (header, *rows)) for n in range(len(header))]

    def line(row: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = "|" + "|".join(("-" * (width + 1) + (":" if n else "-")) for n, width in enumerate(widths)) + "|"
    return "\n".join((line(header), rule, *map(line, rows)))


def figure(value: float | None, digits: int = 1) -> str:
    """A number, or a dash where there is none."""
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(value: float | None, to: float | None) -> str:
    """How many times `to` the value is."""
    return "-" if not value or not to else f"{value / to:.1f}x"
