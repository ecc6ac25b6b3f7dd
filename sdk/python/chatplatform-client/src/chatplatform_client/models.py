"""What the platform answers, as values. Times are UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from chatplatform_client.decoding import UnexpectedAnswer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list, with where it stands in the whole. Iterating it gives its items."""

    items: list[T]
    page: int
    size: int
    total: int
    pages: int

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def read_page(data: Any, name: str, item: Callable[[Any], T]) -> Page[T]:
    """`{name: [...], "pagination": {...}}`, whatever the contract calls the numbers. Raises UnexpectedAnswer."""
    try:
        place = data["pagination"]
        return Page(
            items=[item(one) for one in data[name]],
            page=place["page"],
            size=place.get("size") or place.get("page_size") or place.get("limit"),
            total=place["total"],
            pages=next(place[key] for key in ("pages", "total_pages", "totalPages") if key in place),
        )
    except (KeyError, TypeError, AttributeError, StopIteration) as error:
        raise UnexpectedAnswer(f"a page of {name} was expected") from error


# --- People -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit is None where there is none."""

    daily_requests: int | None
    monthly_requests: int | None
    daily_tokens: int | None
    monthly_tokens: int | None
    requests_used_today: int
    tokens_used_today: int


@dataclass(frozen=True, slots=True)
class User:
    id: str
    username: str
    email: str
    display_name: str = ""
    role: str = "user"
    tier: str = ""
    is_active: bool = True
    is_vip: bool = False
    created_at: datetime | None = None
    updated_at: datetime | None = None
    quota: Quota | None = None
    """With `me.get()` only."""


@dataclass(frozen=True, slots=True)
class Session:
    """`expires_in`: seconds that the access token lasts. The refresh token works once."""

    user: User
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Amount:
    """None: no limit, or nothing that could be left of one."""

    requests: int | None
    tokens: int | None


@dataclass(frozen=True, slots=True)
class QuotaState:
    daily_limit: Amount
    monthly_limit: Amount
    usage_today: Amount
    usage_this_month: Amount
    remaining_today: Amount
    remaining_this_month: Amount
    day_ends_at: datetime
    month_ends_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """`key`, the secret itself, is there once: when it is made."""

    id: str
    name: str
    prefix: str
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    key: str | None = field(default=None, repr=False)


# --- Conversations ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens; None: nobody knows. `source` is who counted: provider, estimate or missing."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """`status` of an answer: running, complete, stopped, failed or interrupted."""

    id: str
    role: str
    content: str
    created_at: datetime
    tokens_used: int | None = None
    status: str = ""
    model: str | None = None
    turn_id: str | None = None
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LastMessage:
    role: str
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    id: str
    title: str
    model: str | None
    message_count: int
    is_archived: bool
    created_at: datetime
    updated_at: datetime
    last_message: LastMessage | None = None
    """In lists."""
    system_message: str | None = None
    messages: tuple[Message, ...] = ()
    """Both with `conversations.get()`; the oldest message first."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message and its answer."""

    user_message: Message
    assistant_message: Message
    usage: Usage
    turn_id: str
    stopped: bool = False

    @property
    def text(self) -> str:
        return self.assistant_message.content


@dataclass(frozen=True, slots=True)
class Turn:
    """`status`: running, completed, stopped, failed or interrupted."""

    turn_id: str
    conversation_id: str | None
    message_id: str | None
    status: str
    created_at: datetime
    user_message_id: str | None = None
    model: str = ""
    ended_at: datetime | None = None
    usage: Usage = Usage()


# --- Documents ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    done: int
    total: int
    percent: int


@dataclass(frozen=True, slots=True)
class DocumentFailure:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Document:
    """It can be answered from when `status` is ready; `failure` says why it never will be."""

    id: str
    filename: str
    original_name: str
    size: int
    type: str
    url: str
    uploaded_at: datetime
    status: str = ""
    progress: Progress | None = None
    failure: DocumentFailure | None = None
    description: str = ""
    topic_id: int | None = None
    title: str | None = None
    author: str | None = None
    pages: int | None = None
    mime_type: str = ""
    written_at: datetime | None = None
    ready_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    id: int
    name: str
    description: str
    created_at: datetime
    updated_at: datetime
    user_id: int | None = None
    for_everyone: bool = False
    user_ids: tuple[int, ...] = ()
    """With `topics.share()` only."""


# --- Who answers --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AgentConfig:
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    name: str
    description: str
    category: str
    provider: str
    status: str
    config: AgentConfig = AgentConfig()
    capabilities: tuple[str, ...] = ()
    avatar: str = ""
    system_prompt: str | None = None
    """For administrators only."""
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AgentStatus:
    """`available`: whether its provider answers now; `response_time` is in milliseconds."""

    id: str
    name: str
    status: str
    available: bool
    provider: str = ""
    response_time: int | None = None
    checked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Provider:
    """What is known of its key and its address is for those who may change them, else None and empty. `is_default`: it is one of
    the organization's that everybody may ask."""

    id: int
    name: str
    provider_type: str
    scope: str = ""
    created_by: int | None = None
    api_base_url: str = ""
    config: Mapping[str, Any] | None = None
    is_active: bool = True
    is_default: bool = False
    has_key: bool | None = None
    key_last4: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Distributed:
    provider_id: int
    distributed_to: tuple[int, ...]
    distributed_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    id: int
    username: str
    email: str


@dataclass(frozen=True, slots=True)
class Distribution:
    id: int
    user_id: int
    user: Person
    distributed_by: int | None
    distributor: Person | None
    distributed_at: datetime
    is_active: bool


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a thousand tokens; None: nobody knows."""

    input: float | None
    output: float | None


@dataclass(frozen=True, slots=True)
class Model:
    """`max_tokens` is the longest answer; `alias_of` the model that really speaks under this name."""

    id: str
    name: str
    description: str
    max_tokens: int | None
    cost_per_1k_tokens: Price
    context_window: int | None = None
    capabilities: tuple[str, ...] = ()
    alias_of: str | None = None
    provider: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    status: str
    version: str
    services: Mapping[str, str]
    timestamp: datetime | None = None
    uptime: float | None = None


@dataclass(frozen=True, slots=True)
class Info:
    name: str
    version: str
    environment: str
    supported_models: tuple[str, ...]
    features: Mapping[str, bool]
