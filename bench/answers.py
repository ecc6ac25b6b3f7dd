"""Tables of what answers cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from bench.command import say
from bench.meters import NAMES
from bench.runs import Asked
from bench.table import figure, table

_SERVERS = {"without": "without limits, log, metrics"}


def named(server: str) -> str:
    """A server as tables say it."""
    return _SERVERS.get(server, server)


def say_refusals(asked: Asked) -> Asked:
    """Answers other than 2xx are not counted; they should not have been."""
    if asked.load.refusals:
        say(f"  refused: {asked.load.refusals}, for example {asked.load.example}")
    return asked


def report(found: Mapping[tuple[str, str], Sequence[Asked]], parts: Sequence[str]) -> str:
    """A line for each (what was asked, server).

    Rates and times are medians over runs; processor time is in microseconds for an answer, over all runs together. `of bare` is
    the rate's share of the bare application's, `by CPU` what the bare application's processor time is of this one's.
    """
    has_bare = any(server == "bare" for _what, server in found)
    rows = []
    for (what, server), runs in found.items():
        rate = median(run.load.rate for run in runs)
        each = [cpu_each(runs, part) for part in parts]
        shares: list[float | None] = []
        if bare := found.get((what, "bare")):
            shares = [rate / median(run.load.rate for run in bare), sum(cpu_each(bare, part) for part in parts) / sum(each)]
        elif has_bare:
            shares = [None, None]
        rows.append(
            [
                f"{what}: {named(server)}",
                figure(rate, 0),
                *(figure(share, 2) for share in shares),
                figure(median(run.load.p50 for run in runs)),
                figure(median(run.load.p99 for run in runs)),
                *(figure(value, 0) for value in (*each, sum(each), _client_each(runs))),
            ]
        )
    against = ["of bare", "by CPU"] if has_bare else []
    names = [*(f"{NAMES[part]} µs" for part in parts), "all µs", "client µs"]
    return table(["", "requests/s", *against, "p50 ms", "p99 ms", *names], rows)


def cpu_each(runs: Sequence[Asked], part: str) -> float:
    """Microseconds of processor for an answer."""
    return sum(run.cpu.get(part, 0.0) for run in runs) / max(1, sum(run.load.answers for run in runs)) * 1e6


def _client_each(runs: Sequence[Asked]) -> float:
    return sum(run.load.cpu_seconds for run in runs) / max(1, sum(run.load.answers for run in runs)) * 1e6
