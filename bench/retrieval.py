"""Searching documents: what is found, how soon, and how fast documents become searchable.

    python -m bench.retrieval --cache FOLDER [--parts quality speed ingest] [--chunks 100000]

The real text is Debian's reference manual in English and Chinese (`manuals.py`), fetched by `apt-get download` into the folder
and kept there. `quality` asks for each section by its title and by its first sentence; `speed` searches among many chunks that
everyone may read, through the web processes; `ingest` uploads texts until they are searchable.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from bench import command, runs
from bench.answers import cpu_each, say_refusals
from bench.clients.requests import Ask, Order
from bench.command import Section, option, say
from bench.machine import PROJECT_DIR, resident_megabytes
from bench.manuals import manual
from bench.meters import Meters
from bench.runs import Asked
from bench.stage import Person, Vendor, enrol, of_platform, platform_on, scripted_vendor
from bench.table import figure, table
from tests.running import RunningPlatform

AIM = (
    "Aims: recall@5 of hybrid by title 0.80 within a language and 0.65 across; one search after the other below 50 ms (p95), "
    "100 clients that search once a second each below 300 ms (p95); 80 chunks a second embedded."
)
PATH = "/api/v1/chat/search"
WARM_UP = 3.0
TYPES = ("keyword", "semantic", "hybrid")
DIRECTIONS = (("zh", "zh"), ("en", "en"), ("zh", "en"), ("en", "zh"), ("zh", "both"), ("en", "both"))
UPLOAD_CHARS = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    cache: str = option("var/manuals", "folder for the manuals")
    parts: tuple[str, ...] = option(("quality", "speed", "ingest"), "what is measured")
    every: int = option(1, "of the questions by which quality is measured, one in so many")
    chunks: int = option(100_000, "chunks that are searched")
    uploads: int = option(4, "texts of a million characters that are uploaded, one after the other")
    clients: int = option(100, "clients that search once a second each")
    seconds: float = option(20.0, "of each run")
    web_workers: int = option(2, "web processes")


def child(platform: RunningPlatform, module: str, *arguments: str) -> Any:
    """What a program of ours prints as JSON, run on the platform's data."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT_DIR,
        env={"DJANGO_SETTINGS_MODULE": "chatplatform.settings"} | platform.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return orjson.loads(done.stdout)


# --- Quality ------------------------------------------------------------------------------------------------------------------


def quality(platform: RunningPlatform, plan: Plan) -> tuple[str, Any]:
    found = child(platform, "bench.quality", plan.cache, str(plan.every))
    rows = []
    for kind in ("title", "sentence"):
        for asked, target in DIRECTIONS:
            for search_type in TYPES:
                ranks = [
                    one["rank"]
                    for one in found["ranks"]
                    if (one["kind"], one["from"], one["to"], one["type"]) == (kind, asked, target, search_type)
                ]
                if ranks:
                    rows.append([f"{asked} → {target}, {kind}, {search_type}", str(len(ranks)), *recalls(ranks)])
    text = table(["asked → among, by, search", "questions", "R@1", "R@5", "R@10", "MRR"], rows)
    curves = "; ".join(f"{name} {', '.join(map(str, curve))}" for name, curve in found["curves"].items())
    return f"{text}\n\nThe curves that fit best (constant, cosine, words): {curves}.", found


def recalls(ranks: Sequence[int]) -> list[str]:
    """Recall at 1, 5 and 10 and the mean reciprocal rank; a rank of 0 is none."""
    at = [sum(0 < rank <= most for rank in ranks) / len(ranks) for most in (1, 5, 10)]
    return [figure(value, 3) for value in (*at, sum(1 / rank for rank in ranks if rank) / len(ranks))]


# --- Speed --------------------------------------------------------------------------------------------------------------------


def speed(platform: RunningPlatform, plan: Plan, vendor: Vendor) -> tuple[str, Any]:
    questions: list[str] = child(platform, "bench.library", plan.cache, str(plan.chunks))
    people = enrol(platform, plan.clients)
    measured = {
        "hybrid, one after the other": (1, 0.0, "hybrid"),
        "semantic, one after the other": (1, 0.0, "semantic"),
        "keyword, one after the other": (1, 0.0, "keyword"),
        f"hybrid, {plan.clients} clients once a second": (plan.clients, 1.0, "hybrid"),
        "hybrid, 16 at once without a pause": (16, 0.0, "hybrid"),
    }
    found = {
        name: asyncio.run(ask(platform, vendor, order(platform, people, questions, plan, *how))) for name, how in measured.items()
    }
    rows = []
    for name, asked in found.items():
        load = say_refusals(asked).load
        cpu = [figure(cpu_each([asked], part) / 1000) for part in ("web", "postgres")]
        refused = str(sum(load.refusals.values()))
        rows.append([name, figure(load.rate), *(figure(one) for one in (load.p50, load.p95, load.p99)), *cpu, refused])
    header = ["search", "searches/s", "p50 ms", "p95 ms", "p99 ms", "web CPU ms", "PostgreSQL CPU ms", "refused"]
    return table(header, rows), {name: asdict(asked) for name, asked in found.items()}


def order(
    platform: RunningPlatform,
    people: Sequence[Person],
    questions: Iterable[str],
    plan: Plan,
    connections: int,
    every: float,
    search_type: str,
) -> Order:
    """Each question once, so that none has its vector yet."""
    server = of_platform(platform)
    asks = [
        Ask("POST", PATH, people[n % len(people)].token, orjson.dumps({"query": question, "search_type": search_type}).decode())
        for n, question in enumerate(questions)
    ]
    return Order(server.host, server.port, connections, WARM_UP, plan.seconds, tuple(asks), every)


async def ask(platform: RunningPlatform, vendor: Vendor, asked: Order) -> Asked:
    say(f"retrieval: {asked.connections} connections, every {asked.every:g} s")
    return await runs.ask(asked, Meters(platform=platform, server=of_platform(platform), vendor=vendor))


# --- Ingest -------------------------------------------------------------------------------------------------------------------


def ingest(platform: RunningPlatform, plan: Plan) -> tuple[str, Any]:
    """Texts of a million characters, one after the other, from the upload to `ready`."""
    person = enrol(platform, 1)[0]
    text = "\n\n".join(one.text for language in ("zh", "en") for one in manual(Path(plan.cache), language))
    rows, figures = [], []
    for number in range(plan.uploads):
        content = f"Upload {number}.\n\n{(text * 3)[number * 1_000 :][:UPLOAD_CHARS]}"
        began = time.monotonic()
        chunks = upload(platform, person, content, f"manual-{number}.txt")
        seconds = time.monotonic() - began
        memory = sum(resident_megabytes(pid) for name, pid in platform.children.items() if name in {"worker", "documents"})
        say(f"retrieval: {chunks} chunks searchable after {seconds:.0f} s")
        rows.append([str(number + 1), str(chunks), figure(seconds), figure(chunks / seconds), figure(memory, 0)])
        figures.append({"chunks": chunks, "seconds": seconds, "megabytes": memory})
    return table(["upload", "chunks", "seconds", "chunks/s", "workers MB"], rows), figures


def upload(platform: RunningPlatform, person: Person, content: str, name: str) -> int:
    """Waits until it can be searched. Returns how many chunks it has."""
    mark = "chatplatform-bench"
    body = (
        f'--{mark}\r\nContent-Disposition: form-data; name="type"\r\n\r\ndocument\r\n'
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/plain\r\n\r\n'
        f"{content}\r\n--{mark}--\r\n"
    ).encode()
    kept = call(platform, person, "/api/upload", body, f"multipart/form-data; boundary={mark}")["data"]
    while kept["status"] not in {"ready", "failed"}:
        time.sleep(0.2)
        kept = call(platform, person, f"/api/upload/{kept['id']}")["data"]
    if kept["status"] == "failed":
        raise RuntimeError(f"the upload failed: {kept}")
    return int(kept["progress"]["total"])


def call(platform: RunningPlatform, person: Person, path: str, body: bytes | None = None, kind: str = "application/json") -> Any:
    headers = {"Authorization": f"Bearer {person.token}", "Content-Type": kind, "Accept": "application/vnd.llmchat.v1+json"}
    with urllib.request.urlopen(urllib.request.Request(platform.url + path, body, headers), timeout=60) as answer:
        return orjson.loads(answer.read())


def run(plan: Plan) -> Section:
    texts, figures = [], {}
    with scripted_vendor() as vendor, platform_on(vendor, "ok-5", web_workers=plan.web_workers) as platform:
        for part in plan.parts:
            if part == "quality":
                text, figures[part] = quality(platform, plan)
            elif part == "speed":
                text, figures[part] = speed(platform, plan, vendor)
            else:
                text, figures[part] = ingest(platform, plan)
            texts.append(f"{part.capitalize()}:\n\n{text}")
    return Section(
        title="Searching documents",
        setting=(
            f"Two manuals of some 420 sections each; {plan.chunks:,} chunks that everyone may read; the packaged encoder, each "
            f"question asked for the first time; {plan.web_workers} web processes; runs of {plan.seconds:g} s."
        ),
        text="\n\n".join([*texts, AIM]),
        figures=figures,
    )


if __name__ == "__main__":
    command.main(Plan, __doc__ or "", run)
