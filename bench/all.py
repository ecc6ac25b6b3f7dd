"""Every benchmark, one after the other, in about 25 minutes.

    python -m bench.all [--quick] [--readme]

Nothing else should run on the machine meanwhile. `--quick` is a tenth of it, to see that everything works; its figures mean
little. `--readme` puts the result into `bench/README.md`, in place of the last one.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import chat_system, contracts, growth, reads, sends, sockets, startup, streams
from bench.command import Section, about, say
from bench.stage import platform_on, scripted_vendor, versions

README = Path(__file__).parent / "README.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def whole() -> Iterator[Callable[[], Section]]:
    yield lambda: reads.run(reads.Plan())
    yield lambda: sends.run(sends.Plan())
    yield lambda: streams.run(streams.Plan(streams=(100, 300), socket=True))
    yield lambda: contracts.run(contracts.Plan())
    yield lambda: sockets.run(sockets.Plan())
    yield lambda: chat_system.run(chat_system.Plan())
    yield lambda: startup.run(startup.Plan())
    yield lambda: growth.run(growth.Plan())


def quick() -> Iterator[Callable[[], Section]]:
    yield lambda: reads.run(reads.Plan(seconds=1, rounds=1, people=8, streams=10))
    yield lambda: sends.run(sends.Plan(seconds=1, rounds=1))
    yield lambda: streams.run(streams.Plan(streams=(10, 20), seconds=3, ramp=0.5, rounds=1, burst=100, socket=True))
    yield lambda: contracts.run(contracts.Plan(streams=10, seconds=2, ramp=0.5, rounds=1))
    yield lambda: sockets.run(sockets.Plan(idle=(150, 200), seconds=2, busy=100, chats=5))
    yield lambda: chat_system.run(chat_system.Plan(clients=5, sockets=25, seconds=2, send_every=5, deltas=10))
    yield lambda: startup.run(startup.Plan(rounds=1))
    yield lambda: growth.run(growth.Plan(messages=10_000, seconds=1, rounds=1))


def replaced(text: str, figures: str) -> str:
    """`text` with `figures` between its two marks."""
    before, rest = text.split(BEGIN, 1)
    _last, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n{figures}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of it")
    parser.add_argument("--readme", action="store_true", help="put the result into bench/README.md")
    options = parser.parse_args()
    began = time.monotonic()
    with scripted_vendor() as vendor, platform_on(vendor, "ok-5", web_workers=1) as platform:
        services = versions(platform)
    parts = [f"{about()}, {services}.\n"]
    print(parts[0], flush=True)
    for measure in quick() if options.quick else whole():
        parts.append(str(measure()))
        print(parts[-1], flush=True)
        say(f"after {(time.monotonic() - began) / 60:.1f} minutes")
    if options.readme:
        README.write_text(replaced(README.read_text(), "\n".join(parts)))


if __name__ == "__main__":
    main()
