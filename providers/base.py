"""The boundary to those who answer. An adapter turns one request into a stream of these events; nothing above knows a vendor.

A `Provider` is asked with `stream(request)` and yields `ProviderEvent`s: any number of `TextDelta` and `ReasoningDelta`, at most
one `UsageReported` (the last wins), then exactly one `Finished`. A vendor that keeps conversations names this one first, with a
`ThreadNamed`. Whatever goes wrong is raised as a `ProviderError`; the caller knows by itself whether a token had come. Closing
the iterator closes the vendor's socket.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, bytes and characters that an answer may take."""

    connect: float = 10.0
    first_token: float = 60.0
    """From the call to the first token, retries and waits included."""
    silence: float = 60.0
    """Between two tokens. A vendor's keep-alive comments are no tokens."""
    total: float = 900.0
    closing: float = 5.0
    """For the usage that follows the last token."""
    check: float = 15.0
    """For a call that is no answer: whether the vendor is there, which models it has."""
    event_bytes: int = 1_000_000
    answer_bytes: int = 64_000_000
    """A token costs about 250 bytes on the wire."""
    text_chars: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Everything that an adapter is made from."""

    base_url: str
    api_key: str = field(default="", repr=False)
    trusted: bool = False
    """An operator wrote the address. Else a user did, and only https to a public address is connected to."""
    limits: Limits = Limits()
    config: Mapping[str, Any] = field(default_factory=dict)
    """The provider's own settings, such as Coze's `bot_id`. Never secrets."""


@dataclass(frozen=True, slots=True)
class PromptMessage:
    role: str
    """system, user or assistant"""
    content: str


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    model: str
    """The vendor's own name of the model."""
    messages: tuple[PromptMessage, ...]
    max_tokens: int
    """Never more than what the ledger reserved."""
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    user: str = ""
    """An opaque id of the person, for vendors that want one against abuse."""
    thread: str = ""
    """The vendor's id of this conversation when this turn continues it there: then only the newest message is sent."""
    conversation: str = ""
    """Our opaque id of the conversation, for vendors that let the client name it."""
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    text: str


@dataclass(frozen=True, slots=True)
class UsageReported:
    """Tokens as the vendor counted them. Never negative; absurd reports are dropped by the adapter."""

    prompt_tokens: int
    """The cached ones included, also for vendors that count them apart."""
    completion_tokens: int
    """The reasoning ones included."""
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ThreadNamed:
    """The vendor's id of this conversation, to be kept with ours."""

    thread: str


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    FILTER = "content_filter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finished:
    reason: FinishReason
    model: str = ""
    """The model that really answered, as the vendor names it, where it does."""


ProviderEvent = TextDelta | ReasoningDelta | UsageReported | ThreadNamed | Finished


class ProviderFault(StrEnum):
    """Why a provider failed, in our words; stored with the turn, shown to operators."""

    AUTH = "provider_auth"
    BUSY = "provider_busy"
    UNAVAILABLE = "provider_unavailable"
    TIMEOUT = "provider_timeout"
    STALLED = "provider_stalled"
    CUT = "provider_cut"
    REJECTED = "provider_rejected"
    PROTOCOL = "provider_protocol"
    EMPTY = "provider_empty"


class ProviderError(Exception):
    """A vendor's failure. `detail` is for operators' logs, with anything that looks like a key already taken out."""

    def __init__(
        self, fault: ProviderFault, detail: str = "", *, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(f"{fault}: {detail}")
        self.fault = fault
        self.detail = detail
        self.retryable = retryable
        self.retry_after = retry_after
        """Seconds, as the vendor asked."""


class Provider(Protocol):
    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]: ...

    async def check(self) -> None:
        """A call that costs nothing and shows that the vendor is there and takes the key. Raises ProviderError."""

    async def list_models(self) -> tuple[str, ...]:
        """The vendor's names of its models; none where it has no such call. Raises ProviderError."""
