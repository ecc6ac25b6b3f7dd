"""Turns in the database: opened in one transaction, saved while they run, closed in another. Blocking code; nothing here awaits.

Whoever runs a turn holds its lease by `fence`, a secret number in the row. A write that finds the row without that fence, or no
longer running, has lost it: somebody closed the turn (the healer after a pause, or the deletion of its conversation).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core.errors import KeyReused
from conversations import search
from conversations.context import read_history
from conversations.errors import ConversationBusy, ConversationNotFound, TurnNotFound
from conversations.models import Conversation, Message, Turn
from conversations.titles import title_from
from conversations.turns.events import (
    TurnCompleted,
    TurnEnded,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)
from conversations.turns.prompt import Prompt, build_prompt
from conversations.turns.request import Assignment, MessageView, OpenedTurn, TurnRequest, TurnView
from providers import tokens
from providers.base import ProviderRequest
from providers.errors import UnknownModel
from providers.registry import Price, Route, find_route
from quotas import ledger
from quotas.ledger import MeasuredUsage

State = Turn.State


# --- Opening ------------------------------------------------------------------------------------------------------------------


@transaction.atomic
def open_turn(*, principal: Principal, request: TurnRequest) -> Assignment | OpenedTurn:
    """Accepts a message: all of it is stored when this returns, or none of it.

    Returns the assignment for whoever is to answer, or the earlier turn with the same client key. Raises ConversationNotFound,
    ConversationBusy, KeyReused, UnknownModel, ContextTooLong, QuotaExceeded.
    """
    conversation = (
        Conversation.objects.select_for_update(no_key=True)
        .filter(uuid=request.conversation_id, user_id=principal.user_id, deleted_at__isnull=True)
        .first()
    )
    if conversation is None:
        raise ConversationNotFound()
    if request.client_key and (earlier := _turn_with_key(conversation, request)):
        return earlier
    _make_sure_it_is_free(conversation)

    route = _route(principal, request, conversation)
    prompt = _prompt(conversation, request, route)
    turn_id = uuid.uuid4()
    reservation = ledger.reserve(
        user_id=principal.user_id,
        tier=principal.tier,
        turn_id=turn_id,
        prompt_tokens=prompt.tokens,
        asked_output=request.max_tokens,
        room=min(prompt.room, route.max_output),
    )
    return _insert(principal, request, conversation, route, prompt, turn_id, reservation.output_tokens)


def _turn_with_key(conversation: Conversation, request: TurnRequest) -> OpenedTurn | None:
    turn = (
        Turn.objects.select_related("user_message", "answer")
        .filter(conversation=conversation, client_key=request.client_key)
        .first()
    )
    if turn is None:
        return None
    if bytes(turn.body_hash) != request.fingerprint():
        raise KeyReused()
    return OpenedTurn(
        turn_id=turn.uuid,
        conversation_id=conversation.uuid,
        user_message=message_view(turn.user_message),
        answer_id=turn.answer.uuid,
        attached=True,
    )


def _make_sure_it_is_free(conversation: Conversation) -> None:
    from conversations.turns.healing import running_turn  # it closes turns with this module

    if (running := running_turn(conversation=conversation)) is not None:
        raise ConversationBusy(running.uuid)


def _route(principal: Principal, request: TurnRequest, conversation: Conversation) -> Route:
    """The model asked for now, or the conversation's; one that an operator has taken away since is followed by the default."""
    if request.model:
        return find_route(principal=principal, model=request.model)
    try:
        return find_route(principal=principal, model=conversation.model or None)
    except UnknownModel:
        return find_route(principal=principal, model=None)


def _prompt(conversation: Conversation, request: TurnRequest, route: Route) -> Prompt:
    return build_prompt(
        system=conversation.system_message,
        history_newest_first=read_history(leaf_id=conversation.leaf_id, context_window=route.context_window),
        question=request.content,
        context_window=route.context_window,
        answer_tokens=request.max_tokens,
        count=partial(tokens.count_prompt, model=route.model),
    )


def _insert(
    principal: Principal,
    request: TurnRequest,
    conversation: Conversation,
    route: Route,
    prompt: Prompt,
    turn_id: UUID,
    output_tokens: int,
) -> Assignment:
    now = timezone.now()
    question = Message.objects.create(
        conversation=conversation,
        parent_id=conversation.leaf_id,
        role=Message.Role.USER,
        content=request.content,
        tokens_used=tokens.count_text(request.content),
        created_at=now,
    )
    answer = Message.objects.create(
        conversation=conversation,
        parent=question,
        role=Message.Role.ASSISTANT,
        status=Message.Status.STREAMING,
        model=route.model,
        # A microsecond later: what is ordered by time is then also ordered by who spoke first.
        created_at=now + timedelta(microseconds=1),
    )
    turn = Turn.objects.create(
        uuid=turn_id,
        user_id=principal.user_id,
        conversation=conversation,
        user_message=question,
        answer=answer,
        contract=request.contract,
        client_key=request.client_key,
        body_hash=request.fingerprint(),
        lease_until=Now() + timedelta(seconds=settings.TURN_LEASE_SECONDS),
        provider_id=route.provider_id,
        provider_name=route.provider_name,
        model_asked=route.asked,
        model=route.model,
        prompt_tokens=prompt.tokens,
        price=asdict(route.price) if route.price else None,
        created_at=now,
    )
    title = conversation.title or title_from(request.content)
    Conversation.objects.filter(pk=conversation.pk).update(
        leaf=answer, message_count=F("message_count") + 2, updated_at=now, title=title
    )
    owner = {"user_id": principal.user_id, "conversation_id": conversation.pk}
    search.index_message(**owner, message_id=question.pk, text=request.content)
    if title != conversation.title:
        search.index_title(**owner, title=title)
    return Assignment(
        row_id=turn.pk,
        fence=turn.fence,
        user_id=principal.user_id,
        opened=OpenedTurn(
            turn_id=turn_id,
            conversation_id=conversation.uuid,
            user_message=message_view(question),
            answer_id=answer.uuid,
            attached=False,
        ),
        started_at=now,
        route=route,
        request=ProviderRequest(
            model=route.model,
            messages=prompt.messages,
            max_tokens=output_tokens,
            temperature=request.temperature,
            user=principal.user_uuid.hex,
        ),
        prompt_tokens=prompt.tokens,
    )


# --- While it runs ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    row_id: int
    fence: UUID
    text: str | None
    """None: nothing new, only the lease is renewed."""
    marks: bytes | None


_SAVE = """
UPDATE conversations_turn AS turn
   SET text = COALESCE(news.text, turn.text),
       marks = COALESCE(news.marks, turn.marks),
       first_token_at = COALESCE(turn.first_token_at, CASE WHEN news.text <> '' THEN now() END),
       lease_until = now() + make_interval(secs => %(lease)s)
  FROM unnest(%(ids)s::bigint[], %(fences)s::uuid[], %(texts)s::text[], %(marks)s::bytea[])
       AS news(id, fence, text, marks)
 WHERE turn.id = news.id AND turn.fence = news.fence AND turn.state = 'running'
RETURNING turn.id, turn.stop_requested
"""


def save_progress(batch: Sequence[Progress]) -> dict[int, bool]:
    """Saves what was written and renews the leases, of many turns in one statement. For each turn that is still ours: whether
    somebody asked to stop it. A turn that is missing in the answer has been lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SAVE,
            {
                "lease": settings.TURN_LEASE_SECONDS,
                "ids": [item.row_id for item in batch],
                "fences": [item.fence for item in batch],
                "texts": [item.text for item in batch],
                "marks": [item.marks for item in batch],
            },
        )
        return dict(cursor.fetchall())


# --- Closing ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended, and what it left."""

    state: str
    text: str
    marks: bytes
    usage: MeasuredUsage
    free: bool
    """Nothing is charged and the request is given back: it failed before its first token."""
    finish_reason: str = ""
    model: str = ""
    error_code: str = ""
    error_detail: str = ""
    retry_after: float | None = None


_MESSAGE_STATUS = {
    State.COMPLETED: Message.Status.COMPLETE,
    State.STOPPED: Message.Status.STOPPED,
    State.FAILED: Message.Status.FAILED,
    State.INTERRUPTED: Message.Status.INTERRUPTED,
}


@transaction.atomic
def close_turn(*, turn_id: UUID, fence: UUID, ending: Ending) -> datetime | None:
    """Stores the answer and settles the ledger, once. The time it was closed at, or None when the turn was lost before.

    The conversation is locked before the turn, as everybody does who changes both: otherwise two could wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH held AS MATERIALIZED (
                SELECT conversation.id
                  FROM conversations_conversation AS conversation
                  JOIN conversations_turn AS turn ON turn.conversation_id = conversation.id
                 WHERE turn.uuid = %s
                   FOR NO KEY UPDATE OF conversation
            )
            UPDATE conversations_turn
               SET state = %s, text = '', marks = %s, prompt_tokens = %s, completion_tokens = %s, usage_source = %s,
                   finish_reason = %s, error_code = %s, error_detail = %s, retry_after = %s,
                   model = COALESCE(NULLIF(%s, ''), model),
                   first_token_at = COALESCE(first_token_at, CASE WHEN %s THEN now() END), ended_at = now()
              FROM held
             WHERE conversation_id = held.id AND uuid = %s AND fence = %s AND state = 'running'
            RETURNING user_id, answer_id, conversation_id, model, provider_id, provider_name, model_asked, price::text, ended_at
            """,
            [
                turn_id,
                ending.state,
                ending.marks,
                None if ending.free else ending.usage.prompt_tokens,
                None if ending.free else ending.usage.completion_tokens,
                ending.usage.source,
                ending.finish_reason,
                ending.error_code,
                ending.error_detail[:2000],
                ending.retry_after,
                ending.model[:200],
                bool(ending.text),
                turn_id,
                fence,
            ],
        )
        row = cursor.fetchone()
    if row is None:
        return None
    user_id, answer_id, conversation_id, model, provider_id, provider_name, model_asked, price, ended_at = row
    Message.objects.filter(pk=answer_id).update(
        content=ending.text,
        status=_MESSAGE_STATUS[State(ending.state)],
        tokens_used=0 if ending.free else ending.usage.completion_tokens or 0,
        model=model,
    )
    Conversation.objects.filter(pk=conversation_id).update(updated_at=ended_at)
    search.index_message(user_id=user_id, conversation_id=conversation_id, message_id=answer_id, text=ending.text)
    if ending.free:
        ledger.release(turn_id=turn_id)
    else:
        ledger.settle(
            turn_id=turn_id,
            message_id=answer_id,
            conversation_id=conversation_id,
            usage=ending.usage,
            price=Price(**orjson.loads(price)) if price else None,
            provider_id=provider_id,
            provider_name=provider_name,
            model_asked=model_asked,
            model_answered=model,
        )
    return ended_at


# --- Reading ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """What the database knows of a turn's events."""

    started: TurnStarted
    text: str
    marks: bytes
    ended: TurnEnded | None


def load_turn(turn_id: UUID) -> StoredTurn:
    turn = Turn.objects.select_related("conversation", "answer", "user_message").filter(uuid=turn_id).first()
    if turn is None or turn.conversation.deleted_at is not None:
        raise TurnNotFound()
    return StoredTurn(
        started=TurnStarted(
            n=1,
            turn_id=turn.uuid,
            conversation_id=turn.conversation.uuid,
            message_id=turn.answer.uuid,
            user_message_id=turn.user_message.uuid if turn.user_message else None,
            model=turn.model,
            at=turn.created_at,
        ),
        text=turn.text if turn.state == State.RUNNING else turn.answer.content,
        marks=bytes(turn.marks),
        ended=_ending_event(turn),
    )


def _ending_event(turn: Turn) -> TurnEnded | None:
    """Its number is for the log to set: it comes after whatever is there."""
    usage = TurnUsage(turn.prompt_tokens, turn.completion_tokens, turn.usage_source)
    match State(turn.state):
        case State.RUNNING:
            return None
        case State.COMPLETED:
            return TurnCompleted(0, usage, turn.finish_reason, turn.model, turn.ended_at)
        case State.STOPPED:
            return TurnStopped(0, usage, turn.ended_at)
        case State.FAILED:
            return TurnFailed(0, turn.error_code, turn.retry_after, usage, turn.ended_at)
        case State.INTERRUPTED:
            return TurnInterrupted(0, usage, turn.ended_at)


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
        conversation_id=turn.conversation.uuid,
        user_message_id=turn.user_message.uuid if turn.user_message else None,
        message_id=turn.answer.uuid,
        contract=turn.contract,
        status=turn.state,
        model=turn.model,
        created_at=turn.created_at,
        ended_at=turn.ended_at,
        usage=TurnUsage(turn.prompt_tokens, turn.completion_tokens, turn.usage_source),
    )


def request_stop(*, principal: Principal, turn_id: UUID) -> TurnView:
    """Asks whoever runs the turn to stop; it sees this when it saves next. Asking again, or too late, changes nothing."""
    Turn.objects.filter(uuid=turn_id, user_id=principal.user_id, state=State.RUNNING).update(stop_requested=True)
    return find_turn(principal=principal, turn_id=turn_id)


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
