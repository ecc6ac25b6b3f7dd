"""What a stream costs: processor time for each delta, and how much later a delta arrives than without the platform.

    python -m bench.streams [--streams 100 300] [--seconds 10] [--rounds 2] [--socket]

The platform is the one that `manage.py up` starts. The vendor writes its clock into every delta; a client in a third process
finds it there. Runs straight to the vendor and through the platform take turns (A B A B), so that a busy machine disturbs both
alike; trust the ratios and the processor time, not the absolute times. At the end the vendor sends as fast as it can.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from bench import command, runs
from bench.clients.speech import Kind, Order, Seat
from bench.command import Section, option, say
from bench.meters import Meters
from bench.rows import write_conversations
from bench.runs import Followed
from bench.stage import Person, Server, Vendor, beside, database, enrol, of_platform, platform_on, scripted_vendor
from bench.table import figure, ratio, table
from tests.running import RunningPlatform

AIMS = (
    "Aims at 100 streams: the first delta later than the vendor wrote it by less than 5 ms (p50) and 50 ms (p99); less than "
    "120 µs of processor in the web processes for a delta, persistence included."
)
TOKENS_OF_A_DELTA = 5
"""At most, as we count them; a send's `max_tokens` must not end its stream early."""
WARM_UP_TOKENS = 100
PARTS = (("web", "web"), ("postgres", "PostgreSQL"), ("valkey", "Valkey"))


@dataclass(frozen=True, slots=True)
class Plan:
    streams: tuple[int, ...] = option((100,), "at a time; several numbers are measured one after the other")
    rate: float = option(50.0, "deltas a second in each stream")
    seconds: float = option(10.0, "that a stream takes")
    ramp: float = option(2.0, "seconds over which the streams are opened")
    rounds: int = option(2, "in which the ways take turns")
    web_workers: int = option(2, "web processes")
    burst: int = option(1000, "deltas of each stream in the burst; 0 leaves it out")
    socket: bool = option(False, "WebSocket streams too")

    @property
    def deltas(self) -> int:
        return int(self.rate * self.seconds)

    @property
    def model(self) -> str:
        """The vendor's script."""
        return f"time-{self.deltas}-rate-{self.rate:g}"


@dataclass(frozen=True, slots=True)
class Way:
    """How deltas come from the vendor to the client."""

    name: str
    kind: Kind
    server: Server | None = None
    """None: straight from the vendor."""


class Bench:
    def __init__(self, platform: RunningPlatform, vendor: Vendor, ways: Sequence[Way], people: Sequence[Person]) -> None:
        self.platform, self.vendor, self.ways, self.people = platform, vendor, ways, people
        self.meters = {way.name: Meters(platform=platform, server=way.server, vendor=vendor) for way in ways}

    async def once(self, way: Way, plan: Plan, streams: int, *, warm_up: bool = False) -> Followed:
        """All streams once, each person in a new conversation, so that no run has a longer prompt than another."""
        host, port = (way.server.host, way.server.port) if way.server else self.vendor.address
        max_tokens = WARM_UP_TOKENS if warm_up else plan.deltas * TOKENS_OF_A_DELTA
        order = Order(
            kind=way.kind,
            host=host,
            port=port,
            model=plan.model,
            deltas=None if warm_up else plan.deltas,
            max_tokens=max_tokens,
            seconds=plan.seconds,
            ramp=plan.ramp,
            seats=self._seats(streams, max_tokens) if way.server else (Seat(),) * streams,
        )
        followed = await runs.follow(order, self.meters[way.name], self.vendor)
        for failure in followed.reading.failures:
            say(f"  a stream failed: {failure}")
        return followed

    def _seats(self, streams: int, max_tokens: int) -> tuple[Seat, ...]:
        """In conversations that say themselves how long an answer may be, since not every contract's message can."""
        people = {person.user_id: person.token for person in self.people[:streams]}
        with database(self.platform) as connection:
            rooms = write_conversations(connection, user_ids=list(people), each=1, messages=0)
            connection.execute(
                "UPDATE conversations_conversation SET settings = jsonb_build_object('max_tokens', %s::int) WHERE id = ANY(%s)",
                [max_tokens, [room.number for room in rooms]],
            )
        return tuple(Seat(people[room.user_id], room.conversation, room.number) for room in rooms)

    async def in_turns(self, plan: Plan, streams: int, *, warm_up: bool = True) -> dict[str, list[Followed]]:
        found: dict[str, list[Followed]] = {way.name: [] for way in self.ways}
        for way in self.ways if warm_up else ():
            await self.once(way, plan, streams, warm_up=True)
        for number in range(plan.rounds):
            for way in self.ways:
                say(f"{streams} streams, round {number + 1} of {plan.rounds}: {way.name}")
                found[way.name].append(await self.once(way, plan, streams))
        return found


def report(found: Mapping[str, Sequence[Followed]]) -> str:
    """The table. Times are medians over rounds, processor time is over all rounds together."""

    def row(name: str, value: Callable[[Sequence[Followed]], float | None], digits: int = 1) -> list[str]:
        return [name, *(figure(value(followed), digits) for followed in found.values())]

    def compared(name: str, value: Callable[[Sequence[Followed]], float | None]) -> list[str]:
        """How many times the vendor's own is said in brackets."""
        values = [value(followed) for followed in found.values()]
        return [name, figure(values[0], 2), *(f"{figure(one, 2)} ({ratio(one, values[0])})" for one in values[1:])]

    rows = [
        row("streams complete", lambda runs: sum(run.reading.complete for run in runs), 0),
        row("deltas read", _deltas, 0),
        compared("first delta, since the vendor wrote it, p50 ms", partial(spread, name="first_held", percentile=50)),
        compared("first delta, since the vendor wrote it, p99 ms", partial(spread, name="first_held", percentile=99)),
        compared("first delta, since the send, p50 ms", partial(spread, name="first_after_send", percentile=50)),
        compared("first delta, since the send, p99 ms", partial(spread, name="first_after_send", percentile=99)),
        compared("every delta, since the vendor wrote it, p50 ms", partial(_held, name="p50")),
        compared("every delta, since the vendor wrote it, p99 ms", partial(_held, name="p99")),
        *(row(f"{name}: µs a delta, all streams flowing", partial(steady, part=part)) for part, name in PARTS),
        *(row(f"{name}: µs a delta, opening and closing too", partial(whole, part=part)) for part, name in PARTS),
        *(row(f"{name}: ms a turn, beside its deltas", partial(each_turn, part=part)) for part, name in PARTS[:2]),
        row("vendor: µs a delta", partial(steady, part="vendor")),
        row("client: µs a delta", _client),
        row("a web process, resident MB", lambda runs: max(run.memory for run in runs) or None, 0),
    ]
    return table(["", *found], rows)


def report_burst(found: Mapping[str, Followed]) -> str:
    rows = []
    for name, run in found.items():
        parts = [whole([run], part=part) for part, _name in PARTS]
        read = run.reading
        rows.append(
            [name, str(read.complete), figure(read.deltas, 0), figure(read.deltas / read.seconds, 0), *map(figure, parts)]
        )
    names = [f"{name} µs a delta" for _part, name in PARTS]
    return table(["as fast as the vendor can", "streams complete", "deltas", "deltas/s", *names], rows)


def _deltas(runs: Sequence[Followed]) -> int:
    return sum(run.reading.deltas for run in runs)


def _per_delta(seconds: float, deltas: int) -> float | None:
    return seconds / deltas * 1e6 if deltas else None


def _client(runs: Sequence[Followed]) -> float | None:
    return _per_delta(sum(run.reading.cpu_seconds for run in runs), _deltas(runs))


def steady(runs: Sequence[Followed], part: str) -> float | None:
    if not all(run.steady.get(part) for run in runs):
        return None  # not a part of this run, or its streams never flowed all at once
    return _per_delta(sum(run.steady[part] for run in runs), sum(run.steady_deltas for run in runs))


def whole(runs: Sequence[Followed], part: str) -> float | None:
    if not all(run.whole.get(part) for run in runs):
        return None
    return _per_delta(sum(run.whole[part] for run in runs), _deltas(runs))


def each_turn(runs: Sequence[Followed], part: str) -> float | None:
    """What the whole run took more than its deltas do while all streams flow."""
    in_all, flowing = whole(runs, part), steady(runs, part)
    turns = sum(len(run.reading.first_held) for run in runs)
    return (in_all - flowing) * _deltas(runs) / turns / 1e3 if in_all is not None and flowing is not None and turns else None


def spread(runs: Sequence[Followed], name: str, percentile: int) -> float | None:
    """Over the streams of all rounds, in milliseconds."""
    values = sorted(value for run in runs for value in getattr(run.reading, name))
    return values[min(len(values) - 1, len(values) * percentile // 100)] / 100 if values else None


def _held(runs: Sequence[Followed], name: str) -> float:
    return statistics.median(run.reading.held[name] for run in runs) / 100


def run(plan: Plan) -> Section:
    tables: list[str] = []
    figures: dict[str, Any] = {}
    with ExitStack() as stack:
        vendor = stack.enter_context(scripted_vendor())
        platform = stack.enter_context(platform_on(vendor, plan.model, web_workers=plan.web_workers))
        without = stack.enter_context(beside(platform, "without", workers=plan.web_workers))
        served = of_platform(platform)
        ways = [Way("vendor alone", "direct"), Way("SSE", "sse", served)]
        if plan.socket:
            ways.append(Way("WebSocket", "socket", served))
        ways.append(Way("SSE without limits, log, metrics", "sse", without))
        bench = Bench(platform, vendor, ways, enrol(platform, max(plan.streams)))
        for streams in plan.streams:
            found = asyncio.run(bench.in_turns(plan, streams))
            tables.append(f"**{streams} streams**\n\n{report(found)}")
            figures[f"{streams} streams"] = {name: [asdict(one) for one in followed] for name, followed in found.items()}
        books = platform.manage("check_ledger")
    if plan.burst:
        burst, found_burst = _burst(plan)
        tables.append(burst)
        figures["burst"] = found_burst
    return Section(
        title="Streams",
        setting=(
            f"{plan.rate:g} deltas a second in each stream for {plan.seconds:g} s, {plan.web_workers} web processes, "
            f"{plan.rounds} rounds. In brackets: how many times the vendor alone."
        ),
        text="\n\n".join([*tables, f"`check_ledger` afterwards: {books.stdout.strip() or books.stderr.strip()}", AIMS]),
        figures=figures,
    )


def _burst(plan: Plan) -> tuple[str, dict[str, Any]]:
    """Another platform: its default model is a vendor that does not wait."""
    streams = plan.streams[0]
    quick = Plan(
        rate=plan.burst, seconds=1, ramp=0.2, rounds=1, web_workers=plan.web_workers, socket=plan.socket, streams=(streams,)
    )
    with scripted_vendor() as vendor, platform_on(vendor, f"time-{plan.burst}", web_workers=plan.web_workers) as platform:
        served = of_platform(platform)
        ways = [Way("SSE", "sse", served), *([Way("WebSocket", "socket", served)] if plan.socket else [])]
        bench = Bench(platform, vendor, ways, enrol(platform, streams))
        found = {}
        for way in ways:
            asyncio.run(bench.once(way, quick, streams, warm_up=True))
            say(f"burst of {streams} streams: {way.name}")
            found[way.name] = asyncio.run(bench.once(way, quick, streams))
    return report_burst(found), {name: asdict(one) for name, one in found.items()}


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
