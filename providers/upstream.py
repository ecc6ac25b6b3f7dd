"""The one HTTP client towards vendors: a pooled aiohttp session for each event loop, and the clock that watches an answer."""

import asyncio
import contextlib
import math
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import aiohttp


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, bytes and characters that an answer may take."""

    connect: float = 10.0
    first_token: float = 60.0
    """From the call to the first token, retries and waits included."""
    silence: float = 60.0
    """Between two tokens. A vendor's keep-alive comments are no tokens."""
    total: float = 900.0
    closing: float = 5.0
    """For the usage that follows the last token."""
    event_bytes: int = 1_000_000
    answer_bytes: int = 64_000_000
    """A token costs about 250 bytes on the wire."""
    text_chars: int = 1_000_000


_sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession] = WeakKeyDictionary()
_leftovers: set[asyncio.Task[None]] = set()

DRAIN_SECONDS = 1.0


def session() -> aiohttp.ClientSession:
    """The running loop's session, made on first use."""
    loop = asyncio.get_running_loop()
    found = _sessions.get(loop)
    if found is None or found.closed:
        found = _sessions[loop] = _new_session()
    return found


def _new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        # No limit here: turns are what is bounded, and a turn that waits for a free connection would look like a slow vendor.
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, keepalive_timeout=60),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        headers={"User-Agent": "chatplatform"},
        # A body that is never inflated cannot be a bomb: identity is asked for and anything else refused.
        auto_decompress=False,
        trust_env=False,
        max_line_size=8_190,
        max_field_size=8_190,
    )


async def close() -> None:
    """Close the running loop's session and what was still being read. For the end of a process."""
    for task in list(_leftovers):
        task.cancel()
    found = _sessions.pop(asyncio.get_running_loop(), None)
    if found is not None:
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
