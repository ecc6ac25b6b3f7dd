"""What a turn is asked for, and what is known of it, as plain values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from conversations.turns.events import ReferenceView, TurnUsage
from providers.base import PromptMessage, ProviderRequest
from providers.registry import Route
from retrieval.passages import Passages


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """A message to be answered, as any contract parses it."""

    conversation_id: UUID
    content: str
    contract: str
    model: str | None = None
    """A name, instead of the conversation's."""
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    """Texts at which the answer ends, before it says them."""
    client_key: str = ""
    """The same key attaches to the same turn."""
    provider_id: int | None = None
    """Who is to answer, instead of the conversation's provider."""
    agent_id: UUID | None = None
    """Through which agent, instead of the conversation's."""
    document_ids: tuple[UUID, ...] = ()
    """To be attached to the conversation, and read before this and later answers."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The client's own, kept with the question, or with the answer that is given anew."""
    content_type: str = "text"
    regenerates: UUID | None = None
    """An answer, whose question is answered again beside it; `content` is then nothing."""
    passages: Passages | None = None
    """What the documents have to say to it. None: nobody has searched yet; the runner does where there are documents."""

    def fingerprint(self) -> bytes:
        """Of what the client asked for, so not of what was found for it."""
        parts: tuple[object, ...] = (
            self.content, self.model, self.temperature, self.max_tokens, self.provider_id, self.agent_id
        )  # fmt: skip
        if self.document_ids or self.regenerates:  # else as it was before there were these
            parts += (self.document_ids, self.regenerates)
        if self.metadata or self.content_type != "text":
            parts += (self.content_type, json.dumps(self.metadata, sort_keys=True, default=str))
        if self.top_p is not None or self.stop:
            parts += (self.top_p, self.stop)
        return hashlib.sha256(repr(parts).encode()).digest()


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """Messages to be answered for somebody who keeps the conversation herself: nothing of them is stored."""

    messages: tuple[PromptMessage, ...]
    """At least one. They are the prompt, as they are."""
    contract: str
    model: str | None = None
    """A name; None: whatever is her default."""
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessageView:
    """A message as it is read."""

    id: UUID
    role: str
    content: str
    tokens_used: int
    created_at: datetime
    status: str
    model: str
    turn_id: UUID | None
    edited_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenedTurn:
    """A turn that was accepted and stored. `attached`: an earlier one with the same client key."""

    turn_id: UUID
    conversation_id: UUID
    user_message: MessageView
    answer_id: UUID
    attached: bool


@dataclass(frozen=True, slots=True)
class OpenedCompletion:
    """A completion that was accepted."""

    turn_id: UUID


Opened = TypeVar("Opened", OpenedTurn, OpenedCompletion)


@dataclass(frozen=True, slots=True)
class Assignment(Generic[Opened]):
    """All that the engine needs to answer an opened turn."""

    fence: UUID
    user_id: int
    opened: Opened
    started_at: datetime
    routes: tuple[Route, ...]
    """Who answers, and who is asked next when that one fails before its first token."""
    threads: Mapping[int, str]
    """By provider: the vendor's id of this conversation, where it can be continued there."""
    request: ProviderRequest
    prompt_tokens: int
    """Estimated, as reserved."""
    references: tuple[ReferenceView, ...] = ()
    """The passages in the question, in the order of their markers."""
    retrieval_ms: int | None = None
    """That the search for them took; None: there was none."""


@dataclass(frozen=True, slots=True)
class TurnView:
    """A turn as its owner sees it."""

    turn_id: UUID
    conversation_id: UUID | None
    """None, and no message either: a completion, which nobody keeps."""
    user_message_id: UUID | None
    message_id: UUID | None
    contract: str
    status: str
    model: str
    created_at: datetime
    ended_at: datetime | None
    usage: TurnUsage


@dataclass(frozen=True, slots=True)
class FinishedTurn:
    """Both messages of a turn that has ended."""

    turn_id: UUID
    user_message: MessageView
    assistant_message: MessageView
    usage: TurnUsage
    status: str
    references: tuple[ReferenceView, ...] = ()
    finish_reason: str = ""
    """Why the model ended (a `FinishReason`); empty where somebody else ended it."""


@dataclass(frozen=True, slots=True)
class FinishedCompletion:
    """A completion that has ended. This is told once, and kept nowhere."""

    turn_id: UUID
    text: str
    model: str
    """That answered."""
    finish_reason: str
    """As a finished turn's."""
    usage: TurnUsage
    started_at: datetime
