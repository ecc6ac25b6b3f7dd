"""What each contract's stream costs beside the cheapest of them: processor time for each delta, in one run.

    python -m bench.contracts [--streams 50] [--seconds 5] [--rounds 3]

The contracts take turns (A B C … A B C …), so that a busy machine disturbs all alike; trust the ratios. How deltas are found and
what is measured is as in `bench.streams`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from bench import command
from bench.clients.speech import Kind
from bench.command import Section, option
from bench.runs import Followed
from bench.stage import enrol, of_platform, platform_on, scripted_vendor
from bench.streams import Bench, Way, spread, steady, whole
from bench.streams import Plan as StreamsPlan
from bench.table import figure, table

AIM = "Aim: a delta costs the web processes at most 1.20 times as much in any contract as in the cheapest."
WAYS: tuple[tuple[str, Kind], ...] = (
    ("ChatGPT Backend", "sse"),
    ("LYSS", "lyss"),
    ("LLMChat", "llmchat"),
    ("Coze", "coze"),
    ("OpenAI-compatible, nothing kept", "completion"),
    ("OpenAI-compatible, in a conversation", "openai"),
    ("Chat System, WebSocket", "chat_system"),
    ("ChatGPT Backend, WebSocket", "socket"),
)


@dataclass(frozen=True, slots=True)
class Plan:
    streams: int = option(50, "at a time")
    rate: float = option(50.0, "deltas a second in each stream")
    seconds: float = option(5.0, "that a stream takes")
    ramp: float = option(1.0, "seconds over which the streams are opened")
    rounds: int = option(3, "in which the contracts take turns")
    web_workers: int = option(2, "web processes")
    cold: bool = option(False, "without a first round that does not count")

    @property
    def each(self) -> StreamsPlan:
        """One contract's turn."""
        return StreamsPlan(streams=(self.streams,), rate=self.rate, seconds=self.seconds, ramp=self.ramp, rounds=self.rounds)


def report(found: Mapping[str, Sequence[Followed]]) -> str:
    """A row for each contract, with how many times the cheapest's each of the two costs is."""
    flowing = {name: steady(runs, part="web") for name, runs in found.items()}
    in_all = {name: whole(runs, part="web") for name, runs in found.items()}
    rows = [
        [
            name,
            str(sum(run.reading.complete for run in runs)),
            figure(sum(run.reading.deltas for run in runs), 0),
            figure(flowing[name]),
            _of_the_cheapest(flowing, name),
            figure(in_all[name]),
            _of_the_cheapest(in_all, name),
            figure(spread(runs, name="first_after_send", percentile=50), 2),
        ]
        for name, runs in found.items()
    ]
    costs = ("web: µs a delta, all streams flowing", "of the cheapest", "opening and closing too", "of the cheapest")
    return table(["", "streams complete", "deltas", *costs, "first delta, since the send, p50 ms"], rows)


def _of_the_cheapest(costs: Mapping[str, float | None], name: str) -> str:
    known = [cost for cost in costs.values() if cost]
    cost = costs[name]
    return figure(cost / min(known) if cost and known else None, 2)


def run(plan: Plan) -> Section:
    each = plan.each
    with ExitStack() as stack:
        vendor = stack.enter_context(scripted_vendor())
        platform = stack.enter_context(platform_on(vendor, each.model, web_workers=plan.web_workers))
        served = of_platform(platform)
        ways = [Way(name, kind, served) for name, kind in WAYS]
        bench = Bench(platform, vendor, ways, enrol(platform, plan.streams))
        found = asyncio.run(bench.in_turns(each, plan.streams, warm_up=not plan.cold))
        books = platform.manage("check_ledger")
    return Section(
        title="Streams of every contract",
        setting=(
            f"{plan.streams} streams of {plan.rate:g} deltas a second for {plan.seconds:g} s through each contract in turn, "
            f"{plan.web_workers} web processes, {plan.rounds} rounds."
        ),
        text=f"{report(found)}\n\n`check_ledger` afterwards: {books.stdout.strip() or books.stderr.strip()}\n\n{AIM}",
        figures={name: [asdict(one) for one in runs] for name, runs in found.items()},
    )


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
