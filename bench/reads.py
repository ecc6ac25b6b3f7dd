"""What a read costs: a conversation with its messages, a list of 20 out of 1,000, a page of 50 of a history.

    python -m bench.reads [--seconds 5] [--rounds 2] [--only detail]

Three servers on the same rows take turns (A B C A B C): the platform as `manage.py up` starts it; its web processes without
limits on requests, access log and metrics (`servers/without.py`); and a bare ASGI application (`servers/bare.py`) that answers
the same bytes. At the end the first read once more while streams flow.
"""

from __future__ import annotations

import asyncio
import re
import time
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass

from bench import command, runs
from bench.answers import named, report, say_refusals
from bench.clients.requests import Ask, Order
from bench.clients.speech import Order as StreamsOrder
from bench.clients.speech import Seat
from bench.command import Section, option, say
from bench.meters import Meters
from bench.rows import write_conversations
from bench.runs import Asked
from bench.stage import Person, Server, Vendor, beside, database, enrol, of_platform, platform_on, scripted_vendor
from tests.running import RunningPlatform

AIM = "Aims: 0.4 of the bare application for the conversation; 1,000 requests/s, of the conversation while streams flow too."
CONVERSATIONS, PAGED_MESSAGES = 1000, 200
"""Of each person; messages in the one whose history is read."""
NAMES = {"detail": "conversation", "list": "20 of 1,000", "history": "page of 50"}
PARTS = ("web", "postgres", "valkey", "log")
WARM_UP = 1.0
DELTAS_A_SECOND = 50
TOKENS_OF_A_DELTA = 5
CLOCK = re.compile(rb'"timestamp":"[^"]*"')


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: float = option(5.0, "of each run")
    rounds: int = option(2, "in which the servers take turns")
    connections: int = option(32, "of the client")
    web_workers: int = option(2, "processes of each server")
    people: int = option(32, "whose conversations are read")
    messages: int = option(10, "in the conversation that is read whole")
    streams: int = option(100, "beside the first read at the end, each of 50 deltas/s; 0 leaves that out")
    only: str = option("", "this read alone", "", *NAMES)

    @property
    def deltas(self) -> int:
        """Of each stream: it must outlast the reads beside it, their client's start and warm-up."""
        return int((self.seconds + WARM_UP + 4) * DELTAS_A_SECOND)


def write_rows(platform: RunningPlatform, people: Sequence[Person], plan: Plan) -> dict[str, tuple[Ask, ...]]:
    """What is read, and the requests for it: of each read one for each person."""
    ids = [person.user_id for person in people]
    with database(platform) as connection:
        whole = write_conversations(connection, user_ids=ids, each=1, messages=plan.messages)
        paged = write_conversations(connection, user_ids=ids, each=1, messages=PAGED_MESSAGES)
        write_conversations(connection, user_ids=ids, each=CONVERSATIONS - 2, messages=2)
    tokens = {person.user_id: person.token for person in people}
    base = "/api/v1/conversations"
    return {
        "detail": tuple(Ask("GET", f"{base}/{one.conversation}", tokens[one.user_id]) for one in whole),
        "list": tuple(Ask("GET", f"{base}?page=1&size=20", person.token) for person in people),
        "history": tuple(Ask("GET", f"{base}/{one.conversation}/messages?page=1&size=50", tokens[one.user_id]) for one in paged),
    }


class Bench:
    def __init__(self, plan: Plan, platform: RunningPlatform, vendor: Vendor, servers: Sequence[Server]) -> None:
        self.plan, self.platform, self.vendor, self.servers = plan, platform, vendor, servers
        self.people = enrol(platform, max(plan.people, plan.streams))
        self.meters = {server.name: Meters(platform=platform, server=server, vendor=vendor) for server in servers}
        self._asks = write_rows(platform, self.people[: plan.people], plan)
        self._numbers = {person.token: str(person.user_id) for person in self.people}

    def asks(self, server: Server, read: str) -> tuple[Ask, ...]:
        """The bare application takes a person's number for her token."""
        asks = self._asks[read]
        return asks if server.name != "bare" else tuple(Ask(ask.method, ask.path, self._numbers[ask.token]) for ask in asks)

    def compare(self) -> None:
        """Raises RuntimeError when the servers do not answer the same bytes."""
        for read in NAMES:
            bodies = {server.name: _body(server, self.asks(server, read)[0]) for server in self.servers}
            if len(set(bodies.values())) != 1:
                raise RuntimeError(f"{read}: the servers do not answer the same: {bodies}")

    async def ask(self, server: Server, read: str) -> Asked:
        plan = self.plan
        order = Order(server.host, server.port, plan.connections, WARM_UP, plan.seconds, self.asks(server, read))
        return say_refusals(await runs.ask(order, self.meters[server.name]))

    async def in_turns(self) -> dict[tuple[str, str], list[Asked]]:
        found: dict[tuple[str, str], list[Asked]] = {}
        for number in range(self.plan.rounds):
            for read, name in NAMES.items():
                for server in self.servers if self.plan.only in ("", read) else ():
                    say(f"reads, round {number + 1} of {self.plan.rounds}: {name}, {named(server.name)}")
                    found.setdefault((name, server.name), []).append(await self.ask(server, read))
        return found

    async def beside_streams(self) -> tuple[Asked, dict[str, int], int]:
        """The first read while every stream flows: its run, how late a delta came (10 us), and how many deltas came."""
        plan, server = self.plan, self.servers[0]
        say(f"reads: {NAMES['detail']} beside {plan.streams} streams")
        with database(self.platform) as connection:
            ids = [person.user_id for person in self.people[: plan.streams]]
            rooms = write_conversations(connection, user_ids=ids, each=1, messages=0)
        tokens = {person.user_id: person.token for person in self.people}
        order = StreamsOrder(
            kind="sse",
            host=server.host,
            port=server.port,
            model="",
            deltas=None,
            max_tokens=plan.deltas * TOKENS_OF_A_DELTA,
            seconds=plan.deltas / DELTAS_A_SECOND,
            ramp=1,
            seats=tuple(Seat(tokens[room.user_id], room.conversation) for room in rooms),
        )
        async with runs.client("streams") as streams:
            await streams.order(**asdict(order))
            event, facts = await streams.event()
            if event != "streaming":
                raise RuntimeError(f"the streams did not all begin: {facts}")
            asked = await self.ask(server, "detail")
            ended = time.monotonic()
            if (await streams.wait("ending"))["at"] < ended:
                say("  a stream ended before the reads did")
            reading = await streams.wait("done")
        return asked, reading["held"], reading["deltas"]


def _body(server: Server, ask: Ask) -> bytes:
    """An answer's but for the clock in it."""
    request = urllib.request.Request(
        f"http://{server.host}:{server.port}{ask.path}", headers={"Authorization": f"Bearer {ask.token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        body: bytes = response.read()
    return CLOCK.sub(b'"timestamp":""', body)


def run(plan: Plan) -> Section:
    with ExitStack() as stack:
        vendor = stack.enter_context(scripted_vendor())
        model = f"time-{plan.deltas}-rate-{DELTAS_A_SECOND}"
        platform = stack.enter_context(platform_on(vendor, model, web_workers=plan.web_workers))
        others = [stack.enter_context(beside(platform, name, workers=plan.web_workers)) for name in ("without", "bare")]
        bench = Bench(plan, platform, vendor, [of_platform(platform), *others])
        bench.compare()
        found = asyncio.run(bench.in_turns())
        late = ""
        if plan.streams:
            asked, held, deltas = asyncio.run(bench.beside_streams())
            found[f"{NAMES['detail']} beside {plan.streams} streams", "platform"] = [asked]
            late = (
                f"\n\nBeside the reads {deltas:,} deltas came, {held['p50'] / 100:.1f} ms (p50) and {held['p99'] / 100:.0f} ms "
                "(p99) after the vendor wrote them. The processor time of that line has the deltas' in it."
            )
    return Section(
        title="Reads",
        setting=(
            f"{plan.connections} connections, {plan.web_workers} processes of each server, {plan.rounds} runs of "
            f"{plan.seconds:g} s; the conversation has {plan.messages} messages. Processor time for an answer."
        ),
        text=f"{report(found, PARTS)}{late}\n\n{AIM}",
        figures={f"{what}: {server}": [asdict(one) for one in asked] for (what, server), asked in found.items()},
    )


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
