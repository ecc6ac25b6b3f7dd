"""Server-sent events from bytes: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream

Pure and incremental: however the bytes are cut into reads, the events are the same. Lines are split as bytes (CR and LF never
occur inside a UTF-8 sequence), so a character cut in two by the network is whole again before anybody decodes it.
`id` and `retry` are left out: nobody reconnects to a model's answer.
"""

from typing import NamedTuple

MAX_EVENT_BYTES = 1_000_000
_BOM = b"\xef\xbb\xbf"


class SSETooLong(ValueError):
    """A line or an event passed the limit. The stream cannot be read on."""

    def __init__(self, what: str, events: "list[SSEEvent]") -> None:
        super().__init__(what)
        self.events = events
        """What the same read had brought before it."""


class SSEEvent(NamedTuple):
    name: str
    """`message` unless the stream names it."""
    data: bytes
    """UTF-8 as it came; `text` replaces what is no UTF-8."""

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


class SSEParser:
    """`feed(chunk)` gives the events that the chunk completed."""

    __slots__ = ("_at_start", "_data", "_data_bytes", "_limit", "_name", "_partial", "_skip_lf")

    def __init__(self, *, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._partial = bytearray()
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._name = ""
        self._skip_lf = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[SSEEvent]:
        """Raises SSETooLong."""
        if not self._partial and not self._data and not self._name and not self._skip_lf:
            events = self._whole_events(chunk)
            if events is not None:
                self._at_start = False
                return events
        return self._feed_lines(chunk)

    def end(self) -> list[SSEEvent]:
        """What is incomplete when the body ends is no event, by the standard."""
        return []

    def _whole_events(self, chunk: bytes) -> list[SSEEvent] | None:
        """The usual read: nothing but `data: {...}\\n\\n`, one or many. None when it is anything else."""
        if not chunk.startswith(b"data: ") or not chunk.endswith(b"\n\n") or len(chunk) > self._limit or b"\r" in chunk:
            return None
        pieces = chunk[6:-2].split(b"\n\ndata: ")
        # A newline left inside a piece is a second line: another field, a comment, more data.
        if chunk.count(b"\n") != 2 * len(pieces):
            return None
        return [SSEEvent("message", piece) for piece in pieces]

    def _feed_lines(self, chunk: bytes) -> list[SSEEvent]:
        if self._skip_lf and chunk:
            # The CR that ended the last read may have been the first half of a CRLF.
            self._skip_lf = False
            chunk = chunk.removeprefix(b"\n")
        if not chunk:
            return []
        lines = chunk.splitlines()  # for bytes exactly CR, LF and CRLF
        open_line = None if chunk.endswith((b"\n", b"\r")) else lines.pop()
        self._skip_lf = chunk.endswith(b"\r")
        events: list[SSEEvent] = []
        for line in lines:
            if self._partial:
                line = bytes(self._partial) + line
                self._partial.clear()
            self._take_line(line, events)
        if open_line is not None:
            self._partial += open_line
            if len(self._partial) > self._limit:
                raise SSETooLong(f"a line of more than {self._limit} bytes", events)
        return events

    def _take_line(self, line: bytes, events: list[SSEEvent]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                events.append(SSEEvent(self._name or "message", b"\n".join(self._data)))
                self._data = []
                self._data_bytes = 0
            self._name = ""
            return
        field, _, value = line.partition(b":")  # a comment is a line whose field is empty
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data_bytes += len(value) + 1
            if self._data_bytes > self._limit:
                raise SSETooLong(f"an event of more than {self._limit} bytes", events)
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
