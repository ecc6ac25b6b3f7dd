"""What is counted and measured for operators, as Prometheus reads it.

The web processes of one `up` write into files that they share (`PROMETHEUS_MULTIPROC_DIR`, set for them by the supervisor), and
whichever is asked adds all of them up. A web process that was started by itself has figures of its own.
"""

from __future__ import annotations

import os
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
disable_created_metrics()  # a series beside each counter that nobody asks for

_OWN = CollectorRegistry()

HTTP_REQUESTS = Counter("http_requests_total", "Total number of HTTP requests", ["method", "endpoint"], registry=_OWN)
HTTP_SECONDS = Histogram(
    "http_request_duration_seconds",
    "Time to the head of the answer (of a stream: to its first event), by route and class of status",
    ["method", "endpoint", "status"],
    registry=_OWN,
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
OPENAI_REQUESTS = Counter("openai_requests_total", "Total number of OpenAI API requests", ["model", "status"], registry=_OWN)
FIRST_TOKEN_SECONDS = Histogram(
    "chat_first_token_seconds",
    "Time from an accepted message to the first token of its answer",
    ["model"],
    registry=_OWN,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60),
)
TURNS_RUNNING = Gauge("chat_turns_running", "Answers being written", registry=_OWN, multiprocess_mode="livesum")
CONNECTIONS_OPEN = Gauge(
    "chat_connections_open", "Streams and sockets that are open", ["kind"], registry=_OWN, multiprocess_mode="livesum"
)
LOOP_LAG_SECONDS = Histogram(
    "event_loop_lag_seconds",
    "How late a web process's event loop came back to a timer, asked once a second",
    registry=_OWN,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)

_STATUSES = {"completed": "success", "failed": "error"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# A metric's `labels()` costs as much as counting does; there are only so many combinations.
_http_requests = lru_cache(maxsize=4096)(HTTP_REQUESTS.labels)
_http_seconds = lru_cache(maxsize=4096)(HTTP_SECONDS.labels)


def count_http(*, method: str, endpoint: str, status: int, seconds: float) -> None:
    """`endpoint` is a route's template, never a path as it came: those are endless."""
    known = method if method in _METHODS else "OTHER"
    _http_requests(known, endpoint).inc()
    _http_seconds(known, endpoint, f"{status // 100}xx").observe(seconds)


def count_answer(*, model: str, state: str, first_token: float | None) -> None:
    """A turn that has ended: in which state of `Turn.State`, and how many seconds its first token took, if there was one."""
    OPENAI_REQUESTS.labels(model, _STATUSES.get(state, state)).inc()
    if first_token is not None:
        FIRST_TOKEN_SECONDS.labels(model).observe(first_token)


def read_metrics() -> bytes:
    """All of it as text. Blocking: it reads files."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(_OWN)
    together = CollectorRegistry()
    MultiProcessCollector(together)
    return generate_latest(together)
