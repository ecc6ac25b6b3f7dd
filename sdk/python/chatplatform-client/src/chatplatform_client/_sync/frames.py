# Made from chatplatform-client/src/chatplatform_client/_async/frames.py by sdk/python/make_sync.py: change that file.
"""Where an answer's events come from, however often the connection is lost on the way.

A turn goes on whether or not anybody reads it, and its events can be asked for again from any number. So a stream that is cut is
opened again after the last event that came: before the first one by the same send with the same key, later by the turn's name.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import httpx2

from chatplatform_client._sync._runtime import sleep
from chatplatform_client._sync.connection import Call, Connection, lost_connection, new_key
from chatplatform_client.decoding import UnexpectedAnswer
from chatplatform_client.errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    ChatPlatformError,
    is_signed_out,
    read_error,
)
from chatplatform_client.retries import PATIENCE_SECONDS, Retries, pause_to_come_back

_ONCE = Retries(most=0)
ENDINGS = ("end", "error")


class Frame(NamedTuple):
    kind: str
    """`start`, `content` (LLMChat: `text`), `end` or `error`."""
    data: Mapping[str, Any]
    n: int
    """The event's number."""


class Frames(Protocol):
    """The events of one turn, each once and in order, whatever happens to connections."""

    turn_id: str
    """Empty until the answer begins."""

    def next(self) -> Frame: ...

    def stop(self) -> None: ...

    def close(self) -> None: ...


class StreamedFrames:
    """By server-sent events."""

    def __init__(self, connection: Connection, call: Call, *, turn_id: str = "") -> None:
        self.turn_id = turn_id
        self._connection = connection
        self._call = call
        self._last = call.last_event or 0
        self._id = ""
        self._response: httpx2.Response | None = None
        self._events: Iterator[httpx2.ServerSentEvent] | None = None

    def open(self) -> StreamedFrames:
        """Sends. What is refused is raised here, and not while reading."""
        self._listen(self._connection.open(self._call))
        return self

    def next(self) -> Frame:
        silent_since, attempt = time.monotonic(), 0
        while True:
            used = self._connection.credentials.token
            try:
                if self._events is None:
                    self._open_again()
                return self._of_this_connection()
            except AuthenticationError:
                self.close()
                if attempt or not self._connection.sign_in_again(used):
                    raise
            except (APIConnectionError, APIError) as failure:
                self.close()
                seconds = pause_to_come_back(failure, attempt)
                if seconds is None or time.monotonic() + seconds - silent_since > PATIENCE_SECONDS:
                    raise
                sleep(seconds)
            attempt += 1

    def stop(self) -> None:
        if self.turn_id:
            self._connection.read(Call("POST", f"{self._turn_url}/stop", vendor="chatgpt", key=new_key()))

    def close(self) -> None:
        response, self._response, self._events = self._response, None, None
        if response is not None:
            response.close()

    @property
    def _turn_url(self) -> str:
        return f"{self._connection.root}/api/v1/turns/{self.turn_id}"

    def _listen(self, response: httpx2.Response) -> None:
        self._response, self._id = response, ""
        self._events = iter(httpx2.EventSource(response, max_event_size=None))

    def _open_again(self) -> None:
        if self.turn_id:
            self._call = Call("GET", f"{self._turn_url}/events", query=self._call.query, last_event=self._last)
        self._listen(self._connection.open(self._call, retries=_ONCE))

    def _of_this_connection(self) -> Frame:
        assert self._events is not None
        url = self._call.url
        while True:
            try:
                event = next(self._events)
            except StopIteration:
                raise APIConnectionError(f"{url}: the stream ended before the answer did") from None
            except httpx2.TransportError as error:
                raise lost_connection(url, error) from error
            if not event.data:
                continue
            data = _object(event.data)
            kind, n = str(data.get("type", "")), int(event.id) if event.id.isdigit() else 0
            # An id stays until there is another one, so one that comes again is none.
            has_number, self._id = event.id != self._id, event.id
            if kind == "error" and not has_number:
                raise _about_the_reader(data)
            # What a process that died had not stored yet is gone, so an ending may have a lower number than what was seen.
            if n > self._last or kind in ENDINGS:
                self._last = n
                self.turn_id = str(data.get("turn_id") or data.get("turnId") or self.turn_id)
                return Frame(kind, data, n)


def _about_the_reader(data: Mapping[str, Any]) -> ChatPlatformError:
    code, message, details = read_error(data)
    if is_signed_out(code):
        return AuthenticationError(message, status=401, code=code, details=details)
    return APIConnectionError(f"{code}: {message}")


def _object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UnexpectedAnswer("an event's data was not a JSON object")
    return found
