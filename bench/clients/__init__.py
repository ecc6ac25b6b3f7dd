"""Who asks: each client is a process of its own that does next to nothing else, so that it is no part of what is measured.

It reads orders from standard input, a line of JSON each, and tells what happens on standard output in the same way
(`bench.runs` is the other end).
"""

import sys
from typing import Any

import orjson


def read_order() -> dict[str, Any]:
    """The next order. Empty when there are no more."""
    line = sys.stdin.buffer.readline()
    return dict(orjson.loads(line)) if line else {}


def tell(event: str, **facts: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps({"event": event, **facts}) + b"\n")
    sys.stdout.buffer.flush()
