"""The one HTTP client towards vendors: pooled aiohttp sessions for each event loop, and the clock that watches an answer.

A loop has two sessions, so that no pooled connection, resolved name or guard is shared: one for addresses that operators wrote,
one for those of users, who may reach public addresses only. Both judge every address on the way to its socket.
"""

import asyncio
import contextlib
import math
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from providers import addresses

_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, aiohttp.ClientSession]] = WeakKeyDictionary()
_leftovers: set[asyncio.Task[None]] = set()

DRAIN_SECONDS = 1.0


def session(*, trusted: bool) -> aiohttp.ClientSession:
    """The running loop's session for operators' addresses (`trusted`) or users', made on first use."""
    loop = asyncio.get_running_loop()
    sessions = _sessions.get(loop)
    if sessions is None:
        sessions = _sessions[loop] = {}
    found = sessions.get(trusted)
    if found is None or found.closed:
        found = sessions[trusted] = new_session(trusted=trusted)
    return found


def new_session(*, trusted: bool, resolver: AbstractResolver | None = None) -> aiohttp.ClientSession:
    """`resolver`: who finds the addresses of a name; the system's by default."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            # No limit here: turns are what is bounded, and a turn that waits for a free connection would look like a slow vendor.
            limit=0,
            ttl_dns_cache=60,
            keepalive_timeout=60,
            resolver=_GuardedResolver(resolver or _SystemResolver(trusted=trusted), trusted=trusted),
            socket_factory=_socket_for_operators if trusted else _socket_for_users,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers={"User-Agent": "chatplatform"},
        # A body that is never inflated cannot be a bomb: identity is asked for and anything else refused.
        auto_decompress=False,
        trust_env=False,
        max_line_size=8_190,
        max_field_size=8_190,
    )


_name_threads = {
    trusted: ThreadPoolExecutor(max_workers=4, thread_name_prefix=f"names-of-{whose}")
    for trusted, whose in ((True, "operators"), (False, "users"))
}
"""Apart, so that users' names which nobody answers for keep no operator's waiting; not the loop's own threads either."""


class _SystemResolver(AbstractResolver):
    def __init__(self, *, trusted: bool) -> None:
        self._threads = _name_threads[trusted]

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        look = partial(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        pass


class _GuardedResolver(AbstractResolver):
    """Refuses a name as a whole when one of its addresses may not be connected to."""

    def __init__(self, resolver: AbstractResolver, *, trusted: bool) -> None:
        self._resolver = resolver
        self._trusted = trusted

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            addresses.judge(one["host"], trusted=self._trusted)
        return found

    async def close(self) -> None:
        await self._resolver.close()


# The last word, over the very address that the socket will be connected to. A literal address never meets the resolver.


def _socket_for_operators(info: aiohttp.AddrInfoType) -> socket.socket:
    addresses.judge(str(info[4][0]), trusted=True)
    return socket.socket(info[0], info[1], info[2])


def _socket_for_users(info: aiohttp.AddrInfoType) -> socket.socket:
    addresses.judge(str(info[4][0]), trusted=False)
    return socket.socket(info[0], info[1], info[2])


async def close() -> None:
    """Close the running loop's sessions and what was still being read. For the end of a process."""
    for task in list(_leftovers):
        task.cancel()
    for found in _sessions.pop(asyncio.get_running_loop(), {}).values():
        await found.close()


def let_go(response: aiohttp.ClientResponse) -> None:
    """Be done with a complete answer: its connection goes back to the pool once the body ends, or is dropped after a second.

    aiohttp drops a connection whose body was not read to the end, and `[DONE]` comes a moment before that end: without
    this every turn would pay for a new TLS handshake.
    """
    if response.content.at_eof():
        response.release()
        return
    task = asyncio.get_running_loop().create_task(_drain(response))
    _leftovers.add(task)
    task.add_done_callback(_leftovers.discard)


async def _drain(response: aiohttp.ClientResponse) -> None:
    try:
        with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while await response.content.readany():
                    pass
    finally:
        response.close()  # does nothing to a connection that went back at the body's end


class Watch:
    """Closes a response whose next token is waited for too long, or that takes too long as a whole.

    One timer a stream: a token only moves a number, and the timer, when it rings, looks at the number and sleeps on.
    Silence counts between `begin` and `pause`: a reader that is slow itself must not blame the vendor.
    """

    __slots__ = ("_ends_at", "_handle", "_loop", "_response", "_silence", "_silent_at", "rang", "took_too_long")

    def __init__(self, response: aiohttp.ClientResponse, *, silence: float, ends_at: float) -> None:
        """`silence` in seconds, `ends_at` on the loop's clock."""
        self._loop = asyncio.get_running_loop()
        self._response = response
        self._silence = silence
        self._ends_at = ends_at
        self._silent_at = math.inf
        self.rang = False
        self.took_too_long = False
        """It rang because the whole took too long, not because of silence."""
        self._handle = self._loop.call_later(0, self._look)

    def begin(self) -> None:
        self._silent_at = self._loop.time() + self._silence

    def pause(self) -> None:
        self._silent_at = math.inf

    def allow(self, silence: float) -> None:
        """From the next `begin` on, only so many seconds of silence."""
        self._silence = silence
        self._handle.cancel()
        self._look()

    def stop(self) -> None:
        self._handle.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        due = min(self._silent_at, self._ends_at)
        if now < due:
            # While paused the next silence cannot end before one full `silence` from now.
            self._handle = self._loop.call_at(min(due, now + self._silence), self._look)
            return
        self.rang = True
        self.took_too_long = now >= self._ends_at
        self._response.close()
