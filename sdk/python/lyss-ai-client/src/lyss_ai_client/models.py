"""What this contract answers, as values. Its ids are numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class User:
    id: int
    username: str
    email: str
    role: str
    is_active: bool
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tokens:
    """`expires_in`: seconds that the access token lasts. The refresh token works once, and is there where it is a new one."""

    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SignedIn:
    user: User
    access_token: str = field(repr=False)
    expires_in: int
    refresh_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Spent:
    """`cost` is in US dollars; None: nobody knows the price."""

    model: str
    tokens_used: int | None
    cost: float | None
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Message:
    """`metadata` is an answer's."""

    id: int
    role: str
    content: str
    created_at: datetime
    metadata: Spent | None = None
    status: str = ""
    turn_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answerer:
    id: int
    name: str
    provider_type: str


@dataclass(frozen=True, slots=True)
class AnsweredConversation:
    id: int
    title: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ChatResponse:
    message: Message
    conversation: AnsweredConversation
    provider: Answerer | None
    turn_id: str = ""
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of an answer. `n` is its event's number."""

    content: str
    n: int


@dataclass(frozen=True, slots=True)
class Conversation:
    """`metadata` is the client's own; `messages` (the oldest first) come with `conversations.get()`."""

    id: int
    title: str
    created_at: datetime
    updated_at: datetime | None = None
    user_id: int | None = None
    provider_id: int | None = None
    provider: Answerer | None = None
    metadata: Mapping[str, Any] | None = None
    messages: tuple[Message, ...] = ()
    message_count: int | None = None
    last_message_at: datetime | None = None
    """Both in lists."""
