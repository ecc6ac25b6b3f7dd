"""Closing the turns that a dead process left behind: their text is kept, their quota settled, their conversations free again."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import structlog
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from conversations.models import Conversation, Turn
from conversations.turns import stream
from conversations.turns.reading import references_given
from conversations.turns.store import LEASE_RAN_OUT, Ending, close_turn, costs_nothing
from conversations.turns.usage import measure
from providers.catalogue import Price

log = structlog.get_logger(__name__)
MOST_AT_ONCE = 200


def heal_turns() -> int:
    """Closes every turn whose lease ran out. How many; safe to run anywhere, any number of times at once."""
    ran_out = RawSQL(LEASE_RAN_OUT, (), BooleanField())  # noqa: S611
    waiting = Turn.objects.filter(ran_out, state=Turn.State.RUNNING).order_by("pk")
    healed, after = 0, 0
    while True:
        expired = list(waiting.filter(pk__gt=after)[:MOST_AT_ONCE])
        told = stream.read_all([turn.uuid for turn in expired])
        for turn in expired:
            try:
                healed += heal(turn, told.get(turn.uuid, ()))
            except Exception:
                # The others must not wait for ever for one that cannot be healed.
                log.exception("turn_not_healed", turn_id=str(turn.uuid))
        if len(expired) < MOST_AT_ONCE:
            return healed
        after = expired[-1].pk


def heal(turn: Turn, told: Iterable[stream.Batch] | None = None) -> bool:
    """Closes one turn as interrupted if its lease still is run out. `told`: what it said in Redis, when that is known already."""
    length = close_from_outside(turn, Turn.State.INTERRUPTED, told, only_if_expired=True)
    if length is not None:
        log.warning("turn_healed", turn_id=str(turn.uuid), characters=length)
    return length is not None


def running_turn(*, conversation: Conversation) -> Turn | None:
    """The turn that is running in a conversation that the caller has locked. One whose lease ran out is closed instead."""
    ran_out = RawSQL(LEASE_RAN_OUT, (), BooleanField())  # noqa: S611
    running = Turn.objects.annotate(expired=ran_out).filter(conversation=conversation, state=Turn.State.RUNNING).first()
    if running is not None and running.expired and heal(running):
        return None
    return running


def close_from_outside(
    turn: Turn, state: str, told: Iterable[stream.Batch] | None = None, *, only_if_expired: bool = False
) -> int | None:
    """Closes a turn that this process does not run, with what the database or Redis has of its text. Its length, or None when it
    had been closed already. Whoever still runs it finds out when it saves next."""
    if told is None:
        told = stream.read_all([turn.uuid]).get(turn.uuid, ())
    references = references_given(turn)
    text, marks = _recover(turn, told, head=1 + len(references))
    ending = Ending(
        state=state,
        text=text,
        marks=marks.tobytes(),
        usage=measure(reported=None, prompt_estimate=turn.prompt_tokens or 0, text=text, model=turn.model),
        free=costs_nothing(state, text),
    )
    closed = close_turn(
        turn_id=turn.uuid,
        fence=turn.fence,
        user_id=turn.user_id,
        price=Price(**turn.price) if turn.price else None,
        ending=ending,
        references=references,
        kept=turn.conversation_id is not None,
        only_if_expired=only_if_expired,
    )
    if closed is None:
        return None
    if turn.conversation_id is None:
        stream.forget([turn.uuid])  # nobody keeps what a completion said
    return len(text)


def _recover(turn: Turn, told: Iterable[stream.Batch], *, head: int) -> tuple[str, array[int]]:
    """The database is up to half a second behind what the dead process had sent to the others. `head`: events before the text."""
    pieces, marks = [turn.text], array("I", bytes(turn.marks))
    length = len(turn.text)
    for batch in told:
        for n, item in enumerate(batch.items, start=batch.first_n):
            if isinstance(item, str) and n == head + len(marks) + 1:
                pieces.append(item)
                length += len(item)
                marks.append(length)
    return "".join(pieces), marks
