"""What is in a file, read by a child process that may do nothing else: see `sandbox.py`.

Every parser of a format is assumed to be breakable by a file made for it. So the child knows no Django and no secret, has bounds
on memory, processor time, wall time and output, cannot open a socket or start a program, and dies with whoever asked it.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

PROJECT = Path(__file__).resolve().parents[2]
_FAILED = b'{"failure"'
"""How an answer begins that is none."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What was read. `page_starts` are characters of `text`, one for each page, the first at 0; empty without pages.

    `text` is normalised (see `normal.py`) and is what is stored: all offsets are of it. It is empty only for a picture.
    """

    text: str
    page_starts: tuple[int, ...] = ()
    title: str = ""
    author: str = ""
    written_at: datetime | None = None
    page_count: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one child. `memory` is address space in bytes; `characters` are those of the text."""

    memory: int = 1_536 * 1024 * 1024
    cpu_seconds: int = 60
    wall_seconds: float = 120
    characters: int = 11_000_000


class ExtractionFailed(Exception):
    """`failure` is a key of `retrieval.failures.FAILURES`, `detail` is for operators."""

    def __init__(self, failure: str, detail: str = "") -> None:
        super().__init__(f"{failure}: {detail}" if detail else failure)
        self.failure = failure
        self.detail = detail


def extract(*, path: Path, extension: str, limits: Limits | None = None) -> Extracted:
    """Reads the file at `path`, whose type is `extension` (of a `FileType`). Blocks until the child has ended.

    Raises ExtractionFailed, whatever the file does.
    """
    answer = run_child(task="text", path=path.resolve(), extension=extension, limits=limits or Limits())
    try:
        found: dict[str, Any] = json.loads(answer)
        written_at = datetime.fromisoformat(found["written_at"]) if found["written_at"] else None
        return Extracted(**{**found, "page_starts": tuple(found["page_starts"]), "written_at": written_at})
    except (ValueError, TypeError, KeyError) as error:  # it ended well and did not answer
        raise ExtractionFailed("broken", f"no answer: {error}") from error


def run_child(*, task: str, path: Path, extension: str, limits: Limits, content: IO[bytes] | None = None) -> bytes:
    """What a child answers who does `task` (of `child.TASKS`) with the file at `path`: a JSON object. Blocks until it has ended.

    `content` is an open file that the child finds at `/dev/stdin`, for what is nowhere else. Raises ExtractionFailed.
    """
    order = {"task": task, "path": str(path), "extension": extension, "parent": os.getpid(), "limits": asdict(limits)}
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-s", "-B", "-m", "retrieval.extract.child", json.dumps(order)],
            stdin=subprocess.DEVNULL if content is None else content,
            stdout=answer,
            stderr=errors,
            cwd="/",
            env={"PYTHONPATH": str(PROJECT), "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
            start_new_session=True,
        )
        in_time = False
        try:
            in_time = _ends_within(child.pid, limits.wall_seconds)
        finally:
            # Before it is waited for: until then its id, and so its group's, is nobody else's.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            code = child.wait()
        if not in_time:
            raise ExtractionFailed("took_too_long", f"more than {limits.wall_seconds} s")
        if code:
            raise _ended_by(code, _tail(errors))
        return _answered(answer)


def _ends_within(pid: int, seconds: float) -> bool:
    watched = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(watched, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(watched)


def _ended_by(code: int, said: str) -> ExtractionFailed:
    """The child could not say what happened to it."""
    if code == -signal.SIGXCPU:
        return ExtractionFailed("took_too_long", "processor time")
    if code == -signal.SIGKILL:  # not by us: the kernel ran out of memory
        return ExtractionFailed("too_much_memory", said)
    if code == 1 and "MemoryError" in said:
        return ExtractionFailed("too_much_memory", said)
    return ExtractionFailed("broken", f"exit {code}: {said}")


def _tail(errors: IO[bytes]) -> str:
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - 500))
    return errors.read().decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


def _answered(answer: IO[bytes]) -> bytes:
    answer.seek(0)
    said = answer.read()
    if not said.startswith(_FAILED):
        return said
    try:
        failed = json.loads(said)
        raise ExtractionFailed(str(failed["failure"]), str(failed["detail"]))
    except (ValueError, KeyError) as error:
        raise ExtractionFailed("broken", f"no answer: {error}") from error
