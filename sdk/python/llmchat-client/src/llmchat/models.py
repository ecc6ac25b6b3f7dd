"""What this contract answers, as values. Its camel case is Python's snake case here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from chatplatform_client import Usage


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    name: str = ""
    username: str = ""
    role: str = "user"
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`expires_in`: seconds that the token lasts. The refresh token works once."""

    user: User
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer. `id` is its message's."""

    id: str
    session_id: str
    message: ChatMessage
    usage: Usage
    created_at: datetime
    turn_id: str = ""
    model: str | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer. `n` is its event's number."""

    content: str
    n: int
    type: Literal["text"] = "text"


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    id: str
    role: str
    content: str
    created_at: datetime
    status: str = ""
    model: str | None = None
    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class SavedSession:
    session_id: str
    title: str
    message_count: int
    agent_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """`entities` as the document shows them: `{"type": "LINE", "layer": "0", "startPoint": {"x": …, "y": …}, …}`.

    The bounds are None where nothing is drawn; `truncated` where there is more than can be shown.
    """

    entities: tuple[Mapping[str, Any], ...]
    layers: tuple[Mapping[str, Any], ...]
    bounds: Mapping[str, float] | None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Reload:
    agents: int
    providers: int
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Health:
    status: str
    version: str
    services: Mapping[str, str]
    timestamp: datetime | None = None
