"""Turns as the database knows them: for who asks about one, and for who reads its events after they happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from accounts.principal import Principal
from conversations.errors import TurnNotFound
from conversations.models import Message, Turn
from conversations.references import references_of
from conversations.turns.events import ReferenceView, TurnEnded, TurnStarted, TurnUsage, make_ending
from conversations.turns.log import TurnLog, replay
from conversations.turns.request import MessageView, TurnView
from conversations.turns.usage import usage_of
from providers.catalogue import Price
from quotas.costs import MeasuredUsage, UsageSource


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """What the database knows of a turn's events."""

    started: TurnStarted
    references: tuple[ReferenceView, ...]
    text: str
    marks: bytes
    ended: TurnEnded | None

    def so_far(self) -> TurnLog:
        """Its log without an ending."""
        return replay(self.started, references=self.references, text=self.text, marks=self.marks, ended=None)


def load_turn(turn_id: UUID) -> StoredTurn:
    """Raises TurnNotFound, also when its conversation was deleted."""
    turn = Turn.objects.select_related("conversation", "answer", "user_message").filter(uuid=turn_id).first()
    if turn is None or (turn.conversation is not None and turn.conversation.deleted_at is not None):
        raise TurnNotFound()
    said = turn.answer.content if turn.answer is not None else ""
    return StoredTurn(
        started=TurnStarted(
            n=1,
            turn_id=turn.uuid,
            conversation_id=turn.conversation.uuid if turn.conversation else None,
            message_id=turn.answer.uuid if turn.answer else None,
            user_message_id=turn.user_message.uuid if turn.user_message else None,
            model=turn.model,
            at=turn.created_at,
            retrieval_ms=turn.retrieval_ms,
        ),
        references=references_given(turn),
        text=turn.text if turn.state == Turn.State.RUNNING else said,
        marks=bytes(turn.marks),
        ended=_ending(turn),
    )


def references_given(turn: Turn) -> tuple[ReferenceView, ...]:
    """What the model was given to read. Most turns read nothing, and say so in their own row."""
    return () if turn.retrieval_ms is None or turn.answer_id is None else references_of(answer_id=turn.answer_id)


def load_ending(turn_id: UUID) -> TurnEnded | None:
    """How it ended, also in a conversation that was deleted; None while it runs, or when nothing is left of it."""
    turn = Turn.objects.select_related("answer").filter(uuid=turn_id).first()
    return _ending(turn) if turn is not None else None


def _ending(turn: Turn) -> TurnEnded | None:
    """Its number is for the log to set: it comes after whatever is there."""
    if turn.ended_at is None:
        return None
    return make_ending(
        turn.state,
        n=0,
        usage=_usage(turn),
        at=turn.ended_at,
        finish_reason=turn.finish_reason,
        model=_model(turn),
        code=turn.error_code,
        retry_after=turn.retry_after,
    )


def _model(turn: Turn) -> str:
    """That answers or answered."""
    return turn.answer.model if turn.answer is not None else turn.model


def _usage(turn: Turn) -> TurnUsage:
    counts = MeasuredUsage(
        prompt_tokens=turn.prompt_tokens,
        completion_tokens=turn.completion_tokens,
        cached_tokens=turn.cached_tokens,
        reasoning_tokens=0,
        source=cast(UsageSource, turn.usage_source),
    )
    return usage_of(counts, price=Price(**turn.price) if turn.price else None)


def find_turn(*, principal: Principal, turn_id: UUID) -> TurnView:
    """A turn of the person who asks; TurnNotFound for strangers too."""
    turn = (
        Turn.objects.select_related("conversation", "answer", "user_message")
        .filter(uuid=turn_id, user_id=principal.user_id, conversation__deleted_at__isnull=True)
        .first()
    )
    if turn is None:
        raise TurnNotFound()
    return TurnView(
        turn_id=turn.uuid,
        conversation_id=turn.conversation.uuid if turn.conversation else None,
        user_message_id=turn.user_message.uuid if turn.user_message else None,
        message_id=turn.answer.uuid if turn.answer else None,
        contract=turn.contract,
        status=turn.state,
        model=_model(turn),
        created_at=turn.created_at,
        ended_at=turn.ended_at,
        usage=_usage(turn),
    )


def message_view(message: Message) -> MessageView:
    return MessageView(
        id=message.uuid,
        role=message.role,
        content=message.content,
        tokens_used=message.tokens_used,
        created_at=message.created_at,
        status=message.status,
        model=message.model,
        turn_id=None,
        edited_at=message.edited_at,
    )
