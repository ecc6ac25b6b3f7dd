"""What a route tells its clients before it goes: how long it is out of favour already, when it will be gone, what replaces it.

Headers of every answer, whoever gives it: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), and links to a note that says how to
move and to the successor. `docs/versioning.md` is the promise behind them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import format_datetime

MONTHS_OF_NOTICE = 3


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Raises ValueError for less notice than was promised."""

    since: date
    sunset: date
    """The first day, in UTC, without the route."""
    note: str
    """The address of what there is to know about moving."""
    successor: str = ""
    """The path that does the same from now on."""

    def __post_init__(self) -> None:
        if self.sunset < (least := _months_later(self.since, MONTHS_OF_NOTICE)):
            raise ValueError(f"deprecated since {self.since}, it cannot go before {least}")

    def headers(self) -> tuple[tuple[str, str], ...]:
        link = f'<{self.note}>; rel="deprecation", <{self.note}>; rel="sunset"'
        if self.successor:
            link += f', <{self.successor}>; rel="successor-version"'
        return (
            ("Deprecation", f"@{int(_midnight(self.since).timestamp())}"),
            ("Sunset", format_datetime(_midnight(self.sunset), usegmt=True)),
            ("Link", link),
        )


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _months_later(day: date, months: int) -> date:
    """The same day of a later month, or the first of the one after where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, day.day)
    except ValueError:
        return _months_later(date(year, month + 1, 1), 1)
