"""What an answer's stream consists of: `start`, `content`…, `end`. A failure is not an event: it is raised as TurnFailed.

Every event has a number `n`, the place to go on after, and `content`, which is empty where nothing was said:
`print(event.content, end="")` is all that a reader needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chatplatform_client.decoding import decode
from chatplatform_client.models import Usage


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The answer begins. `user_message_id` is None where that message was deleted since."""

    n: int
    turn_id: str
    conversation_id: str
    message_id: str
    user_message_id: str | None = None
    model: str = ""
    type: Literal["start"] = "start"
    content: Literal[""] = ""


@dataclass(frozen=True, slots=True)
class StreamContent:
    """A piece of the answer."""

    n: int
    content: str
    type: Literal["content"] = "content"


@dataclass(frozen=True, slots=True)
class StreamEnd:
    """The answer is complete, or was stopped."""

    n: int
    usage: Usage
    turn_id: str
    message_id: str
    finish_reason: str = ""
    model: str = ""
    stopped: bool = False
    type: Literal["end"] = "end"
    content: Literal[""] = ""


StreamEvent = StreamStart | StreamContent | StreamEnd


@dataclass(frozen=True, slots=True)
class Final:
    """An answer that was read to its end. `start` is None where the reading began after it."""

    text: str
    start: StreamStart | None
    end: StreamEnd


def read_event(kind: str, data: Mapping[str, Any], n: int) -> StreamEvent | None:
    """None: one that this version does not know."""
    match kind:
        case "start":
            return decode(StreamStart, {**data, "n": n, "type": "start"})
        case "content":
            return StreamContent(n, str(data.get("content", "")))
        case "end":
            return decode(StreamEnd, {**data, "n": n, "type": "end"})
        case _:
            return None
