"""What a send costs that is answered in one body: authentication, the turn in the database, quotas, the vendor, the ledger.

    python -m bench.sends [--seconds 5] [--rounds 2]

The vendor answers at once with a few words, so what is measured is ours. Each connection has conversations of its own. The
platform as `manage.py up` starts it and its web processes without limits on requests, access log and metrics
(`servers/without.py`) take turns. At the end the ledger is added up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

import orjson

from bench import command, runs
from bench.answers import named, report, say_refusals
from bench.clients.requests import Ask, Order
from bench.command import Section, option, say
from bench.meters import Meters
from bench.rows import write_conversations
from bench.runs import Asked
from bench.stage import Person, Server, Vendor, beside, database, enrol, of_platform, platform_on, scripted_vendor
from tests.running import RunningPlatform

AIM = "Aim: 500 requests/s."
CONVERSATIONS = 40
"""For each connection: a conversation grows by few turns in a run."""
MODEL = "ok-5"
QUESTION = "Say in a few words what the harbour looks like early in the morning."
PARTS = ("web", "postgres", "valkey", "log", "worker", "vendor")
WARM_UP = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: float = option(5.0, "of each run")
    rounds: int = option(2, "in which the servers take turns")
    connections: int = option(32, "of the client; each is a person")
    web_workers: int = option(2, "processes of each server")


def write_rows(platform: RunningPlatform, people: Sequence[Person]) -> tuple[Ask, ...]:
    """The first conversation of each person, then the second of each: dealt out, a connection gets those of one person."""
    with database(platform) as connection:
        rooms = write_conversations(connection, user_ids=[one.user_id for one in people], each=CONVERSATIONS, messages=2)
    tokens = {person.user_id: person.token for person in people}
    body = orjson.dumps({"content": QUESTION, "max_tokens": 50}).decode()
    return tuple(Ask("POST", f"/api/v1/conversations/{room.conversation}/messages", tokens[room.user_id], body) for room in rooms)


async def in_turns(
    plan: Plan, platform: RunningPlatform, servers: Sequence[Server], vendor: Vendor
) -> dict[tuple[str, str], list[Asked]]:
    asks = write_rows(platform, enrol(platform, plan.connections))
    found: dict[tuple[str, str], list[Asked]] = {}
    for number in range(plan.rounds):
        for server in servers:
            say(f"sends, round {number + 1} of {plan.rounds}: {named(server.name)}")
            order = Order(server.host, server.port, plan.connections, WARM_UP, plan.seconds, asks)
            asked = await runs.ask(order, Meters(platform=platform, server=server, vendor=vendor))
            found.setdefault(("send", server.name), []).append(say_refusals(asked))
    return found


def run(plan: Plan) -> Section:
    with ExitStack() as stack:
        vendor = stack.enter_context(scripted_vendor())
        platform = stack.enter_context(platform_on(vendor, MODEL, web_workers=plan.web_workers))
        without = stack.enter_context(beside(platform, "without", workers=plan.web_workers))
        found = asyncio.run(in_turns(plan, platform, [of_platform(platform), without], vendor))
        books = platform.manage("check_ledger")
    return Section(
        title="Sends, answered in one body",
        setting=(
            f"{plan.connections} connections, {plan.web_workers} web processes, {plan.rounds} runs of {plan.seconds:g} s; the "
            "vendor answers five words at once. Processor time for an answer."
        ),
        text=f"{report(found, PARTS)}\n\n`check_ledger` afterwards: {books.stdout.strip() or books.stderr.strip()}\n\n{AIM}",
        figures={f"{what}: {server}": [asdict(one) for one in asked] for (what, server), asked in found.items()},
    )


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
