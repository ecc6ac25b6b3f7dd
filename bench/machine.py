"""What is measured, and on what: processor time and memory of processes, the commit, the machine."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterable
from pathlib import Path

import psutil

PROJECT_DIR = Path(__file__).resolve().parent.parent


def cpu_seconds(pids: Iterable[int]) -> float:
    """What these processes and all that they ever started have used, in seconds of processor time."""
    total = 0.0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            for one in (process, *process.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):
                    total += sum(one.cpu_times()[:4])  # user, system, and the same of children that ended
    return total


def resident_megabytes(pids: Iterable[int]) -> float:
    """The mean of these processes' resident memory."""
    sizes = [psutil.Process(pid).memory_info().rss for pid in pids]
    return sum(sizes) / len(sizes) / 1e6 if sizes else 0.0


def commit() -> str:
    """The checkout's commit, marked when files differ from it."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=PROJECT_DIR, capture_output=True, text=True, check=False
    )
    return described.stdout.strip() or "no commit"


def machine() -> str:
    """One line: cores, processor, memory, versions."""
    model = "unknown processor"
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line for line in lines if line.startswith("model name")).split(":", 1)[1].strip()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = psutil.virtual_memory().total / 1e9
    return (
        f"{cores} cores ({model}), {memory:.0f} GB, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )
