"""An endpoint that speaks OpenAI's embeddings over loopback, with faults on order. A real server: it is asked over HTTP.

    with embeddings_endpoint(dimensions=64) as endpoint:
        Provider(base_url=endpoint.url, …)

A text's vector is made of its words, so that texts that have them in common are near each other; all lie near one direction.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zlib import crc32

import numpy as np
import orjson

Answer = Callable[[int, list[str]], tuple[int, Any]]
"""From the number of the request (from 1) and its texts to a status and a JSON body."""


class Endpoint:
    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.url = ""
        self.requests: list[dict[str, Any]] = []
        self.answer: Answer = self.well

    def well(self, number: int, texts: list[str]) -> tuple[int, Any]:
        """In an order of its own, as the interface allows; length is not 1."""
        rows = [{"object": "embedding", "index": n, "embedding": self.vector(text)} for n, text in enumerate(texts)]
        tokens = sum(map(len, texts))
        return 200, {"object": "list", "data": rows[::-1], "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}

    def vector(self, text: str) -> list[float]:
        found = np.full(self.dimensions, 0.5)
        for word in text.lower().split():
            found[crc32(word.encode()) % self.dimensions] += 1
        return (found / np.linalg.norm(found) * 3).tolist()


@contextmanager
def embeddings_endpoint(*, dimensions: int = 64) -> Iterator[Endpoint]:
    endpoint = Endpoint(dimensions)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked |= {"path": self.path, "authorization": self.headers.get("Authorization", "")}
            endpoint.requests.append(asked)
            status, body = endpoint.answer(len(endpoint.requests), asked["input"])
            sent = body if isinstance(body, bytes) else orjson.dumps(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
