"""Whether reads slow down as the tables grow: the same three with 1,000 and with 1,000,000 messages in them.

    python -m bench.growth [--messages 1000000] [--seconds 5] [--rounds 2]

Two platforms run at once and take turns, one with few rows and one with many. A person has 20 conversations of 50 messages in
either; on the large one those of many people are read, so that pages come from everywhere in the tables.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from bench import command, runs
from bench.answers import cpu_each, say_refusals
from bench.clients.requests import Ask, Order
from bench.command import Section, option, say
from bench.meters import Meters
from bench.rows import write_conversations
from bench.runs import Asked
from bench.stage import Person, Vendor, database, enrol, of_platform, platform_on, scripted_vendor
from bench.table import figure, table
from tests.running import RunningPlatform

AIM = "Aim: a ratio below 1.2."
CONVERSATIONS, MESSAGES = 20, 50
"""Of a person, and of each conversation."""
READERS = 200
"""People whose conversations are read, at most."""
WARM_UP = 1.0
READS = ("conversation", "list of 20", "page of 50")


@dataclass(frozen=True, slots=True)
class Plan:
    small: int = option(1_000, "messages in the tables")
    messages: int = option(1_000_000, "messages in the larger tables")
    seconds: float = option(5.0, "of each run")
    rounds: int = option(2, "in which the two take turns")
    connections: int = option(16, "of the client")
    web_workers: int = option(2, "web processes")


def fill(platform: RunningPlatform, messages: int) -> dict[str, tuple[Ask, ...]]:
    """The rows, and the requests of each read."""
    began = time.monotonic()
    people = enrol(platform, max(1, messages // (CONVERSATIONS * MESSAGES)))
    with database(platform) as connection:
        rooms = write_conversations(
            connection, user_ids=[person.user_id for person in people], each=CONVERSATIONS, messages=MESSAGES
        )
    say(f"growth: {len(rooms) * MESSAGES:,} messages written in {time.monotonic() - began:.0f} s")
    readers = _spread(people)
    tokens = {person.user_id: person.token for person in readers}
    base = "/api/v1/conversations"
    hers = [(f"{base}/{room.conversation}", tokens[room.user_id]) for room in rooms if room.user_id in tokens]
    return {
        "conversation": tuple(Ask("GET", path, token) for path, token in hers),
        "list of 20": tuple(Ask("GET", f"{base}?page=1&size=20", person.token) for person in readers),
        "page of 50": tuple(Ask("GET", f"{path}/messages?page=1&size=50", token) for path, token in hers),
    }


def _spread(people: Sequence[Person]) -> list[Person]:
    return list(people[:: max(1, len(people) // READERS)])


async def in_turns(
    plan: Plan, platforms: dict[int, RunningPlatform], asks: dict[int, dict[str, tuple[Ask, ...]]], vendor: Vendor
) -> dict[str, dict[int, list[Asked]]]:
    """By read and size of the tables."""
    found: dict[str, dict[int, list[Asked]]] = {read: {size: [] for size in platforms} for read in READS}
    for number in range(plan.rounds):
        for read in READS:
            for size, platform in platforms.items():
                say(f"growth, round {number + 1} of {plan.rounds}: {read}, {size:,} messages")
                server = of_platform(platform)
                order = Order(server.host, server.port, plan.connections, WARM_UP, plan.seconds, asks[size][read])
                asked = await runs.ask(order, Meters(platform=platform, server=server, vendor=vendor))
                found[read][size].append(say_refusals(asked))
    return found


def report(plan: Plan, found: dict[str, dict[int, list[Asked]]]) -> str:
    """Processor time of the web processes and of PostgreSQL together, for an answer; and the time to an answer."""
    rows = []
    for read, by_size in found.items():
        few, many = by_size.values()
        cpu = [cpu_each(asked, "web") + cpu_each(asked, "postgres") for asked in (few, many)]
        database_cpu = [cpu_each(asked, "postgres") for asked in (few, many)]
        waited = [sum(one.load.p50 for one in asked) / len(asked) for asked in (few, many)]
        cells = [
            cell
            for small, large in (cpu, database_cpu, waited)
            for cell in (figure(small), figure(large), figure(large / small if small else None, 2))
        ]
        rows.append([read, *cells])
    names = [f"{what}, {which}" for what in ("all µs", "PostgreSQL µs", "p50 ms") for which in ("small", "large", "ratio")]
    return table(["", *names], rows)


def run(plan: Plan) -> Section:
    with ExitStack() as stack:
        vendor = stack.enter_context(scripted_vendor())
        sizes = (plan.small, plan.messages)
        platforms = {size: stack.enter_context(platform_on(vendor, "ok-5", web_workers=plan.web_workers)) for size in sizes}
        asks = {size: fill(platform, size) for size, platform in platforms.items()}
        found = asyncio.run(in_turns(plan, platforms, asks, vendor))
    return Section(
        title="Growth",
        setting=(
            f"{plan.small:,} and {plan.messages:,} messages in the tables, {plan.connections} connections, {plan.web_workers} "
            f"web processes, {plan.rounds} runs of {plan.seconds:g} s. Processor time for an answer, of web "
            "processes and PostgreSQL together and of PostgreSQL alone."
        ),
        text=f"{report(plan, found)}\n\n{AIM}",
        figures={read: {str(size): [asdict(one) for one in asked] for size, asked in by.items()} for read, by in found.items()},
    )


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
