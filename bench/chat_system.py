"""The Chat System's own targets: sessions, sends, history and search at 100 clients, while 1,000 sockets send and receive.

    python -m bench.chat_system [--clients 100] [--sockets 1000] [--seconds 10]

Every socket belongs to a session of its own, five to a person; it pings, sends messages and reads the answers as they stream, all
the time. Beside them each client asks for one thing after the other, at a pace, over its own connection. The documents that are
searched were uploaded and read by the worker before.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pydoc_data.topics import topics as TEXTS
from typing import Any

import aiohttp
import orjson

from bench import command, runs
from bench.answers import say_refusals
from bench.clients.requests import Ask, Order
from bench.command import Section, option, say
from bench.meters import Meters
from bench.rows import Written, write_conversations
from bench.runs import Asked
from bench.stage import ASKED_EACH, Person, Vendor, database, enrol, of_platform, platform_on, scripted_vendor
from bench.table import figure, table
from tests.running import RunningPlatform

BASE = "/api/v1/chat"
SOCKETS_OF_A_PERSON = 5
DELTAS_A_SECOND = 20
QUICK = "ok-5"
"""The model that answers at once: of a send in one body only our own time is wanted."""
HISTORY = 200
"""Messages in the session whose history is read."""
WARM_UP = 1.0
"""Seconds before the counting begins."""
AROUND = 2.0
"""Seconds for which the sockets are in use before and after that."""
WARM_UP_OF_SOCKETS = 5.0
"""Seconds for which they are in use, uncounted, before the first of all."""
INGEST_SECONDS = 600
UPLOADS_AT_ONCE = 4
CONFIG = {"temperature": 0.7, "max_tokens": 2000, "stream": True}
CONTEXT = {
    "max_context_length": 8000,
    "include_document_metadata": True,
    "context_window_strategy": "sliding",
    "relevance_threshold": 0.7,
}
SESSIONS, SEND, FIRST, SEARCH, READ = 200, 500, 200, 300, 100
"""The document's targets, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Plan:
    clients: int = option(100, "that ask; each is a person")
    sockets: int = option(1000, "in use meanwhile")
    seconds: float = option(10.0, "of each kind of request")
    every: float = option(1.0, "seconds between two requests of a client")
    ping_every: float = option(5.0, "seconds between two pings of a socket")
    send_every: float = option(30.0, "seconds between two messages of a socket")
    deltas: int = option(60, f"of an answer over a socket, at {DELTAS_A_SECOND} a second")
    web_workers: int = option(2, "web processes")

    @property
    def people(self) -> int:
        return max(self.clients, -(-self.sockets // SOCKETS_OF_A_PERSON))

    @property
    def asked_each(self) -> int:
        """Requests of a client in one run, and some to spare."""
        return math.ceil((WARM_UP + self.seconds) / self.every) + 3


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request. The asks are dealt out: the first of each client, then the second of each."""

    name: str
    target: int
    asks: tuple[Ask, ...]


# --- What is there before -----------------------------------------------------------------------------------------------------


def write_rows(platform: RunningPlatform, people: Sequence[Person], plan: Plan) -> tuple[list[Kind], list[tuple[str, str]]]:
    """All kinds of requests but the search, and the sockets' seats: (token, session)."""
    clients = people[: plan.clients]
    ids = [person.user_id for person in clients]
    tokens = {person.user_id: person.token for person in people}
    with database(platform) as connection:
        connection.execute(
            """INSERT INTO providers_model (provider_id, name, display_name, description, capabilities, is_active)
               SELECT id, %s, '', '', '[]', true FROM providers_provider""",
            [QUICK],
        )
        kept = write_conversations(connection, user_ids=ids, each=1, messages=HISTORY)
        to_delete = write_conversations(connection, user_ids=ids, each=plan.asked_each, messages=2)
        quick = write_conversations(connection, user_ids=ids, each=2, messages=2)
        named = [one.conversation for one in quick]
        connection.execute("UPDATE conversations_conversation SET model = %s WHERE uuid = ANY(%s::uuid[])", [QUICK, named])
        streaming = write_conversations(
            connection, user_ids=[person.user_id for person in people], each=SOCKETS_OF_A_PERSON, messages=0
        )
    seats = [(tokens[one.user_id], session_of(one)) for one in streaming][: plan.sockets]

    def asks(method: str, rooms: Sequence[Written], below: str = "", body: Any = None) -> tuple[Ask, ...]:
        text = "" if body is None else orjson.dumps(body).decode()
        return tuple(Ask(method, f"{BASE}/sessions/{session_of(room)}{below}", tokens[room.user_id], text) for room in rooms)

    new = orjson.dumps({"title": "关于机器学习的讨论", "model_config": CONFIG, "context_settings": CONTEXT}).decode()
    changed = {"title": "更新后的标题", "status": "archived", "model_config": {"temperature": 0.5}}
    sent = {"content": "请解释一下机器学习的基本概念", "content_type": "text", "metadata": {"preferred_language": "zh-CN"}}
    return [
        Kind("create a session", SESSIONS, tuple(Ask("POST", f"{BASE}/sessions", one.token, new) for one in clients)),
        Kind(
            "20 sessions",
            SESSIONS,
            tuple(Ask("GET", f"{BASE}/sessions?page=1&page_size=20", one.token) for one in clients),
        ),
        Kind("a session", SESSIONS, asks("GET", kept)),
        Kind("update a session", SESSIONS, asks("PUT", kept, body=changed)),
        Kind("delete a session", SESSIONS, asks("DELETE", to_delete)),
        Kind("a page of 50 of the history", READ, asks("GET", kept, "/messages?page=1&page_size=50")),
        Kind("send, answered in one body", SEND, asks("POST", quick, "/messages", sent)),
    ], seats


def session_of(one: Written) -> str:
    return f"sess_{one.conversation.replace('-', '')}"


async def upload(platform: RunningPlatform, clients: Sequence[Person], web_workers: int) -> tuple[Kind, int]:
    """A document of each client, of the handbook that comes with Python; the searches for what each begins with, and how many
    chunks there are to search. Raises RuntimeError when a document cannot be read."""
    texts = sorted(TEXTS.values())
    gate = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def one(session: aiohttp.ClientSession, number: int, person: Person) -> None:
        form = aiohttp.FormData({"type": "document"})
        content = texts[number % len(texts)].encode()
        form.add_field("file", content, filename=f"handbook-{number}.txt", content_type="text/plain")
        headers = {"Authorization": f"Bearer {person.token}"}
        async with gate, session.post(f"{platform.url}/api/upload", data=form, headers=headers) as response:
            if response.status != 201:
                raise RuntimeError(f"an upload was refused: {await response.text()}")

    async with aiohttp.ClientSession() as session:
        await asyncio.gather(*(one(session, number, person) for number, person in enumerate(clients)))
    chunks = await _until_read(platform, len(clients))
    asks: list[Ask] = []
    for number, person in enumerate(clients):
        query = " ".join(texts[number % len(texts)].replace("*", "").split()[:6])
        body = orjson.dumps({"query": query, "search_type": "hybrid", "max_results": 10}).decode()
        asks.append(Ask("POST", f"{BASE}/search", person.token, body))
    await _search_everywhere(platform, asks[0], web_workers * ASKED_EACH)
    return Kind("search", SEARCH, tuple(asks)), chunks


async def _search_everywhere(platform: RunningPlatform, ask: Ask, times: int) -> None:
    """Each process loads the encoder with its first search. The kernel chooses which one answers a connection."""
    headers = {"Authorization": f"Bearer {ask.token}", "Content-Type": "application/json"}
    for _ in range(times):
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(platform.url + ask.path, data=ask.body) as response,
        ):
            if response.status != 200:
                raise RuntimeError(f"a search was refused: {await response.text()}")


async def _until_read(platform: RunningPlatform, count: int) -> int:
    """How many chunks all documents have together."""
    deadline = time.monotonic() + INGEST_SECONDS
    with database(platform) as connection:
        while time.monotonic() < deadline:
            rows = connection.execute("SELECT status, count(*), sum(chunk_count) FROM retrieval_document GROUP BY 1").fetchall()
            documents = {status: number for status, number, _chunks in rows}
            if documents.get("failed"):
                raise RuntimeError(f"documents could not be read: {documents}")
            if documents.get("ready") == count:
                return int(sum(chunks for _status, _number, chunks in rows))
            await asyncio.sleep(0.5)
    raise RuntimeError(f"the documents were not read within {INGEST_SECONDS} s: {documents}")


# --- Measuring ----------------------------------------------------------------------------------------------------------------


async def measure(
    plan: Plan, platform: RunningPlatform, vendor: Vendor, kinds: Sequence[Kind], seats: Sequence[tuple[str, str]]
) -> tuple[dict[str, Asked], dict[str, Any]]:
    """What each kind showed, and what the sockets did meanwhile."""
    server = of_platform(platform)
    meters = Meters(platform=platform, server=server, vendor=vendor)
    found: dict[str, Asked] = {}
    used: dict[str, Any] = {}
    async with runs.client("sessions") as sockets:
        await sockets.order(host=server.host, port=server.port)
        say(f"chat system: opens {len(seats)} sockets")
        await sockets.order(do="open", seats=seats)
        opened = await sockets.wait("opened")
        if opened["open"] != len(seats):
            say(f"  {opened['open']} of {len(seats)} are open: {opened['problem']}")
        pace = {"ping_every": plan.ping_every, "send_every": plan.send_every}
        await sockets.order(do="use", seconds=WARM_UP_OF_SOCKETS, warm_up=True, **pace)
        await sockets.wait("used")
        for kind in kinds:
            say(f"chat system: {kind.name}, {plan.clients} clients beside {opened['open']} sockets")
            seconds = WARM_UP + plan.seconds + 2 * AROUND
            await sockets.order(do="use", seconds=seconds, **pace)
            order = Order(server.host, server.port, plan.clients, WARM_UP, plan.seconds, kind.asks, plan.every)
            found[kind.name] = say_refusals(await runs.ask(order, meters))
            used = await sockets.wait("used")
        if used["lost"] or used["failed"] or used["late"]:
            say(f"  {used['lost']} sockets lost, {used['failed']} turns failed, {used['late']} late: {used['problem']}")
    return found, {**used, "open": opened["open"]}


def report(kinds: Sequence[Kind], found: Mapping[str, Asked], sockets: Mapping[str, Any]) -> str:
    rows = [
        [kind.name, figure(load.answers, 0), *map(figure, (load.p50, load.p95, load.p99)), figure(kind.target, 0)]
        for kind in kinds
        for load in [found[kind.name].load]
    ]
    names: tuple[tuple[str, str, int | None], ...] = (
        ("message over a socket, until its `stream_start`", "started", SEND),
        ("first text over a socket, since the vendor wrote it", "first_held", FIRST),
        ("first text over a socket, since the message", "first", None),
        ("ping over a socket", "pongs", None),
    )
    for name, key, target in names:
        times = sockets["times"][key]
        rows.append(
            [name, figure(times["count"], 0), *(figure(times[share]) for share in ("p50", "p95", "p99")), figure(target, 0)]
        )
    return table(["", "answers", "p50 ms", "p95 ms", "p99 ms", "target ms (p95)"], rows)


def of_sockets(sockets: Mapping[str, Any]) -> str:
    turns = sockets["times"]["turns"]
    rate = turns["count"] / sockets["seconds"]
    return (
        f"Over the sockets {turns['count']:,} answers came, {rate:.1f} a second, so that about {rate * turns['p50'] / 1e3:.0f} "
        f"streamed at a time; {sockets['failed']} failed, {sockets['late']} messages were late, {sockets['lost']} sockets were "
        "lost."
    )


def run(plan: Plan) -> Section:
    with ExitStack() as stack:
        vendor = stack.enter_context(scripted_vendor())
        model = f"time-{plan.deltas}-rate-{DELTAS_A_SECOND}"
        platform = stack.enter_context(platform_on(vendor, model, web_workers=plan.web_workers))
        people = enrol(platform, plan.people)
        kinds, seats = write_rows(platform, people, plan)
        say(f"chat system: {plan.clients} documents are read")
        search, chunks = asyncio.run(upload(platform, people[: plan.clients], plan.web_workers))
        kinds.append(search)
        found, sockets = asyncio.run(measure(plan, platform, vendor, kinds, seats))
        books = platform.manage("check_ledger")
    return Section(
        title="The Chat System's targets",
        setting=(
            f"{plan.clients} clients, each a request every {plan.every:g} s for {plan.seconds:g} s, beside {sockets['open']:,} "
            f"sockets, each a ping every {plan.ping_every:g} s and a message every {plan.send_every:g} s; {plan.web_workers} web "
            f"processes; {chunks:,} chunks to search."
        ),
        text=(
            f"{report(kinds, found, sockets)}\n\n{of_sockets(sockets)}\n\n"
            f"`check_ledger` afterwards: {books.stdout.strip() or books.stderr.strip()}"
        ),
        figures={"requests": {name: asdict(asked) for name, asked in found.items()}, "sockets": sockets, "chunks": chunks},
    )


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
