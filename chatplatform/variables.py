"""Typed environment variables for `settings.py`.

Each may be given as `NAME_FILE` too (`environment.read`). A value that cannot be read is replaced by its default and
remembered, so that the system checks can refuse it by name (`chatplatform.E011`) instead of a traceback of the settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chatplatform.environment import read

T = TypeVar("T")
unreadable: dict[str, str] = {}
"""By name: what it should have been."""

_RATE = re.compile(r"[1-9][0-9]{0,8}/[smhd]")
_ON, _OFF = {"on", "true", "yes", "1"}, {"off", "false", "no", "0"}


def text(name: str, default: str = "") -> str:
    return read(name) or default


def integer(name: str, default: int) -> int:
    return _read(name, default, int, "a whole number")


def number(name: str, default: float) -> float:
    return _read(name, default, float, "a number")


def switch(name: str, default: bool) -> bool:
    """on, true, yes, 1 or off, false, no, 0; nothing else is taken for either."""
    return _read(name, default, _switch, "on or off")


def choice(name: str, *words: str) -> str:
    """One of `words`, the first by default."""

    def known(value: str) -> str:
        if (word := value.strip().lower()) not in words:
            raise ValueError
        return word

    return _read(name, words[0], known, " or ".join(words))


def items(name: str, default: list[str] | None = None) -> list[str]:
    """Values separated by commas."""
    given = read(name)
    return list(default or []) if not given else [item.strip() for item in given.split(",") if item.strip()]


def zone(name: str, default: str) -> str:
    """An IANA time zone."""

    def known(value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ZoneInfoNotFoundError, OSError) as error:
            raise ValueError from error

    return _read(name, default, known, "a time zone such as Asia/Shanghai")


def rate(name: str, default: str) -> str:
    """So many in a time: `20/m`; s, m, h and d are second, minute, hour and day."""

    def known(value: str) -> str:
        if not _RATE.fullmatch(value.strip()):
            raise ValueError
        return value.strip()

    return _read(name, default, known, "a rate such as 20/m")


def _switch(value: str) -> bool:
    word = value.strip().lower()
    if word not in _ON | _OFF:
        raise ValueError
    return word in _ON


def _read(name: str, default: T, convert: Callable[[str], T], kind: str) -> T:
    given = read(name)
    if not given:
        return default
    try:
        return convert(given)
    except ValueError:
        unreadable[name] = kind
        return default
