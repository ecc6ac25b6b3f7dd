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


def own_cpu_seconds(pid: int) -> float:
    """What this process has used without those that it started."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(sum(psutil.Process(pid).cpu_times()[:2]))
    return 0.0


def resident_megabytes(pid: int) -> float:
    """0 for a process that has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return float(psutil.Process(pid).memory_info().rss) / 1e6
    return 0.0


def tree_megabytes(pid: int) -> float:
    """Of a process and those that it started, what they share counted once (the kernel's proportional size)."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += one.memory_full_info().pss / 1e6
    return total


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
