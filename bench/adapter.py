"""What the OpenAI-compatible adapter alone costs: processor time for each delta, and how long it holds a delta up.

    python -m bench.adapter [--streams 100] [--rate 50] [--seconds 10] [--burst]

The vendor runs in a process of its own (`tests/vendors/upstream.py`) and writes the monotonic clock into every delta;
this process reads the streams and nothing else. With `--burst` the vendor writes as fast as it can.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time

import uvloop

from providers import upstream
from providers.adapters.openai_compatible import OpenAICompatible
from providers.base import PromptMessage, ProviderRequest, TextDelta
from tests.vendors.scripts import seconds_since


async def _read(provider: OpenAICompatible, model: str, held: list[float], first: list[float]) -> int:
    """How many deltas came; how long each read and the first delta were underway, in seconds, is added to the lists."""
    request = ProviderRequest(model=model, messages=(PromptMessage("user", "hello"),), max_tokens=1_000_000)
    count = 0
    async for event in provider.stream(request):
        if isinstance(event, TextDelta):
            stamps = event.text.split()
            if not count:
                first.append(seconds_since(stamps[0]))
            held.append(seconds_since(stamps[-1]))
            count += len(stamps)
    return count


async def measure(url: str, *, streams: int, rate: float, seconds: float, burst: bool) -> str:
    """One line of figures."""
    provider = OpenAICompatible(base_url=url)
    deltas = int(rate * seconds)
    model = f"time-{deltas}" if burst else f"time-{deltas}-rate-{rate:g}"
    await asyncio.gather(*(_read(provider, "time-5", [], []) for _ in range(streams)))  # connections and byte code are warm
    held: list[float] = []
    first: list[float] = []
    tasks = []
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(streams):
        tasks.append(asyncio.ensure_future(_read(provider, model, held, first)))
        if not burst:
            await asyncio.sleep(1 / rate / 20)  # streams do not begin in step
    counts = await asyncio.gather(*tasks)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    await upstream.close()
    total = sum(counts)
    p50, p99 = statistics.median(held) * 1e3, statistics.quantiles(held, n=100)[98] * 1e3
    return (
        f"{streams} streams, {total} deltas in {wall:.1f} s: {cpu / total * 1e6:.1f} us of CPU a delta, "
        f"first delta held up p50 {statistics.median(first) * 1e3:.2f} ms, every delta p50 {p50:.2f} ms, p99 {p99:.2f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--burst", action="store_true")
    options = parser.parse_args()
    vendor = subprocess.Popen([sys.executable, "-m", "tests.vendors.upstream"], stdout=subprocess.PIPE, text=True)
    try:
        assert vendor.stdout is not None
        url = vendor.stdout.readline().strip()
        print(uvloop.run(measure(url, **vars(options))))
    finally:
        vendor.terminate()
        vendor.wait()


if __name__ == "__main__":
    main()
