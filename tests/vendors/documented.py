"""Every vendor of ours over loopback: its documented wire format, replayed, and the faults that it may have.

    python -m tests.vendors.documented           prints the server's address; a vendor is below it by its wire's name

How a vendor says things is its `Wire`, a file each (`wires.py`); what happens is a script, the same for all (`plays.py`), and
the wire decides where a request names it: in the model, in the bot's id, in the app's key.
"""

import argparse
import asyncio
import contextlib
import threading
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import orjson

from tests.vendors.plays import Play, send
from tests.vendors.wire import Asked, Wire
from tests.vendors.wires import WIRES


class Vendors:
    """The server. `await start()` gives its address; a wire's provider lives at `<address>/<name>`."""

    def __init__(self, wires: dict[str, Wire]) -> None:
        self.wires = wires
        self.requests: list[tuple[str, str, Asked]] = []
        """Wire, script and request of all that asked for an answer."""

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        self._server = await asyncio.start_server(self._serve, host, port, backlog=1024)
        return f"http://{host}:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        self._server.close()

    def asked(self, wire: str, script: str) -> list[Asked]:
        return [asked for name, of, asked in self.requests if (name, of) == (wire, script)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the end, when a script is still waiting for nothing.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._answer(reader, writer):
                pass
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may be used again."""
        name, asked = await _read_request(reader)
        wire = self.wires.get(name)
        script = wire.script(asked) if wire else ""
        if wire is None or not script:
            found = wire.other(asked) if wire else None
            await send(writer, 200 if found is not None else 404, orjson.dumps(found or {"error": {"message": "no such path"}}))
            return True
        self.requests.append((name, script, asked))
        return await Play(wire, asked, script, len(self.asked(name, script)), writer).run()


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, Asked]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    parts = urlsplit(target)
    name, _, path = parts.path.lstrip("/").partition("/")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    return name, Asked(method, f"/{path}", query, headers, orjson.loads(raw) if raw else None)


@contextlib.contextmanager
def running_vendors() -> Iterator[tuple[str, Vendors]]:
    """(address, server) in a thread of its own, for tests that run a loop for each test."""
    server = Vendors(WIRES)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="vendors", daemon=True)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(10), server
    finally:
        asyncio.run_coroutine_threadsafe(_wind_up(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _wind_up(server: Vendors) -> None:
    await server.stop()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _serve(port: int) -> None:
    print(await Vendors(WIRES).start(port=port), flush=True)
    await asyncio.Event().wait()


def main() -> None:
    import uvloop

    parser = argparse.ArgumentParser(description="Every vendor of ours, scripted. Prints its address.")
    parser.add_argument("--port", type=int, default=0)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(_serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
