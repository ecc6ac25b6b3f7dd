"""What `up` writes on the terminal: stages with their duration, prefixed lines of the parts, one moving progress line."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_COLOURS = (36, 33, 35, 34, 32)
_SHOWN_LEVELS = {"warning", "warn", "error", "critical", "fatal", "exception"}
_HIDDEN_FIELDS = {"event", "level", "timestamp", "logger", "message", "exception", "stack"}


class Screen:
    """Lines for people. Colour and moving lines only on a terminal; everything else is plain text, a line each."""

    def __init__(self, *, verbose: bool, output: TextIO | None = None) -> None:
        self.verbose = verbose
        self._output = output or sys.stdout
        self._terminal = self._output.isatty()
        self._colour = self._terminal and not os.environ.get("NO_COLOR")
        self._moving = ""
        self._shown_tenths: dict[str, int] = {}

    def line(self, text: str = "") -> None:
        """One line."""
        erase = "\r\x1b[K" if self._moving else ""
        self._write(f"{erase}{text}\n{self._moving}")

    def stage(self, name: str, text: str, *, seconds: float | None = None) -> None:
        """What a stage does, or did in `seconds`."""
        took = "" if seconds is None else f" ({seconds:.1f} s)"
        self.line(f"{self._prefix(name)}{text}{took}")

    @contextmanager
    def timed(self, name: str, doing: str, done: str) -> Iterator[None]:
        """Say what begins and, when it went well, what is done and how long it took."""
        self.stage(name, doing)
        began = time.monotonic()
        yield
        self.stage(name, done, seconds=time.monotonic() - began)

    def progress(self, name: str, doing: str, so_far: int, total: int) -> None:
        """A bar that moves on a terminal, else a line for each tenth."""
        if self._shown_tenths.get(name) == 10:  # said already that all is there
            return
        share = so_far / total if total else 1.0
        numbers = f"{so_far / 1e6:5.1f} of {total / 1e6:.1f} MB"
        if self._terminal:
            filled = int(30 * share)
            self._moving = f"{self._prefix(name)}{doing} [{'#' * filled}{'.' * (30 - filled)}] {numbers}"
            self._write(f"\r\x1b[K{self._moving}")
            if so_far >= total:
                self._shown_tenths[name] = 10
                self._moving = ""
                self._write("\n")
        elif int(share * 10) > self._shown_tenths.get(name, 0):
            self._shown_tenths[name] = int(share * 10)
            self.stage(name, f"{doing} {int(share * 100):3d}%, {numbers}")

    def end_progress(self) -> None:
        """Leave an unfinished bar behind."""
        if self._moving:
            self._moving = ""
            self._write("\n")

    def part_said(self, name: str, line: str) -> None:
        """A line of a part: log records as readable text (warnings and worse, unless verbose), anything else as it is."""
        text = readable(line, everything=self.verbose)
        if text:
            for row in text.splitlines():
                self.line(f"{self._prefix(name)}{row}")

    def _prefix(self, name: str) -> str:
        label = f"{name:<9}"
        if self._colour:
            label = f"\x1b[{_COLOURS[sum(name.encode()) % len(_COLOURS)]}m{label}\x1b[0m"
        return f"{label}| "

    def _write(self, text: str) -> None:
        try:
            self._output.write(text)
            self._output.flush()
        except (OSError, ValueError):  # the terminal is gone; the platform goes on
            self._moving = ""


def readable(line: str, *, everything: bool) -> str:
    """A JSON log record as `LEVEL event key=value`, or "" when it is below a warning and not `everything` is wanted."""
    if not line.startswith("{"):
        return line
    try:
        record = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict):
        return line
    level = str(record.get("level", "info")).lower()
    if not everything and level not in _SHOWN_LEVELS:
        return ""
    fields = " ".join(f"{key}={value}" for key, value in record.items() if key not in _HIDDEN_FIELDS)
    text = f"{level.upper()} {record.get('event') or record.get('message') or ''} {fields}".rstrip()
    return "\n".join([text, *str(record.get("exception") or record.get("stack") or "").splitlines()])
