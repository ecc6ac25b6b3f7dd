"""How every vendor is asked: connect, try again before the first token, read, watch the clock, hang up.

A vendor's adapter is a `StreamingAdapter` that says where and how it is asked and which `Decoder` reads the answer. Read from raw
bytes: the SDKs' typed streams cost several times as much for each token. Asked again only before the first token; from then on
every failure is the caller's to keep what came.
"""

import asyncio
import io
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable
from typing import Any, ClassVar

import aiohttp
import orjson

from providers import upstream
from providers.adapters import faults
from providers.adapters.decoding import Decoder, read_json
from providers.base import Endpoint, ProviderError, ProviderEvent, ProviderFault, ProviderRequest
from providers.hygiene import storable
from providers.ndjson import LineParser
from providers.retry import wait_before_retry
from providers.sse import SSEParser, SSETooLong
from providers.upstream import Watch

ERROR_BODY_BYTES = 64_000
CHECK_BODY_BYTES = 4_000_000
USERS_CHECK_BODY_BYTES = 200_000
"""Where a user wrote the address: the vendors' SDKs make objects of it in the event loop, for up to a second."""
ONE_BODY_BYTES = 8_000_000
"""Of an answer that comes as one JSON object: read at once, it takes thirty times its length while the event loop waits."""

Parser = SSEParser | LineParser


class StreamingAdapter(ABC):
    """One provider's endpoint. Cheap to make; holds no connection of its own."""

    parser: ClassVar[Callable[..., Parser]] = SSEParser
    """How the stream is framed: `SSEParser` or `LineParser`."""
    surplus: ClassVar[tuple[str, ...]] = ()
    """What people write at the end of the base URL and the vendor's own documents do not."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.base_url = endpoint.base_url.rstrip("/")
        for suffix in self.surplus:
            self.base_url = self.base_url.removesuffix(suffix)
        self.keys = (endpoint.api_key,)

    # What a vendor fills in

    @abstractmethod
    def url(self, request: ProviderRequest) -> str:
        """Where to ask, query included."""

    @abstractmethod
    def body(self, request: ProviderRequest) -> dict[str, Any]:
        """What to ask."""

    @abstractmethod
    def decoder(self, request: ProviderRequest) -> Decoder:
        """Who reads the answer; called anew for each attempt."""

    @abstractmethod
    async def check(self) -> None:
        """See `providers.base`."""

    @abstractmethod
    async def list_models(self) -> tuple[str, ...]:
        """See `providers.base`."""

    def headers(self) -> dict[str, str]:
        """Who asks."""
        return {"Authorization": f"Bearer {self.endpoint.api_key}"} if self.endpoint.api_key else {}

    def error_of(self, status: int, body: Any, headers: Any) -> tuple[ProviderError, str]:
        """What a status other than 200 means, and the vendor's words in lower case, which are for us alone."""
        words, name = faults.error_message(body)
        error = faults.error_of_status(status, words=words, name=name, headers=headers, keys=self.keys)
        return error, words.lower()

    def learns_from(self, request: ProviderRequest, words: str) -> bool:
        """Whether a refusal with these words taught us to ask in another way, at once: `body` now gives something else."""
        return False

    # What the world calls

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

    @property
    def check_body_bytes(self) -> int:
        """The most that is read of an answer to a call."""
        return CHECK_BODY_BYTES if self.endpoint.trusted else USERS_CHECK_BODY_BYTES

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call that is no answer (a check, a list), once, its JSON read. Raises ProviderError for everything but a 2xx."""
        seconds = self.endpoint.limits.check
        try:
            async with asyncio.timeout(seconds):
                response = await self.send(method, f"{self.base_url}{path}", None if body is None else orjson.dumps(body))
                try:
                    raw = await read_body(response, most=self.check_body_bytes)
                except (aiohttp.ClientError, OSError) as error:
                    raise ProviderError(ProviderFault.CUT, type(error).__name__, retryable=True) from error
                finally:
                    response.close()  # does nothing to a connection that went back
        except TimeoutError:
            raise ProviderError(ProviderFault.TIMEOUT, f"no answer within {seconds:g} s") from None
        try:
            answer = read_json(raw)
        except ValueError:
            answer = None
        if not 200 <= response.status < 300:
            raise self.error_of(response.status, answer, response.headers)[0]
        if answer is None:
            raise ProviderError(ProviderFault.PROTOCOL, "no JSON")
        return answer

    async def send(self, method: str, url: str, body: bytes | None) -> aiohttp.ClientResponse:
        """The vendor's response up to its head; the body is the caller's to read. Raises ProviderError."""
        headers = {
            "Accept": "text/event-stream, application/json, application/x-ndjson",
            "Accept-Encoding": "identity",
            **self.headers(),
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        with faults.connecting():
            return await upstream.session(trusted=self.endpoint.trusted).request(
                method,
                url,
                data=io.BytesIO(body) if body is not None and len(body) > 1_000_000 else body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.endpoint.limits.connect),
            )

    # How

    async def _begin(self, request: ProviderRequest) -> "tuple[_Answer, list[ProviderEvent]]":
        """An answer that has begun, and how: everything before the first token, with its one deadline."""
        seconds = self.endpoint.limits.first_token
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

    async def _attempt(self, request: ProviderRequest) -> "tuple[_Answer, list[ProviderEvent]]":
        while True:
            response = await self.send("POST", self.url(request), _packed(self.body(request)))
            try:
                if response.status == 200:
                    answer = _Answer(response, endpoint=self.endpoint, parser=self.parser, decoder=self.decoder(request))
                    return answer, await answer.first()
                error, words = await self._failure(response)
            except BaseException as failure:
                response.close()
                if isinstance(failure, aiohttp.ClientError | OSError) and not isinstance(failure, TimeoutError):
                    raise ProviderError(ProviderFault.CUT, type(failure).__name__, retryable=True) from failure
                raise
            if response.status not in {400, 422} or not self.learns_from(request, words):
                raise error

    async def _failure(self, response: aiohttp.ClientResponse) -> tuple[ProviderError, str]:
        raw = await read_body(response, most=ERROR_BODY_BYTES)
        try:
            body = read_json(raw)
        except ValueError:
            body = None  # HTML of some proxy: nobody's business
        return self.error_of(response.status, body, response.headers)


class _Answer:
    """A response with status 200 while it is being read."""

    def __init__(
        self, response: aiohttp.ClientResponse, *, endpoint: Endpoint, parser: Callable[..., Parser], decoder: Decoder
    ) -> None:
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise ProviderError(ProviderFault.PROTOCOL, "a compressed answer, which was not asked for")
        self._response = response
        self._limits = endpoint.limits
        self._parser = parser(limit=self._limits.event_bytes)
        self._decoder = decoder
        self._ends_at = asyncio.get_running_loop().time() + self._limits.total
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
        if start.startswith(b"<"):
            raise ProviderError(ProviderFault.PROTOCOL, "HTML instead of an answer", retryable=True)
        if start.startswith(b"{") and isinstance(self._parser, SSEParser):
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
        """A vendor that ignores that a stream was asked for, or refuses with status 200, answers with one JSON object."""
        body = start + await read_body(self._response, most=min(self._limits.answer_bytes, ONE_BODY_BYTES))
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
        self._bytes += len(chunk)
        try:
            events = decoder.feed(self._parser.feed(chunk) if chunk else self._parser.end())
        except SSETooLong as error:
            events = decoder.feed(error.events)
            if decoder.finish is not None:
                return self._end(events)  # all of the text is here; only the usage is missing
            return self._fail_after(events, ProviderError(ProviderFault.PROTOCOL, str(error)))
        if decoder.failure:
            return self._fail_after(events, decoder.failure)
        if not chunk and decoder.finish is None:
            broke_off = ProviderError(ProviderFault.CUT, "the answer broke off", retryable=not decoder.has_text)
            return self._fail_after(events, broke_off)
        if self._bytes > self._limits.answer_bytes and not decoder.done:
            decoder.cut_short()
        return self._end(events) if decoder.done or not chunk else events

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
            return self._end([])  # all of the text is here; only the usage is missing
        if watch is None or not watch.rang:
            raise ProviderError(ProviderFault.CUT, type(error).__name__, retryable=not decoder.has_text) from error
        if watch.took_too_long:
            decoder.cut_short()
            return self._end([])
        raise ProviderError(ProviderFault.STALLED, f"silent for {self._limits.silence:g} s") from None

    def _end(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        """`events` and the answer's end, or its failure when it turns out to say nothing."""
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


def _packed(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        # A lone surrogate in text that was stored by other means than ours.
        return orjson.dumps(_storable(body))


def _storable(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case dict():
            return {storable(str(key)): _storable(one) for key, one in value.items()}
        case list() | tuple():
            return [_storable(one) for one in value]
    return value


async def read_body(response: aiohttp.ClientResponse, *, most: int) -> bytes:
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
