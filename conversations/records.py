"""Conversations with who answers in them and what it cost: for contracts whose ids are numbers and that show prices.

What a reader may see is decided by `get_conversation` and `selectors.conversations_of`: the rest starts from what they gave.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts.principal import Principal
from chatplatform.core.pages import Page, PageRequest
from conversations.errors import ConversationNotFound, TurnNotFound
from conversations.models import Conversation, Message, Turn
from conversations.selectors import LONGEST_THREAD
from providers.models import Provider
from quotas.models import Usage


@dataclass(frozen=True, slots=True)
class Answerer:
    """A provider as anybody who talks with it may know it."""

    id: int
    name: str
    kind: str


@dataclass(frozen=True, slots=True)
class ConversationRecord:
    conversation: Conversation
    provider: Answerer | None
    """The conversation's own; else who answered last; None before that, and when that one is gone."""
    last_message_at: datetime | None


@dataclass(frozen=True, slots=True)
class Spent:
    tokens: int
    cost_micros: int | None
    """Micro-USD; None: nobody knows the price, or nothing was charged."""
    cached: bool
    """Whether the vendor took any of the prompt from its cache."""


NOTHING_SPENT = Spent(0, None, False)


@dataclass(frozen=True, slots=True)
class MessageRecord:
    id: int
    role: str
    content: str
    """The text so far, while it is being written."""
    status: str
    model: str
    turn_id: UUID | None
    created_at: datetime
    spent: Spent


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A turn's answer and where it stands."""

    message: MessageRecord
    conversation: Conversation
    provider: Answerer | None


def named(conversation_id: UUID | int) -> Q:
    """The condition for a conversation by its public id, or by its row's number."""
    return Q(pk=conversation_id) if isinstance(conversation_id, int) else Q(uuid=conversation_id)


def get_conversation(*, principal: Principal, conversation_id: UUID | int) -> Conversation:
    """Raises ConversationNotFound."""
    found = Conversation.objects.filter(named(conversation_id), user_id=principal.user_id, deleted_at=None).first()
    if found is None:
        raise ConversationNotFound()
    return found


def lock_conversation(*, principal: Principal, conversation_id: UUID | int) -> Conversation:
    """The same, locked until the transaction ends: nobody sends to it, changes it or deletes it. Raises ConversationNotFound."""
    hers = Conversation.objects.filter(named(conversation_id), user_id=principal.user_id, deleted_at=None)
    found = hers.select_for_update(no_key=True).first()
    if found is None:
        raise ConversationNotFound()
    return found


def answered_by(*, conversations: QuerySet[Conversation], provider_id: int) -> QuerySet[Conversation]:
    """Those whose record would name this provider."""
    return conversations.filter(Q(provider_id=provider_id) | Q(provider=None, leaf__turn__provider_id=provider_id))


def list_records(*, conversations: QuerySet[Conversation], page: PageRequest) -> Page[ConversationRecord]:
    """One page of `selectors.conversations_of(...)`."""
    rows = list(_with_last(conversations)[page.offset : page.offset + page.size])
    return Page(items=_records(rows), number=page.number, size=page.size, total=conversations.count())


def record_of(*, conversation: Conversation) -> ConversationRecord:
    return _records(list(_with_last(Conversation.objects.filter(pk=conversation.pk))))[0]


def messages_of(*, conversation: Conversation) -> list[MessageRecord]:
    """Everything that was said, oldest first; of a very long conversation the newest thousand."""
    newest = Message.objects.filter(conversation=conversation, deleted_at=None).order_by("-id")[:LONGEST_THREAD]
    return _message_records(newest)[::-1]


def answer_of(*, turn_id: UUID) -> AnswerRecord:
    """Raises TurnNotFound."""
    turn = Turn.objects.select_related("conversation").filter(uuid=turn_id).first()
    if turn is None or turn.conversation is None or turn.answer_id is None:
        raise TurnNotFound()
    message = _message_records(Message.objects.filter(pk=turn.answer_id))[0]
    return AnswerRecord(message, turn.conversation, _answerers([turn.provider_id]).get(turn.provider_id or 0))


def numbers_of(*, turn_id: UUID) -> tuple[int, int]:
    """The numbers of a turn's conversation and answer. Raises TurnNotFound."""
    conversation, answer = Turn.objects.filter(uuid=turn_id).values_list("conversation_id", "answer_id").first() or (None, None)
    if conversation is None or answer is None:
        raise TurnNotFound()
    return conversation, answer


def _with_last(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    return conversations.annotate(last_message_at=F("leaf__created_at"), last_provider_id=F("leaf__turn__provider_id"))


def _records(rows: list[Any]) -> list[ConversationRecord]:
    wanted = {row.pk: row.provider_id or row.last_provider_id for row in rows}
    known = _answerers(wanted.values())
    return [ConversationRecord(row, known.get(wanted[row.pk]), row.last_message_at) for row in rows]


def _answerers(ids: Iterable[int | None]) -> dict[int, Answerer]:
    rows = Provider.objects.filter(pk__in={found for found in ids if found}).values_list("pk", "name", "kind")
    return {pk: Answerer(pk, name, kind) for pk, name, kind in rows}


def _message_records(messages: QuerySet[Message]) -> list[MessageRecord]:
    rows = list(
        messages.values(
            "pk",
            "role",
            "content",
            "status",
            "model",
            "tokens_used",
            "created_at",
            turn_uuid=F("turn__uuid"),
            turn_text=F("turn__text"),
        )
    )
    spent = _spent_on([row["pk"] for row in rows if row["turn_uuid"]])
    return [
        MessageRecord(
            id=row["pk"],
            role=row["role"],
            content=row["content"] or row["turn_text"] or "",
            status=row["status"],
            model=row["model"],
            turn_id=row["turn_uuid"],
            created_at=row["created_at"],
            spent=spent.get(row["pk"], NOTHING_SPENT),
        )
        for row in rows
    ]


def _spent_on(message_ids: list[int]) -> dict[int, Spent]:
    rows = Usage.objects.filter(message_id__in=message_ids).values_list(
        "message_id", "total_tokens", "cost_micros", "cached_tokens"
    )
    return {message: Spent(tokens or 0, cost, bool(cached)) for message, tokens, cost, cached in rows if message}
