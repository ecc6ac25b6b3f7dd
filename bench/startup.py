"""How long the platform takes to start: from `manage.py up` to the first 200 of its health.

    python -m bench.startup [--rounds 3]

*Cold* is a new data folder: PostgreSQL's cluster and all tables are made. *Warm* is the same folder again. The packages are
installed, a vendor is configured, and the local model is off: fetching its weights is a matter of the network.
"""

from __future__ import annotations

import shutil
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import command
from bench.command import Section, option, say
from bench.stage import scripted_vendor
from bench.table import figure, table
from tests.ports import free_port
from tests.running import RunningPlatform

POLL_SECONDS = 0.01
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    rounds: int = option(3, "of each")
    web_workers: int = option(2, "web processes")


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from the program's start."""

    health: float
    """To the first 200 of `/api/v1/health`."""
    ready: float
    """To where it says that everything runs, worker and beat included."""


def start_once(folder: Path, vendor_url: str, plan: Plan) -> Start:
    port = free_port()
    platform = RunningPlatform(
        data_dir=folder,
        env={"OPENAI_BASE_URL": vendor_url, "OPENAI_API_KEY": "sk-bench", "OPENAI_MODEL": "ok-5"},
        web_workers=plan.web_workers,
        arguments=("--port", str(port)),
    )
    try:
        began = time.monotonic()
        platform.begin()
        while not _is_healthy(port):
            if time.monotonic() - began > PATIENCE:
                raise RuntimeError(f"not healthy after {PATIENCE:g} s:\n{platform.output}")
            time.sleep(POLL_SECONDS)
        health = time.monotonic() - began
        platform.wait_until_ready()
        return Start(health, time.monotonic() - began)
    finally:
        platform.close()


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=PATIENCE) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def run(plan: Plan) -> Section:
    found: dict[str, list[Start]] = {"cold": [], "warm": []}
    with scripted_vendor() as vendor:
        for number in range(plan.rounds):
            folder = Path(tempfile.mkdtemp(prefix="chatplatform-bench-"))
            folder.chmod(0o711)  # as root the database runs as another user and must pass through
            try:
                for kind, starts in found.items():
                    say(f"start, round {number + 1} of {plan.rounds}: {kind}")
                    starts.append(start_once(folder, vendor.url, plan))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    rows = [
        [f"{kind} data folder", figure(median(one.health for one in starts)), figure(median(one.ready for one in starts))]
        for kind, starts in found.items()
    ]
    return Section(
        title="Start",
        setting=f"{plan.web_workers} web processes, median of {plan.rounds}, without the local model.",
        text=table(["", "health answers 200 after s", "all of it runs after s"], rows),
        figures={kind: [(one.health, one.ready) for one in starts] for kind, starts in found.items()},
    )


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
