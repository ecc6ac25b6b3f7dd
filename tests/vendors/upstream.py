"""A vendor that speaks OpenAI's chat completions over loopback and does what the model's name says. For tests and for `bench/`.

    python -m tests.vendors.upstream --port 9000

`scripts.py` lists the names. Text is common words (`scripts.words(n)`), or the time of each delta for measuring.
What happened is told by GET /_requests, /_disconnects, /_stats; POST /_reset forgets it.

Cheap on purpose, so that 300 streams of 50 deltas a second leave the processor to what is measured: bytes made once for
each model's name, one timer for all streams, no framework.
"""

import argparse
import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, cast

import httptools
import orjson

from tests.vendors import scripts
from tests.vendors.wheel import Wheel

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
    b"Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n"
)


class Upstream:
    """The server. `await start()` gives the base URL for a provider, `/v1` included."""

    def __init__(self) -> None:
        self.requests: deque[dict[str, Any]] = deque(maxlen=5_000)
        self.disconnects: deque[dict[str, Any]] = deque(maxlen=5_000)
        self.seen: dict[str, int] = {}
        """How often a model's name was asked for."""
        self.connections: set[Connection] = set()
        self.reset()

    def reset(self) -> None:
        self.requests.clear()
        self.disconnects.clear()
        self.seen.clear()
        self.stats = {"requests": 0, "connections": 0, "deltas": 0, "finished": 0, "active": 0, "most_active": 0}

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        loop = asyncio.get_running_loop()
        self.wheel = Wheel(loop)
        self._server = await loop.create_server(lambda: Connection(self), host, port, backlog=4096)
        bound = self._server.sockets[0].getsockname()[1]
        return f"http://{host}:{bound}/v1"

    async def stop(self) -> None:
        self._server.close()
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client's connection; answers one request after the other."""

    def __init__(self, server: Upstream) -> None:
        self.server = server
        self.wheel = server.wheel
        self.task: asyncio.Task[None] | None = None
        self.streaming = ""
        self.sent = 0
        self.paused = False
        self.resumed: Callable[[], None] | None = None
        self._reset_request()

    def _reset_request(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._path = ""
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self.server.connections.add(self)
        self.server.stats["connections"] += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        if self.streaming:
            self.server.disconnects.append({"model": self.streaming, "sent": self.sent, "at": time.time()})
            self._leave()
        if self.task is not None:
            self.task.cancel()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        if self.resumed is not None:
            resumed, self.resumed = self.resumed, None
            resumed()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.transport.abort()

    # httptools' callbacks

    def on_url(self, url: bytes) -> None:
        self._path += url.decode()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode().lower()] = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode()
        path, headers, body = self._path, self._headers, bytes(self._body)
        # A parser cannot be replaced from inside its own callback.
        asyncio.get_running_loop().call_soon(self._handle, method, path, headers, body)

    def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self._reset_request()
        if path.endswith("/chat/completions") and method == "POST":
            self._complete(path, headers, body)
        elif method == "GET" and path.endswith("/models"):
            self.answer_json({"object": "list", "data": [{"id": name, "object": "model"} for name in scripts.EXAMPLES]})
        elif method == "POST" and path == "/_reset":
            self.server.reset()
            self.answer_json({})
        elif method == "GET" and path in {"/_requests", "/_disconnects", "/_stats"}:
            found = getattr(self.server, path[2:])
            self.answer_json(found if isinstance(found, dict) else list(found))
        else:
            self.answer_json({"error": {"message": f"Unknown path {path}", "type": "invalid_request_error"}}, status=404)

    def _complete(self, path: str, headers: dict[str, str], raw: bytes) -> None:
        try:
            body = orjson.loads(raw)
            model = str(body["model"])
        except (ValueError, KeyError, TypeError):
            error = {"message": "We could not parse the JSON body.", "type": "invalid_request_error"}
            self.answer_json({"error": error}, status=400)
            return
        server = self.server
        server.seen[model] = server.seen.get(model, 0) + 1
        server.requests.append({"path": path, "headers": headers, "body": body, "at": time.time()})
        server.stats["requests"] += 1
        scripts.play(self, scripts.Asked(model=model, body=body, headers=headers, count=server.seen[model]))

    # What scripts use

    def answer_json(self, body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.answer(orjson.dumps(body), status=status, headers={"Content-Type": "application/json", **(headers or {})})

    def answer(self, body: bytes, *, status: int = 200, headers: dict[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)

    def begin(self, model: str, head: bytes = HEAD) -> None:
        """Starts a stream. From here to `end` a lost connection counts as the client's disconnect."""
        self.streaming, self.sent = model, 0
        stats = self.server.stats
        stats["active"] += 1
        stats["most_active"] = max(stats["most_active"], stats["active"])
        self.transport.write(head)

    def write(self, data: bytes) -> None:
        """Already framed as HTTP chunks."""
        self.transport.write(data)

    def delta(self, framed: bytes, count: int = 1) -> None:
        self.sent += count
        self.server.stats["deltas"] += count
        self.transport.write(framed)

    def end(self, last: bytes = b"0\r\n\r\n") -> None:
        self.transport.write(last)
        self.server.stats["finished"] += 1
        self._leave()

    def hang_up(self) -> None:
        """Closes in the midst of it; not the client's doing."""
        self._leave()
        self.transport.close()

    def abort(self) -> None:
        self._leave()
        self.transport.abort()

    def _leave(self) -> None:
        if self.streaming:
            self.streaming = ""
            self.server.stats["active"] -= 1


@contextlib.contextmanager
def running_upstream() -> Iterator[tuple[str, Upstream]]:
    """(base URL, server) of a server in a thread of its own, for tests that have no loop or run one for each test."""
    server = Upstream()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="upstream", daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(10), server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _serve(host: str, port: int) -> None:
    url = await Upstream().start(host, port)
    print(url, flush=True)
    await asyncio.Event().wait()


def main() -> None:
    import uvloop

    parser = argparse.ArgumentParser(description="A scripted vendor that speaks OpenAI's chat completions. Prints its base URL.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(options.host, options.port))


if __name__ == "__main__":
    main()
