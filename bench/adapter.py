"""What the adapters alone cost: processor time for each delta, and how long they hold a delta up. A table of all of them.

    python -m bench.adapter [anthropic ollama ...] [--streams 100] [--rate 50] [--seconds 10] [--burst]

The vendors run in a process of their own (`tests/vendors/documented.py`) and write the monotonic clock into every delta; this
process reads the streams and nothing else. With `--burst` the vendor writes as fast as it can.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time

import uvloop

from bench.table import figure, table
from providers import upstream
from providers.base import Limits, Provider, ProviderRequest, TextDelta
from tests.vendors.scripts import seconds_since
from tests.vendors.wire import Wire
from tests.vendors.wires import WIRES

HEADER = ("adapter", "deltas", "us of CPU a delta", "first delta held up, p50 ms", "every delta, p50 ms", "p99 ms")


async def _read(provider: Provider, request: ProviderRequest, held: list[float], first: list[float]) -> int:
    """How many deltas came; how long each read and the first delta were underway, in seconds, is added to the lists."""
    count = 0
    async for event in provider.stream(request):
        if isinstance(event, TextDelta):
            stamps = event.text.split()
            if not count:
                first.append(seconds_since(stamps[0]))
            held.append(seconds_since(stamps[-1]))
            count += len(stamps)
    return count


async def measure(wire: Wire, url: str, *, streams: int, rate: int, seconds: float, burst: bool) -> tuple[str, ...]:
    """A row of the table."""
    deltas = int(rate * seconds)
    script = f"time-{deltas}" if burst else f"time-{deltas}-rate-{rate}"

    def read(script: str, held: list[float], first: list[float]) -> "asyncio.Task[int]":
        provider = wire.provider(wire.endpoint(f"{url}/{wire.name}", script, Limits()))
        return asyncio.ensure_future(_read(provider, wire.request(script), held, first))

    await asyncio.gather(*(read("time-5", [], []) for _ in range(streams)))  # connections and byte code are warm
    held: list[float] = []
    first: list[float] = []
    tasks = []
    cpu = time.process_time()
    for _ in range(streams):
        tasks.append(read(script, held, first))
        if not burst:
            await asyncio.sleep(1 / rate / 20)  # streams do not begin in step
    total = sum(await asyncio.gather(*tasks))
    cpu = time.process_time() - cpu
    await upstream.close()
    times = (statistics.median(first), statistics.median(held), statistics.quantiles(held, n=100)[98])
    return (wire.name, f"{total:,}", figure(cpu / total * 1e6), *(figure(one * 1e3, 2) for one in times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapters", nargs="*", choices=[*WIRES, []], default=[], help="all of them without a name")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--burst", action="store_true")
    options = vars(parser.parse_args())
    wires = [WIRES[name] for name in options.pop("adapters") or WIRES]
    vendors = subprocess.Popen([sys.executable, "-m", "tests.vendors.documented"], stdout=subprocess.PIPE, text=True)
    try:
        assert vendors.stdout is not None
        url = vendors.stdout.readline().strip()
        print(table(HEADER, [uvloop.run(measure(wire, url, **options)) for wire in wires]))
    finally:
        vendors.terminate()
        vendors.wait()


if __name__ == "__main__":
    main()
