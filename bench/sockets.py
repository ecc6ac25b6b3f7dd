"""What an open socket costs: memory of an idle one, processor time of 1,000 that send and receive; memory of each process.

    python -m bench.sockets [--idle 1000 5000] [--seconds 10]

Five sockets a person, as many as the platform allows. Memory is what the web processes grow by, divided by the sockets; the first
hundred are not counted, since they load what is loaded once. The kernel's own memory for a connection is in no process.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench import command, runs
from bench.command import Section, option, say
from bench.machine import resident_megabytes, tree_megabytes
from bench.meters import SERVICES, Meters, spent
from bench.rows import write_conversations
from bench.runs import Client
from bench.stage import Person, Server, Vendor, database, enrol, of_platform, platform_on, scripted_vendor
from bench.table import figure, table
from tests.running import RunningPlatform

AIM = "Aim: 40 kB for an idle socket."
SOCKETS_OF_A_PERSON = 5
FIRST = 100
SETTLE_SECONDS = 3.0
PING_EVERY = 1.0
MODEL = "ok-20"


@dataclass(frozen=True, slots=True)
class Plan:
    idle: tuple[int, ...] = option((1000, 5000), "sockets at a time, growing")
    seconds: float = option(10.0, "that the idle ones are watched and the busy ones are busy")
    busy: int = option(1000, "sockets that send and receive")
    chats: int = option(50, "of the busy ones that send messages and read their answers, one turn after the other")
    web_workers: int = option(2, "web processes")


class Bench:
    def __init__(self, plan: Plan, platform: RunningPlatform, vendor: Vendor) -> None:
        self.plan, self.platform = plan, platform
        self.server: Server = of_platform(platform)
        self.meters = Meters(platform=platform, server=self.server, vendor=vendor)
        most = max(*plan.idle, plan.busy, FIRST)
        self.people: list[Person] = enrol(platform, -(-most // SOCKETS_OF_A_PERSON))

    def tokens(self, start: int, end: int) -> list[str]:
        """Of the sockets from number `start` to before `end`. The first one of each person comes before any second one."""
        return [self.people[n % len(self.people)].token for n in range(start, end)]

    async def start(self, client: Client) -> None:
        await client.order(host=self.server.host, port=self.server.port)

    async def open(self, client: Client, start: int, end: int) -> None:
        say(f"sockets: opens {end - start}")
        await client.order(do="open", tokens=self.tokens(start, end))
        told = await client.wait("opened")
        if told["open"] != end:
            say(f"  {told['open']} of {end} are open: {told['problem']}")

    async def idle(self) -> list[dict[str, float]]:
        found = []
        async with runs.client("sockets") as client:
            await self.start(client)
            await self.open(client, 0, FIRST)
            await asyncio.sleep(SETTLE_SECONDS)
            at, first = FIRST, self._web_megabytes()
            for count in sorted(self.plan.idle):
                opening = self.meters.cpu()
                await self.open(client, at, count)
                opened = spent(opening, self.meters.cpu())
                await asyncio.sleep(SETTLE_SECONDS)
                before = self.meters.cpu()
                await asyncio.sleep(self.plan.seconds)
                cpu = spent(before, self.meters.cpu())
                now = self._web_megabytes()
                found.append(
                    {
                        "sockets": count,
                        "kilobytes": (now - first) * 1e3 / (count - FIRST),
                        "web": cpu["web"] / self.plan.seconds,
                        "valkey": cpu["valkey"] / self.plan.seconds,
                        "postgres": cpu["postgres"] / self.plan.seconds,
                        "opening": opened["web"] / (count - at),
                        "megabytes": now,
                    }
                )
                at = count
        return found

    async def busy(self) -> list[dict[str, Any]]:
        """Pings alone, then pings and turns."""
        plan, found = self.plan, []
        with database(self.platform) as connection:
            people = {person.user_id: person for person in self.people[: plan.chats]}
            rooms = write_conversations(connection, user_ids=list(people), each=1, messages=0)
        names = [{room.user_id: room.conversation for room in rooms}[user_id] for user_id in people]
        async with runs.client("sockets") as client:
            await self.start(client)
            await self.open(client, 0, plan.busy)
            for what, more in (("ping", {}), ("chat", {"rooms": names})):
                say(f"sockets: {plan.busy} {'ping each second' if what == 'ping' else f'ping, {len(names)} chat'}")
                before = self.meters.cpu()
                await client.order(do=what, seconds=plan.seconds, every=PING_EVERY, **more)
                told = await client.wait("pinged" if what == "ping" else "chatted")
                if told["lost"] or told["failed"]:
                    say(f"  {told['lost']} lost, {told['failed']} turns failed: {told['problem']}")
                found.append({**told, "what": what, "cpu": spent(before, self.meters.cpu())})
        return found

    def memory(self) -> dict[str, float]:
        """Megabytes of each part: of what its processes share, each counts its part."""
        children = self.platform.children
        named = {"supervisor": 0.0} | {name: tree_megabytes(pid) for name, pid in children.items() if name in SERVICES}
        named |= {f"web-{n}": tree_megabytes(pid) for n, pid in enumerate(self.server.pids, start=1)}
        named["supervisor"] = resident_megabytes(self.platform.pid)
        return named

    def _web_megabytes(self) -> float:
        return sum(resident_megabytes(pid) for pid in self.server.pids)


def report_idle(found: list[dict[str, float]]) -> str:
    rows = [
        [
            f"{one['sockets']:,.0f}",
            figure(one["kilobytes"]),
            figure(one["web"] * 100),
            figure(one["postgres"] * 100),
            figure(one["valkey"] * 100),
            figure(one["opening"] * 1e3, 2),
            figure(one["megabytes"], 0),
        ]
        for one in found
    ]
    names = ["idle sockets", "kB each", "web % of a core", "PostgreSQL %", "Valkey %", "web ms to open one", "web MB together"]
    return table(names, rows)


def report_busy(plan: Plan, found: list[dict[str, Any]]) -> str:
    rows = []
    for one in found:
        chatting = one["what"] == "chat"
        rows.append(
            [
                f"{plan.busy:,} ping each second" + (f", {plan.chats} chat" if chatting else ""),
                figure(one["pongs"] / plan.seconds, 0),
                figure(one["p50"]),
                figure(one["p99"]),
                figure(one["turns"] / plan.seconds if chatting else None),
                figure(one["turn_p50"] if chatting else None, 0),
                figure(one["cpu"]["web"] / plan.seconds * 100, 0),
                figure(one["cpu"]["web"] / max(1, one["pongs"]) * 1e6 if not chatting else None, 0),
            ]
        )
    names = ["busy sockets", "pongs/s", "p50 ms", "p99 ms", "turns/s", "turn p50 ms", "web % of a core", "web µs a ping"]
    return table(names, rows)


def run(plan: Plan) -> Section:
    with ExitStack() as stack:
        vendor = stack.enter_context(scripted_vendor())
        platform = stack.enter_context(platform_on(vendor, MODEL, web_workers=plan.web_workers))
        bench = Bench(plan, platform, vendor)
        before = bench.memory()
        idle = asyncio.run(bench.idle())  # first: the busy ones leave room that the idle ones would be put into
        busy = asyncio.run(bench.busy())
        after = bench.memory()
    memory = table(
        ["resident MB", *before],
        [
            ["after the start", *(figure(size, 0) for size in before.values())],
            ["after all this", *(figure(after[name], 0) for name in before)],
        ],
    )
    return Section(
        title="Sockets and memory",
        setting=f"{plan.web_workers} web processes; each figure over {plan.seconds:g} s.",
        text=f"{report_idle(idle)}\n\n{report_busy(plan, busy)}\n\n{memory}\n\n{AIM}",
        figures={"idle": idle, "busy": busy, "memory": {"before": before, "after": after}},
    )


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
