# Made from chatplatform-client/src/chatplatform_client/_async/stream.py by sdk/python/make_sync.py: change that file.
"""An answer as it is written, however its events come."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Generic, Self, TypeVar

from chatplatform_client._sync.frames import ENDINGS, Frame, Frames
from chatplatform_client.errors import TurnFailed, read_error
from chatplatform_client.events import Final, StreamEnd, StreamEvent, StreamStart, read_event

E = TypeVar("E")


class Answer(ABC, Generic[E]):
    """Iterates the events of one turn. Leaving it lets go of the connection only: the answer is written to its end and kept.

    Raises TurnFailed where the answer could not be finished, and APIConnectionError when the platform is away for too long.
    """

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._ahead: Frame | None = None
        self._is_over = False
        self.text_so_far = ""

    @abstractmethod
    def _read(self, frame: Frame) -> E | None:
        """An event as this stream gives it; None: it is not given."""

    @property
    def turn_id(self) -> str:
        """The answer's public name, by which any client of this person can follow or stop it. Empty until it begins."""
        return self._frames.turn_id

    def text(self) -> str:
        """Reads to the end; the text of the whole answer."""
        for _event in self:
            pass
        return self.text_so_far

    def stop(self) -> None:
        """Ends the answer where it is; what there is of it is kept. The stream then comes to its end."""
        if not self.turn_id and not self._is_over:
            self._ahead = self._frames.next()  # only an answer that has begun has a name to be stopped by
        self._frames.stop()

    def close(self) -> None:
        """Lets go of the connection. The answer goes on being written."""
        self._is_over = True
        self._frames.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> E:
        while not self._is_over:
            frame, self._ahead = self._ahead or self._frames.next(), None
            if frame.kind in ENDINGS:
                self.close()
            if frame.kind == "error":
                code, message, details = read_error(frame.data)
                raise TurnFailed(message, code=code, turn_id=self.turn_id, details=details)
            if frame.kind in ("content", "text"):
                self.text_so_far += str(frame.data.get("content", ""))
            event = self._read(frame)
            if event is not None:
                return event
        raise StopIteration

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class TurnStream(Answer[StreamEvent]):
    """Gives `StreamStart`, `StreamContent`…, `StreamEnd`."""

    start: StreamStart | None = None
    end: StreamEnd | None = None

    def _read(self, frame: Frame) -> StreamEvent | None:
        event = read_event(frame.kind, frame.data, frame.n)
        if isinstance(event, StreamStart):
            self.start = event
        elif isinstance(event, StreamEnd):
            self.end = event
        return event

    def final(self) -> Final:
        """Reads to the end; the text with what was said at both ends of it."""
        text = self.text()
        assert self.end is not None, "closed before its end"
        return Final(text, self.start, self.end)
