"""The boundary to those who answer. An adapter turns one request into a stream of these events; nothing above knows a vendor.

A `Provider` is asked with `stream(request)` and yields `ProviderEvent`s: any number of `TextDelta` and `ReasoningDelta`, at most
one `UsageReported` (the last wins), then exactly one `Finished`. Whatever goes wrong is raised as a `ProviderError`; the caller
knows by itself whether a token had come. Closing the iterator closes the vendor's socket.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


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
    completion_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0


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


ProviderEvent = TextDelta | ReasoningDelta | UsageReported | Finished


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
