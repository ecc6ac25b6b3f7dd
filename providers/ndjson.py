"""Answers of one JSON object a line: https://github.com/ndjson/ndjson-spec

Pure and incremental, with the face of `sse.SSEParser`: each line is an event named `message`.
"""

from providers.sse import MAX_EVENT_BYTES, SSEEvent, SSETooLong


class LineParser:
    """`feed(chunk)` gives the lines that the chunk completed, `end()` the one that nothing ended."""

    __slots__ = ("_limit", "_partial")

    def __init__(self, *, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._partial = bytearray()

    def feed(self, chunk: bytes) -> list[SSEEvent]:
        """Raises SSETooLong."""
        head, newline, rest = chunk.rpartition(b"\n")
        if not newline:
            self._keep(chunk, [])
            return []
        if self._partial:
            head = bytes(self._partial) + head
            self._partial.clear()
        lines = [SSEEvent("message", line) for line in head.split(b"\n") if line.strip()]
        self._keep(rest, lines)
        return lines

    def end(self) -> list[SSEEvent]:
        """A last line without its newline is whole when the body is."""
        line = bytes(self._partial)
        self._partial.clear()
        return [SSEEvent("message", line)] if line.strip() else []

    def _keep(self, piece: bytes, lines: list[SSEEvent]) -> None:
        self._partial += piece
        if len(self._partial) > self._limit:
            raise SSETooLong(f"a line of more than {self._limit} bytes", lines)
