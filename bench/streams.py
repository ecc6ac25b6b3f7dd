"""What a stream costs: processor time for each delta, and how much later a delta arrives than without the platform.

    python -m bench.streams [--streams 100] [--rate 50] [--seconds 10] [--socket] [--rounds 2] [--web-workers 2] [--json FILE]

The platform is the one that `manage.py up` starts, with persistence, quotas and logging on, in a data folder of its own. The
vendor writes its clock into every delta; a reader in a third process finds it there. Runs straight to the vendor and runs
through the platform take turns (A B A B), so that a busy machine disturbs both alike; trust the ratios and the processor
time, not the absolute times.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from bench.machine import commit, machine
from bench.reader import Kind, Order, Seat
from bench.stage import Measured, Meters, Vendor, conversations, people, platform_on, run, scripted_vendor
from bench.table import figure, ratio, table
from tests.client import Client
from tests.running import RunningPlatform

NAMES: dict[Kind, str] = {"direct": "vendor alone", "sse": "SSE", "socket": "WebSocket"}
TOKENS_OF_A_DELTA = 5
"""At most, as we count them; a send's `max_tokens` must not end its stream early."""
WARM_UP_TOKENS = 100


@dataclass(frozen=True, slots=True)
class Plan:
    streams: int
    rate: float
    """Deltas a second in each stream."""
    seconds: float
    ramp: float
    """Seconds over which the streams are opened."""
    rounds: int
    web_workers: int
    socket: bool

    @property
    def deltas(self) -> int:
        return int(self.rate * self.seconds)

    @property
    def model(self) -> str:
        """The vendor's script."""
        return f"time-{self.deltas}-rate-{self.rate:g}"

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return ("direct", "sse", "socket") if self.socket else ("direct", "sse")


class Bench:
    def __init__(self, plan: Plan, platform: RunningPlatform, vendor: Vendor, clients: list[Client]) -> None:
        self.plan, self.platform, self.vendor, self.clients = plan, platform, vendor, clients
        self.meters: dict[Kind, Meters] = {"direct": Meters(None, vendor)}
        self.meters["sse"] = self.meters["socket"] = Meters(platform, vendor)

    async def once(self, kind: Kind, *, warm_up: bool = False) -> Measured:
        """All streams once, each person in a new conversation, so that no run has a longer prompt than another."""
        plan = self.plan
        host, port = self.vendor.address
        seats: tuple[Seat, ...] = (Seat(),) * plan.streams
        if kind != "direct":
            parts = urlsplit(self.platform.url)
            host, port = str(parts.hostname), int(parts.port or 80)
            rooms = await conversations(self.clients)
            seats = tuple(Seat(client.token, room) for client, room in zip(self.clients, rooms, strict=True))
        order = Order(
            kind=kind,
            host=host,
            port=port,
            model=plan.model,
            deltas=None if warm_up else plan.deltas,
            max_tokens=WARM_UP_TOKENS if warm_up else plan.deltas * TOKENS_OF_A_DELTA,
            seconds=plan.seconds,
            ramp=plan.ramp,
            seats=seats,
        )
        measured = await run(order, self.meters[kind], self.vendor)
        for failure in measured.reading.failures:
            print(f"  a stream failed: {failure}")
        return measured


async def measure(plan: Plan, platform: RunningPlatform, vendor: Vendor) -> dict[Kind, list[Measured]]:
    found: dict[Kind, list[Measured]] = {kind: [] for kind in plan.kinds}
    async with people(platform, plan.streams) as clients:
        bench = Bench(plan, platform, vendor, clients)
        for kind in plan.kinds:
            await bench.once(kind, warm_up=True)
        for number in range(plan.rounds):
            for kind in plan.kinds:
                print(f"round {number + 1} of {plan.rounds}: {NAMES[kind]}", flush=True)
                found[kind].append(await bench.once(kind))
    return found


def report(found: dict[Kind, list[Measured]]) -> str:
    """The table. Times are medians over rounds, processor time is over all rounds together."""
    kinds = list(found)
    header = ["", *(NAMES[kind] for kind in kinds), *(f"{NAMES[kind]} / alone" for kind in kinds if kind != "direct")]

    def row(name: str, value: Callable[[Sequence[Measured]], float | None], digits: int = 1, *, ratios: bool = True) -> list[str]:
        values = {kind: value(found[kind]) for kind in kinds}
        return [
            name,
            *(figure(values[kind], digits) for kind in kinds),
            *(ratio(values[kind], values["direct"] if ratios else None) for kind in kinds if kind != "direct"),
        ]

    rows = [
        row("streams complete", lambda runs: sum(run.reading.complete for run in runs), 0, ratios=False),
        row("deltas read", _deltas, 0, ratios=False),
        row("first delta, since the vendor wrote it, p50 ms", lambda runs: _spread(runs, "first_held", 50), 2),
        row("first delta, since the vendor wrote it, p99 ms", lambda runs: _spread(runs, "first_held", 99), 2),
        row("first delta, since the send, p50 ms", lambda runs: _spread(runs, "first_after_send", 50), 2),
        row("first delta, since the send, p99 ms", lambda runs: _spread(runs, "first_after_send", 99), 2),
        row("every delta, since the vendor wrote it, p50 ms", lambda runs: _held(runs, "p50"), 2),
        row("every delta, since the vendor wrote it, p99 ms", lambda runs: _held(runs, "p99"), 2),
        *(
            row(f"{name}: us of CPU a delta, all streams flowing", partial(_steady, part=part))
            for part, name in (("web", "web"), ("postgres", "PostgreSQL"), ("valkey", "Valkey"))
        ),
        *(
            row(f"{name}: us of CPU a delta, opening and closing too", partial(_whole, part=part))
            for part, name in (("web", "web"), ("postgres", "PostgreSQL"), ("valkey", "Valkey"), ("worker", "worker and beat"))
        ),
        *(
            row(f"{name}: ms of CPU a turn, beside its deltas", partial(_each_turn, part=part))
            for part, name in (("web", "web"), ("postgres", "PostgreSQL"))
        ),
        row("vendor: us of CPU a delta", lambda runs: _steady(runs, "vendor")),
        row("reader: us of CPU a delta", lambda runs: _per_delta(sum(r.reading.cpu_seconds for r in runs), _deltas(runs))),
        row("a web process, resident MB", lambda runs: max(run.memory for run in runs) or None, 0),
    ]
    return table(header, rows)


def _deltas(runs: Sequence[Measured]) -> int:
    return sum(run.reading.deltas for run in runs)


def _per_delta(seconds: float, deltas: int) -> float | None:
    return seconds / deltas * 1e6 if deltas else None


def _steady(runs: Sequence[Measured], part: str) -> float | None:
    if not all(part in run.steady for run in runs):
        return None  # not a part of this run, or its streams never flowed all at once
    return _per_delta(sum(run.steady[part] for run in runs), sum(run.steady_deltas for run in runs))


def _whole(runs: Sequence[Measured], part: str) -> float | None:
    parts = ("worker", "beat") if part == "worker" else (part,)
    if not all(name in run.whole for run in runs for name in parts):
        return None
    return _per_delta(sum(run.whole[name] for run in runs for name in parts), _deltas(runs))


def _each_turn(runs: Sequence[Measured], part: str) -> float | None:
    """What the whole run took more than its deltas do while all streams flow."""
    whole, steady = _whole(runs, part), _steady(runs, part)
    turns = sum(len(run.reading.first_held) for run in runs)
    return (whole - steady) * _deltas(runs) / turns / 1e3 if whole is not None and steady is not None and turns else None


def _spread(runs: Sequence[Measured], name: str, percentile: int) -> float | None:
    """Over the streams of all rounds, in milliseconds."""
    values = sorted(value for run in runs for value in getattr(run.reading, name))
    return values[min(len(values) - 1, len(values) * percentile // 100)] / 100 if values else None


def _held(runs: Sequence[Measured], name: str) -> float:
    return statistics.median(run.reading.held[name] for run in runs) / 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--rate", type=float, default=50, help="deltas a second in each stream")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--ramp", type=float, default=2, help="seconds over which the streams are opened")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--web-workers", type=int, default=2)
    parser.add_argument("--socket", action="store_true", help="WebSocket streams too")
    parser.add_argument("--json", type=Path, help="write every figure to this file")
    options = vars(parser.parse_args())
    file: Path | None = options.pop("json")
    plan = Plan(**options)
    about = f"commit {commit()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {machine()}"
    print(f"{about}\n{plan.streams} streams x {plan.rate:g} deltas/s x {plan.seconds:g} s, {plan.web_workers} web processes")
    with scripted_vendor() as vendor, platform_on(vendor, plan.model, web_workers=plan.web_workers) as platform:
        found = asyncio.run(measure(plan, platform, vendor))
        books = platform.manage("check_ledger")
    print(f"\n{report(found)}\n\nledger: {books.stdout.strip() or books.stderr.strip()}")
    if file is not None:
        facts = {
            "about": about,
            "plan": asdict(plan),
            "runs": {kind: [asdict(one) for one in runs] for kind, runs in found.items()},
        }
        file.write_bytes(orjson.dumps(facts, option=orjson.OPT_INDENT_2))


if __name__ == "__main__":
    main()
