"""Any vendor that speaks OpenAI's chat completions: https://platform.openai.com/docs/api-reference/chat/create

Read from raw bytes: the SDK's typed stream costs several times as much for each token. Asked again only before the first
token; from then on every failure is the caller's to keep what came.
"""

import asyncio
import io
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from providers import upstream
from providers.adapters.openai_chunks import CompletionDecoder, error_message
from providers.base import ProviderError, ProviderEvent, ProviderFault, ProviderRequest
from providers.hygiene import redact, storable
from providers.retry import parse_retry_after, wait_before_retry
from providers.sse import SSEParser, SSETooLong
from providers.upstream import Limits, Watch

ERROR_BODY_BYTES = 64_000
_STATUS_FAULTS = {
    401: (ProviderFault.AUTH, False),
    403: (ProviderFault.AUTH, False),
    408: (ProviderFault.UNAVAILABLE, True),
    409: (ProviderFault.UNAVAILABLE, True),
    425: (ProviderFault.UNAVAILABLE, True),
    429: (ProviderFault.BUSY, True),
    501: (ProviderFault.UNAVAILABLE, False),
    505: (ProviderFault.UNAVAILABLE, False),
    529: (ProviderFault.BUSY, True),  # Anthropic's "overloaded", passed on by gateways
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a vendor's endpoint turned out not to understand."""

    usage_option: bool = True
    """Understands `stream_options`."""
    tokens_field: str = "max_tokens"


_dialects: dict[tuple[str, str], Dialect] = {}
"""By base URL and model: learned from a refusal, so that only the first request pays for it. Bounded: see `_remember`."""


class OpenAICompatible:
    """One provider's endpoint. Cheap to make; holds no connection of its own."""

    def __init__(self, *, base_url: str, api_key: str = "", limits: Limits | None = None) -> None:
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._key = api_key
        self._limits = limits or Limits()

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """See `providers.base`. Text of one network read is one delta. Close the iterator to hang up at once."""
        answer, events = await self._begin(request)
        try:
            while True:
                for event in events:
                    yield event
                if answer.ended:
                    return
                events = await answer.more()
        finally:
            answer.close()

    async def _begin(self, request: ProviderRequest) -> tuple["_Answer", list[ProviderEvent]]:
        """An answer that has begun, and how: everything before the first token, with its one deadline."""
        seconds = self._limits.first_token
        retries, waited = 0, 0.0
        try:
            async with asyncio.timeout(seconds):
                while True:
                    try:
                        return await self._attempt(request)
                    except ProviderError as error:
                        wait = wait_before_retry(error, retries=retries, waited=waited, jitter=random.random())  # noqa: S311
                        if wait is None:
                            raise
                    retries += 1
                    waited += wait
                    await asyncio.sleep(wait)
        except TimeoutError:
            raise ProviderError(ProviderFault.TIMEOUT, f"no token within {seconds:g} s") from None

    async def _attempt(self, request: ProviderRequest) -> tuple["_Answer", list[ProviderEvent]]:
        dialect = _dialects.get((self._url, request.model)) or self._first_dialect()
        while True:
            response = await self._post(_body(request, dialect))
            try:
                if response.status == 200:
                    answer = _Answer(response, limits=self._limits, keys=(self._key,))
                    return answer, await answer.first()
                error, words = await self._failure(response)
            except BaseException as failure:
                response.close()
                if isinstance(failure, aiohttp.ClientError | OSError) and not isinstance(failure, TimeoutError):
                    raise ProviderError(ProviderFault.CUT, type(failure).__name__, retryable=True) from failure
                raise
            learned = _learn(dialect, words) if response.status in {400, 422} else dialect
            if learned == dialect:
                raise error
            dialect = learned
            _remember((self._url, request.model), dialect)

    def _first_dialect(self) -> Dialect:
        # OpenAI calls `max_tokens` deprecated and its reasoning models refuse it; most compatible vendors know nothing else.
        # https://platform.openai.com/docs/api-reference/chat/create#chat-create-max_completion_tokens
        host = urlsplit(self._url).hostname or ""
        newer = host == "api.openai.com" or host.endswith(".openai.azure.com")
        return Dialect(tokens_field="max_completion_tokens" if newer else "max_tokens")

    async def _post(self, body: bytes) -> aiohttp.ClientResponse:
        headers = {
            "Content-Type": "application/json",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
        }
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            return await upstream.session().post(
                self._url,
                data=io.BytesIO(body) if len(body) > 1_000_000 else body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect),
            )
        except aiohttp.ServerTimeoutError:
            raise ProviderError(ProviderFault.UNAVAILABLE, "no connection in time", retryable=True) from None
        except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError) as error:
            raise ProviderError(ProviderFault.UNAVAILABLE, type(error).__name__) from error
        except aiohttp.ClientResponseError as error:
            # Headers that are too long or no HTTP at all.
            raise ProviderError(ProviderFault.PROTOCOL, type(error).__name__) from error
        except (aiohttp.InvalidURL, ValueError) as error:
            # ValueError: a key or an address with a line break in it.
            raise ProviderError(ProviderFault.REJECTED, type(error).__name__) from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ProviderError(ProviderFault.UNAVAILABLE, type(error).__name__, retryable=True) from error

    async def _failure(self, response: aiohttp.ClientResponse) -> tuple[ProviderError, str]:
        """What a status other than 200 means, and the vendor's words, which are for us alone."""
        status = response.status
        raw = await _read_body(response, most=ERROR_BODY_BYTES)
        try:
            words, name = error_message(orjson.loads(raw))
        except ValueError:
            words, name = "", ""  # HTML of some proxy: nobody's business
        detail = redact(f"HTTP {status} {name}: {words}" if words else f"HTTP {status} {name}", keys=(self._key,))
        fault, retryable = _STATUS_FAULTS.get(status, (ProviderFault.REJECTED, False))
        if status not in _STATUS_FAULTS and status >= 500:
            fault, retryable = ProviderFault.UNAVAILABLE, True
        if status < 400:
            fault = ProviderFault.PROTOCOL  # redirects are not followed: the key would go along
        if "insufficient_quota" in name:
            retryable = False  # OpenAI's 429 for an unpaid bill
        retry_after = parse_retry_after(response.headers.get("Retry-After"), now=datetime.now(UTC))
        return ProviderError(fault, detail, retryable=retryable, retry_after=retry_after), words.lower()


class _Answer:
    """A response with status 200 while it is being read."""

    def __init__(self, response: aiohttp.ClientResponse, *, limits: Limits, keys: tuple[str, ...]) -> None:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ProviderError(ProviderFault.PROTOCOL, "a compressed answer, which was not asked for")
        self._response = response
        self._limits = limits
        self._parser = SSEParser(limit=limits.event_bytes)
        self._decoder = CompletionDecoder(longest_text=limits.text_chars, keys=keys)
        self._ends_at = asyncio.get_running_loop().time() + limits.total
        self._watch: Watch | None = None
        self._bytes = 0
        self._closing = False
        self._failure: ProviderError | None = None
        self.ended = False

    async def first(self) -> list[ProviderEvent]:
        """The first events. The caller holds the deadline; a failure in here may be tried again."""
        content = self._response.content
        start = b""
        while not start and not content.at_eof():
            start = (await content.readany()).lstrip()
        if start[:1] in {b"{", b"<"}:
            return await self._one_body(start)
        events = self._take(start)
        while not events and not self.ended:
            events = await self._read()
        if not self.ended:
            self._watch = Watch(self._response, silence=self._limits.silence, ends_at=self._ends_at)
            self._expect_end()
        return events

    async def more(self) -> list[ProviderEvent]:
        """The next events; the last ones when `ended`."""
        assert self._watch is not None
        if self._failure:
            raise self._failure
        events: list[ProviderEvent] = []
        self._watch.begin()
        while not events and not self.ended:
            events = await self._read()
        self._watch.pause()
        self._expect_end()
        return events

    def close(self) -> None:
        """Hang up, or hand a finished answer's connection back."""
        if self._watch is not None:
            self._watch.stop()
        if self.ended and not self._response.closed and not self._decoder.was_cut:
            upstream.let_go(self._response)
        else:
            self._response.close()

    async def _one_body(self, start: bytes) -> list[ProviderEvent]:
        """A vendor that ignores `stream` answers with one JSON object; a proxy in the way answers with a page."""
        if start.startswith(b"<"):
            raise ProviderError(ProviderFault.PROTOCOL, "HTML instead of an answer", retryable=True)
        body = start + await _read_body(self._response, most=self._limits.answer_bytes)
        events = self._decoder.feed_body(body)
        if self._decoder.failure:
            raise self._decoder.failure
        return self._end(events)

    async def _read(self) -> list[ProviderEvent]:
        try:
            chunk = await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            return self._broken(error)
        return self._take(chunk)

    def _take(self, chunk: bytes) -> list[ProviderEvent]:
        decoder = self._decoder
        if not chunk:
            if decoder.finish is None:
                raise ProviderError(ProviderFault.CUT, "the answer broke off", retryable=not decoder.has_text)
            return self._end()
        self._bytes += len(chunk)
        try:
            events = decoder.feed(self._parser.feed(chunk))
        except SSETooLong as error:
            raise ProviderError(ProviderFault.PROTOCOL, str(error)) from None
        if decoder.failure:
            return self._fail_after(events, decoder.failure)
        if self._bytes > self._limits.answer_bytes and not decoder.done:
            decoder.cut_short()
        return self._end(events) if decoder.done else events

    def _fail_after(self, events: list[ProviderEvent], failure: ProviderError) -> list[ProviderEvent]:
        """What came in the same read as the failure is given out first; the next read then fails."""
        if not events:
            raise failure
        self._failure = failure
        return events

    def _broken(self, error: Exception) -> list[ProviderEvent]:
        """The connection is gone: by the vendor, by the network, or by our own clock."""
        watch, decoder = self._watch, self._decoder
        if decoder.finish is not None:
            return self._end()  # all of the text is here; only the usage is missing
        if watch is None or not watch.rang:
            raise ProviderError(ProviderFault.CUT, type(error).__name__, retryable=not decoder.has_text) from error
        if watch.took_too_long:
            decoder.cut_short()
            return self._end()
        raise ProviderError(ProviderFault.STALLED, f"silent for {self._limits.silence:g} s") from None

    def _end(self, events: list[ProviderEvent] | None = None) -> list[ProviderEvent]:
        """`events` and the answer's end, or its failure when it turns out to say nothing."""
        events = events or []
        try:
            events += self._decoder.close()
        except ProviderError as failure:
            return self._fail_after(events, failure)
        self.ended = True
        return events

    def _expect_end(self) -> None:
        """After the last token only the usage is to come, and not every vendor sends it or hangs up."""
        if self._watch is not None and not self._closing and self._decoder.finish is not None and not self.ended:
            self._closing = True
            self._watch.allow(self._limits.closing)


def _body(request: ProviderRequest, dialect: Dialect) -> bytes:
    body: dict[str, Any] = {
        **request.extra,
        "model": request.model,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        dialect.tokens_field: request.max_tokens,
        "stream": True,
    }
    if dialect.usage_option:
        body["stream_options"] = {"include_usage": True}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = list(request.stop)
    if request.user:
        body["user"] = request.user
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        # A lone surrogate in text that was stored by other means than ours.
        body["messages"] = [{"role": one["role"], "content": storable(one["content"])} for one in body["messages"]]
        return orjson.dumps(body)


def _learn(dialect: Dialect, words: str) -> Dialect:
    """The dialect after a refusal with these words; the same one when it had another reason."""
    if dialect.usage_option and ("stream_options" in words or "include_usage" in words):
        return Dialect(usage_option=False, tokens_field=dialect.tokens_field)
    if dialect.tokens_field == "max_tokens" and "max_completion_tokens" in words:
        return Dialect(usage_option=dialect.usage_option, tokens_field="max_completion_tokens")
    return dialect


def _remember(endpoint: tuple[str, str], dialect: Dialect) -> None:
    if len(_dialects) >= 1_000:
        _dialects.pop(next(iter(_dialects)))
    _dialects[endpoint] = dialect


async def _read_body(response: aiohttp.ClientResponse, *, most: int) -> bytes:
    """The rest of a body, at most so many bytes; the connection is dropped when there is more."""
    pieces, size = [], 0
    while size < most and (piece := await response.content.readany()):
        pieces.append(piece)
        size += len(piece)
    if response.content.at_eof():
        response.release()
    else:
        response.close()
    return b"".join(pieces)[:most]
