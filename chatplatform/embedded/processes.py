"""Who is that process? Identity, leftovers, orderly ends, and the death of a parent.

A process id alone says nothing after a `kill -9` or a reboot: ids are used again. Everything here judges a process by
its id together with its start time, its working folder or the marks in its environment.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

PART_MARK = "CHATPLATFORM_PART"  # in the environment of every process that `up` starts: its name
PARENT_MARK = "CHATPLATFORM_PARENT"  # and the process id of that `up`
NICENESS = "CHATPLATFORM_NICENESS"  # and how far its processor time comes after others'
SCREEN_ONLY = "\x1fscreen-only\x1f"  # begins a line of a part's output that `up` shows and does not write into the part's log

_FOR_PROGRAMS = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TZ", "LANG", "LANGUAGE", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV",
}  # fmt: skip
_FOR_PROGRAMS_BEGIN = ("LC_", "PYTHON", "OMP_", "GGML_")

_PR_SET_PDEATHSIG = 1
_START_TIME_SLACK = 2.0  # seconds; a changed clock moves computed start times a little


@dataclass(frozen=True, slots=True)
class Identity:
    """A process id with the time (seconds since the epoch) at which that process began."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> "Identity | None":
        """The identity of the living process `pid`, or None."""
        try:
            process = psutil.Process(pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return None
            return cls(pid=pid, started=process.create_time())
        except (psutil.NoSuchProcess, ValueError):
            return None

    def is_alive(self) -> bool:
        """Whether this very process still runs: not a zombie, not another one under a reused id."""
        now = Identity.of(self.pid)
        return now is not None and abs(now.started - self.started) < _START_TIME_SLACK


def end_with(parent: int, signal_number: int = signal.SIGTERM) -> None:
    """Have the kernel send this process `signal_number` when its parent process `parent` is gone.

    The trap: the signal comes when the THREAD that started us ends, so parents start children from their main thread.
    Elsewhere than on Linux nothing happens here, and the next `up` ends what an earlier one left.
    """
    if not sys.platform.startswith("linux"):
        return
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        os.kill(os.getpid(), signal_number)


def plain_environment() -> dict[str, str]:
    """Of our environment what any program may see: no key, no password, no address with a password in it."""
    return {name: value for name, value in os.environ.items() if name in _FOR_PROGRAMS or name.startswith(_FOR_PROGRAMS_BEGIN)}


def working_in(folder: Path, name: str) -> list[psutil.Process]:
    """The processes called `name` whose working folder is `folder`: PostgreSQL and Valkey both change to their data."""
    wanted = os.path.realpath(folder)
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.name() == name and process.cwd() == wanted and _runs(process):
                found.append(process)
    return found


def parts_of_an_up(data_dir: Path) -> list[psutil.Process]:
    """The processes that some `up` on this data folder started, told by the marks in their environment."""
    wanted = os.path.realpath(data_dir)
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            environment = process.environ()
            if PART_MARK in environment and os.path.realpath(environment.get("DATA_DIR", "/")) == wanted:
                found.append(process)
    return [process for process in found if process.pid != os.getpid()]


def end_processes(processes: Iterable[psutil.Process], steps: Sequence[tuple[signal.Signals, float]]) -> None:
    """Send each signal in turn and wait its seconds, until all are gone."""
    alive = list(processes)
    for number, seconds in steps:
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        deadline = time.monotonic() + seconds
        while alive and time.monotonic() < deadline:
            alive = [process for process in alive if _runs(process)]
            if alive:
                time.sleep(0.02)
        if not alive:
            return


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
