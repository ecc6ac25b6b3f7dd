"""Closing the turns that a dead process left behind: their text is kept, their quota settled, their conversations free again."""

from __future__ import annotations

from array import array

import structlog
from django.db import transaction
from django.db.models import BooleanField, Case, Value, When
from django.db.models.functions import Now

from conversations.models import Conversation, Turn
from conversations.turns import stream
from conversations.turns.store import Ending, close_turn
from conversations.turns.usage import measure

log = structlog.get_logger(__name__)
MOST_AT_ONCE = 200


def heal_turns() -> int:
    """Closes every turn whose lease ran out. How many; safe to run anywhere, any number of times at once."""
    healed = 0
    with transaction.atomic():
        # With their conversations, which everybody locks first: who holds one of those is closing the turn herself.
        expired = (
            Turn.objects.select_related("conversation")
            .select_for_update(skip_locked=True, of=("self", "conversation"), no_key=True)
            .filter(state=Turn.State.RUNNING, lease_until__lt=Now())
        )
        for turn in expired.order_by("lease_until")[:MOST_AT_ONCE]:
            healed += heal(turn)
    return healed


def heal(turn: Turn) -> bool:
    """Closes one turn whose lease ran out as interrupted."""
    text_length = close_from_outside(turn, Turn.State.INTERRUPTED)
    if text_length is not None:
        log.warning("turn_healed", turn_id=str(turn.uuid), characters=text_length)
    return text_length is not None


def running_turn(*, conversation: Conversation) -> Turn | None:
    """The turn that is running in a conversation that the caller has locked. One whose lease ran out is closed instead."""
    expired = Case(When(lease_until__lt=Now(), then=Value(True)), default=Value(False), output_field=BooleanField())
    running = Turn.objects.annotate(expired=expired).filter(conversation=conversation, state=Turn.State.RUNNING).first()
    if running is not None and running.expired:
        heal(running)
        conversation.refresh_from_db()
        return None
    return running


def close_from_outside(turn: Turn, state: str) -> int | None:
    """Closes a turn that this process does not run, with what the database or Redis has of its text. Its length, or None when it
    had been closed already. Whoever still runs it finds out when it saves next."""
    text, marks = _recover(turn)
    ending = Ending(
        state=state,
        text=text,
        marks=marks.tobytes(),
        usage=measure(reported=None, prompt_estimate=turn.prompt_tokens or 0, text=text, model=turn.model),
        free=state == Turn.State.INTERRUPTED and not text,
    )
    closed = close_turn(turn_id=turn.uuid, fence=turn.fence, ending=ending)
    return len(text) if closed is not None else None


def _recover(turn: Turn) -> tuple[str, array[int]]:
    """The database is up to half a second behind what the dead process had sent to the others."""
    text, marks = turn.text, array("I", bytes(turn.marks))
    for batch in stream.read_all(turn.uuid):
        for n, item in enumerate(batch.items, start=batch.first_n):
            if isinstance(item, str) and n == len(marks) + 2:
                text += item
                marks.append(len(text))
    return text, marks
