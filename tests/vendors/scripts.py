"""What the model's name makes the scripted vendor do. Numbers in a name are the script's own.

ok-20                  20 deltas at once, then usage and [DONE]   ok-20-rate-50   50 deltas a second
time-20-rate-50        each delta says when it was made (`seconds_since`), for measuring
overrun-500            500 deltas whatever max_tokens says (the others obey it and finish with "length")
echo                   the last user message, word by word
401 429-ra3 429-date 429-ra999999 500 500-once 502-html redirect echo-key    answers before any token
slow-first-30          the first token after 30 s          stall-after-5   silence after 5, the connection open
ping-after-5           as stall, with comments             cut-after-5, rst   the connection closed, reset
no-done done-no-close finish-no-close                       odd ends
bad-json bad-utf8 split-utf8 nul surrogates odd-lines       odd bytes
error-in-200 error-in-200-after-20                          errors inside a stream
empty empty-once reasoning-only reasoning                   little or no text
huge-5MB               5 MB of text                        long-line-2MB   one event of 2 MB
big-header gzip-bomb html-in-200 one-body one-body-error    no stream at all
usage-nan usage-negative usage-huge usage-string usage-missing   absurd counts
no-stream-options no-max-tokens                             vendors that refuse a field with 400
"""

import asyncio
import gzip
import re
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from tests.vendors.upstream import Connection

EXAMPLES = ("ok-20", "ok-200-rate-50", "echo")
HEADER = {"id": "chatcmpl-1", "created": 1760000000}
BURST = 64
"""Deltas written in one go when no rate is asked for."""
WORDS = tuple(
    "the of and to in is that for it as was on are be this by from at have not or an which you but all can more one "  # noqa: SIM905
    "their has will about also out up other what time if into".split()
)
_PACED = re.compile(r"(ok|time|overrun)-(\d+)(?:-rate-(\d+(?:\.\d+)?))?$")


@dataclass(frozen=True, slots=True)
class Asked:
    model: str
    body: dict[str, Any]
    headers: dict[str, str]
    count: int
    """The how-manieth request for this model it is."""

    @property
    def wants_stream(self) -> bool:
        return bool(self.body.get("stream"))

    @property
    def wants_usage(self) -> bool:
        return bool((self.body.get("stream_options") or {}).get("include_usage"))

    @property
    def max_tokens(self) -> int | None:
        return self.body.get("max_completion_tokens") or self.body.get("max_tokens")

    @property
    def prompt_tokens(self) -> int:
        return sum(len(str(message.get("content")).split()) + 4 for message in self.body.get("messages", ()))


def word(n: int) -> str:
    """The nth delta: one token of o200k, as the counts that the vendor reports have it."""
    return f" {WORDS[n % len(WORDS)]}" if n else WORDS[0]


def words(count: int) -> str:
    """The text of `ok-<count>`."""
    return "".join(word(n) for n in range(count))


def stamp() -> str:
    """A delta of `time-<count>`: the monotonic clock in 10 us, modulo a million."""
    return f" {time.monotonic_ns() // 10_000 % 1_000_000:06}"


def seconds_since(stamped: str) -> float:
    """How long ago, below ten seconds, a stamp was made on this machine."""
    return (time.monotonic_ns() // 10_000 - int(stamped)) % 1_000_000 / 100_000


def framed(data: bytes) -> bytes:
    """As one HTTP chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(body: Any) -> bytes:
    return b"data: " + (body if isinstance(body, bytes) else orjson.dumps(body)) + b"\n\n"


def chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
    return {**HEADER, "object": "chat.completion.chunk", "model": model, "choices": choices, "usage": None}


def text_event(model: str, text: str) -> bytes:
    return event(chunk(model, {"content": text}))


@lru_cache(maxsize=64)
def _frames(model: str, count: int) -> list[bytes]:
    return [framed(text_event(model, word(n))) for n in range(count)]


def usage_event(asked: Asked, completion: Any, prompt: Any = None) -> bytes:
    prompt = asked.prompt_tokens if prompt is None else prompt
    total = prompt + completion if isinstance(completion, int) and isinstance(prompt, int) else 0
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total}
    return event({**chunk(asked.model, {}), "choices": [], "usage": {**usage, "prompt_tokens_details": {"cached_tokens": 0}}})


def ending(asked: Asked, count: int, finish: str = "stop") -> bytes:
    usage = usage_event(asked, count) if asked.wants_usage else b""
    return framed(event(chunk(asked.model, {}, finish)) + usage + event(b"[DONE]")) + b"0\r\n\r\n"


def play(connection: "Connection", asked: Asked) -> None:
    if paced := _PACED.match(asked.model):
        kind, count, rate = paced[1], int(paced[2]), float(paced[3] or 0)
        _play_paced(connection, asked, kind, count, rate)
        return
    script = next((script for pattern, script in SCRIPTS if re.fullmatch(pattern, asked.model)), unknown)
    number = next((int(found) for found in re.findall(r"(\d+)(?:MB)?$", asked.model)), 0)
    connection.task = asyncio.get_running_loop().create_task(script(connection, asked, number))


def _play_paced(connection: "Connection", asked: Asked, kind: str, count: int, rate: float) -> None:
    allowed = count if kind == "overrun" or not asked.max_tokens else min(count, asked.max_tokens)
    finish = "stop" if allowed == count else "length"
    if not asked.wants_stream:
        _one_body(connection, asked, words(allowed), allowed, finish)
        return
    frames = [] if kind == "time" else _frames(asked.model, count)
    connection.begin(asked.model)
    connection.write(framed(event(chunk(asked.model, {"role": "assistant", "content": ""}))))
    _Paced(connection, asked, frames, allowed, rate, finish, stamps=kind == "time").step()


class _Paced:
    """A stream that is carried on by the wheel, or in bursts as fast as the client reads."""

    __slots__ = ("_allowed", "_asked", "_connection", "_due", "_finish", "_frames", "_interval", "_n", "_stamps")

    def __init__(
        self, connection: "Connection", asked: Asked, frames: list[bytes], allowed: int, rate: float, finish: str, *, stamps: bool
    ) -> None:
        self._connection, self._asked, self._frames = connection, asked, frames
        self._allowed, self._finish, self._stamps = allowed, finish, stamps
        self._interval = 1 / rate if rate else 0.0
        self._due = asyncio.get_running_loop().time()
        self._n = 0

    def step(self) -> None:
        connection, n = self._connection, self._n
        if not connection.streaming:
            return
        take = 1 if self._interval else min(BURST, self._allowed - n)
        if self._stamps:
            connection.delta(b"".join(framed(text_event(self._asked.model, stamp())) for _ in range(take)), take)
        else:
            connection.delta(self._frames[n] if take == 1 else b"".join(self._frames[n : n + take]), take)
        self._n = n + take
        if self._n >= self._allowed:
            connection.end(ending(self._asked, self._allowed, self._finish))
        elif self._interval:
            self._due += self._interval
            connection.wheel.at(self._due, self.step)
        elif connection.paused:
            connection.resumed = self.step
        else:
            asyncio.get_running_loop().call_soon(self.step)


def _one_body(connection: "Connection", asked: Asked, text: str, count: int, finish: str = "stop") -> None:
    usage = {"prompt_tokens": asked.prompt_tokens, "completion_tokens": count, "total_tokens": asked.prompt_tokens + count}
    message = {"role": "assistant", "content": text}
    choices = [{"index": 0, "message": message, "finish_reason": finish}]
    connection.answer_json({**HEADER, "object": "chat.completion", "model": asked.model, "choices": choices, "usage": usage})


# Scripts with a connection, what was asked and the number at the end of the name

Script = Callable[["Connection", Asked, int], Coroutine[Any, Any, None]]


def _say(connection: "Connection", asked: Asked, count: int) -> None:
    connection.begin(asked.model)
    for n in range(count):
        connection.delta(framed(text_event(asked.model, word(n))))


def _say_events(connection: "Connection", asked: Asked, events: Iterable[bytes], count: int = 1) -> None:
    connection.begin(asked.model)
    for one in events:
        connection.delta(framed(one))
    connection.end(ending(asked, count))


async def unknown(connection: "Connection", asked: Asked, number: int) -> None:
    message = f"The model `{asked.model}` does not exist or you do not have access to it."
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "model_not_found"}
    connection.answer_json({"error": error}, status=404)


async def echo(connection: "Connection", asked: Asked, number: int) -> None:
    said = next((str(m["content"]) for m in reversed(asked.body["messages"]) if m["role"] == "user"), "")
    parts = re.findall(r"\s*\S+\s*", said) or [said]
    _say_events(connection, asked, [text_event(asked.model, part) for part in parts], len(parts))


async def refuse(connection: "Connection", asked: Asked, number: int) -> None:
    error = {"message": "Incorrect API key provided.", "type": "invalid_request_error", "code": "invalid_api_key"}
    connection.answer_json({"error": error}, status=401)


async def echo_key(connection: "Connection", asked: Asked, number: int) -> None:
    message = f"Incorrect API key provided: {asked.headers.get('authorization', '')}\n\x1b[31mGet one at https://example.test"
    connection.answer_json({"error": {"message": message, "type": "invalid_request_error"}}, status=401)


async def too_many(connection: "Connection", asked: Asked, number: int) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True) if asked.model == "429-date" else str(number)
    if asked.count > 1 and number < 100:
        _say(connection, asked, 3)
        connection.end(ending(asked, 3))
        return
    error = {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}
    connection.answer_json({"error": error}, status=429, headers={"Retry-After": when})


async def broken(connection: "Connection", asked: Asked, number: int) -> None:
    if asked.model.startswith("500-once") and asked.count % 2 == 0:
        _say(connection, asked, 3)
        connection.end(ending(asked, 3))
        return
    connection.answer_json({"error": {"message": "The server had an error", "type": "server_error"}}, status=500)


async def html(connection: "Connection", asked: Asked, number: int) -> None:
    page = b"<html><body><h1>502 Bad Gateway</h1>nginx at 10.0.0.7</body></html>"
    connection.answer(page, status=502 if asked.model == "502-html" else 200, headers={"Content-Type": "text/html"})


async def redirect(connection: "Connection", asked: Asked, number: int) -> None:
    connection.answer(b"", status=307, headers={"Location": "/elsewhere/chat/completions"})


async def slow_first(connection: "Connection", asked: Asked, seconds: int) -> None:
    connection.begin(asked.model)
    await asyncio.sleep(seconds)
    connection.delta(framed(text_event(asked.model, "late ")))
    connection.end(ending(asked, 1))


async def stall(connection: "Connection", asked: Asked, count: int) -> None:
    _say(connection, asked, count)
    while asked.model.startswith("ping"):
        await asyncio.sleep(0.1)
        connection.write(framed(b": still here\n\n"))


async def cut(connection: "Connection", asked: Asked, count: int) -> None:
    _say(connection, asked, count)
    await asyncio.sleep(0.05)
    connection.hang_up()


async def reset(connection: "Connection", asked: Asked, number: int) -> None:
    import socket
    import struct

    _say(connection, asked, 5)
    await asyncio.sleep(0.05)
    raw = connection.transport.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.abort()


async def no_done(connection: "Connection", asked: Asked, number: int) -> None:
    _say(connection, asked, 3)
    connection.end(framed(event(chunk(asked.model, {}, "stop"))) + b"0\r\n\r\n")


async def done_no_close(connection: "Connection", asked: Asked, number: int) -> None:
    _say(connection, asked, 3)
    last = event(chunk(asked.model, {}, "stop"))
    connection.write(framed(last if asked.model.startswith("finish") else last + event(b"[DONE]")))


async def bad_json(connection: "Connection", asked: Asked, number: int) -> None:
    bad = [event(b'{"choices":[{"delta":{"content":"lost'), event(b"[1,2]"), event(b"7"), event(b"")]
    _say_events(connection, asked, [text_event(asked.model, "good "), *bad, text_event(asked.model, "again")])


async def only_bad_json(connection: "Connection", asked: Asked, number: int) -> None:
    _say_events(connection, asked, [event(b"{no json")] * 3)


async def bad_utf8(connection: "Connection", asked: Asked, number: int) -> None:
    _say_events(connection, asked, [event(b'{"choices":[{"index":0,"delta":{"content":"a\xff\xfeb"}}]}')])


async def split_utf8(connection: "Connection", asked: Asked, number: int) -> None:
    connection.begin(asked.model)
    for byte in text_event(asked.model, "你好，") + text_event(asked.model, "😀 café"):
        connection.write(framed(bytes([byte])))
        await asyncio.sleep(0.001)
    connection.end(ending(asked, 2))


async def nul(connection: "Connection", asked: Asked, number: int) -> None:
    parts = [rb'{"choices":[{"delta":{"content":"a\u0000b"}}]}', rb'{"choices":[{"delta":{"content":"\ud800c"}}]}']
    _say_events(connection, asked, [event(part) for part in parts])


async def surrogates(connection: "Connection", asked: Asked, number: int) -> None:
    """An emoji cut between its halves, as proxies written in JavaScript do."""
    events = [rb'{"choices":[{"delta":{"content":"x\ud83d"}}]}', rb'{"choices":[{"delta":{"content":"\ude00y\ud83d"}}]}']
    connection.begin(asked.model)
    for one in events:
        connection.delta(framed(event(one)))
        await asyncio.sleep(0.05)
    connection.end(ending(asked, 2))


async def odd_lines(connection: "Connection", asked: Asked, number: int) -> None:
    first = orjson.dumps(chunk(asked.model, {"content": "one "}))
    half = first.index(b',"object"') + 1
    pieces = [
        b"\xef\xbb\xbf: hello\r\n\r\n",
        b"event: message\r\nid: 1\r\nretry: 10\r\ndata: " + first[:half] + b"\r\ndata:" + first[half:] + b"\r\n\r\n",
        text_event(asked.model, "two ").replace(b"\n", b"\r"),
        b"nonsense\n\n",
        text_event(asked.model, "three"),
    ]
    _say_events(connection, asked, pieces, 3)


async def error_inside(connection: "Connection", asked: Asked, count: int) -> None:
    count = count if "after" in asked.model else 0
    _say(connection, asked, count)
    error = {"message": "Overloaded", "type": "overloaded_error", "code": 529}
    connection.end(framed(event({"error": error})) + framed(event(b"[DONE]")) + b"0\r\n\r\n")


async def empty(connection: "Connection", asked: Asked, number: int) -> None:
    said = 3 if asked.model == "empty-once" and asked.count > 1 else 0
    _say(connection, asked, said)
    connection.end(ending(asked, said))


async def reasoning(connection: "Connection", asked: Asked, number: int) -> None:
    thoughts = [event(chunk(asked.model, {"reasoning_content": part})) for part in ("let me ", "think")]
    _say_events(connection, asked, [*thoughts, *([] if asked.model == "reasoning-only" else [text_event(asked.model, "42")])])


async def huge(connection: "Connection", asked: Asked, megabytes: int) -> None:
    connection.begin(asked.model)
    frame = framed(text_event(asked.model, "x" * 9_999 + "\n"))
    for _ in range(megabytes * 100):
        connection.delta(frame)
        await asyncio.sleep(0)
    connection.end(ending(asked, megabytes * 100))


async def long_line(connection: "Connection", asked: Asked, megabytes: int) -> None:
    _say_events(connection, asked, [text_event(asked.model, "x" * (megabytes * 1_000_000))])


async def big_header(connection: "Connection", asked: Asked, number: int) -> None:
    connection.answer(b"{}", headers={"Content-Type": "application/json", "X-Big": "x" * 100_000})


async def gzip_bomb(connection: "Connection", asked: Asked, number: int) -> None:
    connection.answer(_bomb(), headers={"Content-Type": "text/event-stream", "Content-Encoding": "gzip"})


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    return gzip.compress(b"data: " + bytes(100_000_000))


async def one_body(connection: "Connection", asked: Asked, number: int) -> None:
    if asked.model == "one-body-error":
        connection.answer_json({"error": {"message": "model is loading", "code": 503}})
    else:
        _one_body(connection, asked, "all at once", 3)


async def usage(connection: "Connection", asked: Asked, number: int) -> None:
    absurd: dict[str, Any] = {"negative": -5, "huge": 10**12, "string": "12", "missing": None}
    kind = asked.model.removeprefix("usage-")
    counted = usage_event(asked, absurd.get(kind, 0)).replace(b'"completion_tokens":0', b'"completion_tokens":NaN')
    connection.begin(asked.model)
    connection.delta(framed(text_event(asked.model, "counted")))
    counted = b"" if kind == "missing" else counted
    connection.write(framed(event(chunk(asked.model, {}, "stop")) + counted + event(b"[DONE]")))
    connection.end()


async def refuses_field(connection: "Connection", asked: Asked, number: int) -> None:
    field = {"no-stream-options": "stream_options", "no-max-tokens": "max_tokens"}[asked.model]
    if field not in asked.body:
        _say(connection, asked, 3)
        connection.end(ending(asked, 3))
        return
    advice = " Use 'max_completion_tokens' instead." if field == "max_tokens" else ""
    message = f"Unsupported parameter: '{field}' is not supported with this model.{advice}"
    connection.answer_json({"error": {"message": message, "type": "invalid_request_error"}}, status=400)


SCRIPTS: tuple[tuple[str, Script], ...] = (
    (r"echo", echo),
    (r"401", refuse),
    (r"echo-key", echo_key),
    (r"429-(ra\d+|date)", too_many),
    (r"500(-once.*)?", broken),
    (r"502-html|html-in-200", html),
    (r"redirect", redirect),
    (r"slow-first-\d+", slow_first),
    (r"(stall|ping)-after-\d+", stall),
    (r"cut-after-\d+", cut),
    (r"rst", reset),
    (r"no-done", no_done),
    (r"(done|finish)-no-close", done_no_close),
    (r"bad-json", bad_json),
    (r"only-bad-json", only_bad_json),
    (r"bad-utf8", bad_utf8),
    (r"split-utf8", split_utf8),
    (r"nul", nul),
    (r"surrogates", surrogates),
    (r"odd-lines", odd_lines),
    (r"error-in-200(-after-\d+)?", error_inside),
    (r"empty(-once)?", empty),
    (r"reasoning(-only)?", reasoning),
    (r"huge-\d+MB", huge),
    (r"long-line-\d+MB", long_line),
    (r"big-header", big_header),
    (r"gzip-bomb", gzip_bomb),
    (r"one-body(-error)?", one_body),
    (r"usage-(nan|negative|huge|string|missing)", usage),
    (r"no-stream-options|no-max-tokens", refuses_field),
)
