"""A turn's row while it runs and when it ends (`opening.py` begins it, `reading.py` reads it). Blocking code.

Whoever runs a turn holds its lease by `fence`, a secret number in the row. A write that finds the row without that fence, or no
longer running, has lost it: somebody closed the turn (the healer after a pause, or the deletion of its conversation).

The order of locks is the same everywhere: conversation, turn, messages, the ledger's periods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from accounts.principal import Principal
from chatplatform.core.pipeline import ask
from chatplatform.core.prepared import Int8
from conversations import search
from conversations.citations import positions_cited
from conversations.models import Message, Turn
from conversations.turns.events import ReferenceView
from conversations.turns.reading import find_turn
from conversations.turns.request import TurnView
from providers.catalogue import Price
from providers.registry import Route
from quotas import ledger
from quotas.ledger import MeasuredUsage

State = Turn.State

LEASE_RAN_OUT = "(lease_until < now() AND pg_postmaster_start_time() < now() - interval '3 seconds')"
"""While the database was away nobody could renew a lease: who runs a turn comes first when it is back."""


# --- While it runs ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Progress:
    turn_id: UUID
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
  FROM unnest(%(turns)s::uuid[], %(fences)s::uuid[], %(texts)s::text[], %(marks)s::bytea[])
       AS news(uuid, fence, text, marks)
 WHERE turn.uuid = news.uuid AND turn.fence = news.fence AND turn.state = 'running'
RETURNING turn.uuid, turn.stop_requested
"""


def save_progress(batch: Sequence[Progress]) -> dict[UUID, bool]:
    """Saves what was written and renews the leases, of many turns in one statement. For each turn that is still ours: whether
    somebody asked to stop it. A turn that is missing in the answer has been lost."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SAVE,
            {
                "lease": settings.TURN_LEASE_SECONDS,
                "turns": [item.turn_id for item in batch],
                "fences": [item.fence for item in batch],
                "texts": [item.text for item in batch],
                "marks": [item.marks for item in batch],
            },
        )
        return dict(cursor.fetchall())


def request_stop(*, principal: Principal, turn_id: UUID) -> TurnView:
    """Asks whoever runs the turn to stop; it sees this when it saves next. Asking again, or too late, changes nothing."""
    Turn.objects.filter(uuid=turn_id, user_id=principal.user_id, state=State.RUNNING).update(stop_requested=True)
    return find_turn(principal=principal, turn_id=turn_id)


_ANSWERED_BY_ANOTHER = """
UPDATE conversations_turn SET provider_id = %(provider)s, provider_name = %(name)s, model = %(model)s, price = %(price)s::jsonb
WHERE uuid = %(turn)s AND fence = %(fence)s AND state = 'running'
"""


def pass_on(*, turn_id: UUID, fence: UUID, route: Route) -> None:
    """Somebody else answers than who was meant: whoever closes the turn settles it at that one's price."""
    values = {"turn": turn_id, "fence": fence, "provider": Int8(route.provider_id), "name": route.provider_name}
    ask(_ANSWERED_BY_ANOTHER, values | {"model": route.model, "price": price_as_json(route.price)})


def price_as_json(price: Price | None) -> str | None:
    """As a turn's row keeps it."""
    return orjson.dumps(asdict(price)).decode() if price else None


# --- Closing ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ending:
    """How a turn ended, and what it left."""

    state: str
    text: str
    marks: bytes
    usage: MeasuredUsage
    free: bool
    """Nothing is charged and the request is given back."""
    finish_reason: str = ""
    model: str = ""
    """That answered, where the vendor told."""
    error_code: str = ""
    error_detail: str = ""
    retry_after: float | None = None
    thread: str = ""
    """The vendor's id of this conversation, now that it knows the answer too."""


def costs_nothing(state: str, text: str) -> bool:
    """The vendor or we ourselves failed before the first token."""
    return not text and state in (State.FAILED, State.INTERRUPTED)


_MESSAGE_STATUS = {
    State.COMPLETED: Message.Status.COMPLETE,
    State.STOPPED: Message.Status.STOPPED,
    State.FAILED: Message.Status.FAILED,
    State.INTERRUPTED: Message.Status.INTERRUPTED,
}

_ENDING = """
    state = %(state)s, text = '', marks = %(marks)s, prompt_tokens = %(prompt)s, completion_tokens = %(completion)s,
    cached_tokens = %(cached)s, usage_source = %(source)s, finish_reason = %(finish_reason)s, error_code = %(error_code)s,
    error_detail = %(error_detail)s, retry_after = %(retry_after)s, ended_at = now(),
    first_token_at = COALESCE(first_token_at, CASE WHEN %(spoke)s THEN now() END)"""
_STILL_OURS = f"fence = %(fence)s AND state = 'running' AND (%(whenever)s OR {LEASE_RAN_OUT})"
# The conversation is locked before the turn is touched, as whoever sends to it or deletes it does.
_CLOSING = f"""
WITH room AS MATERIALIZED (
    SELECT id FROM conversations_conversation
    WHERE id = (SELECT conversation_id FROM conversations_turn WHERE uuid = %(turn)s) FOR NO KEY UPDATE
), ended AS (
    UPDATE conversations_turn AS turn
    SET {_ENDING}
    FROM room
    WHERE turn.uuid = %(turn)s AND turn.conversation_id = room.id AND {_STILL_OURS}
    RETURNING turn.uuid AS turn_id, answer_id AS message_id, conversation_id, provider_id, provider_name, model_asked, ended_at,
        COALESCE(NULLIF(%(model)s, ''), model) AS model_answered
), answered AS (
    UPDATE conversations_message
    SET content = %(text)s, status = %(status)s, tokens_used = %(tokens)s, model = model_answered
    FROM ended WHERE id = message_id
), touched AS (
    UPDATE conversations_conversation SET updated_at = ended_at FROM ended WHERE id = conversation_id
), found_by AS (
    INSERT INTO conversations_searchentry (conversation_id, message_id, words)
    SELECT conversation_id, message_id, array_to_tsvector(%(words)s::text[]) FROM ended
    WHERE cardinality(%(words)s::text[]) > 0
), cited AS (
    UPDATE conversations_reference SET kind = 'direct' FROM ended
    WHERE conversations_reference.message_id = ended.message_id AND position = ANY (%(cited)s::smallint[])
)"""  # noqa: S608
# A completion leaves nothing of what was said. Who answered, a turn with an answer knows by that.
_CLOSING_COMPLETION = f"""
WITH ended AS (
    UPDATE conversations_turn
    SET {_ENDING}, model = COALESCE(NULLIF(%(model)s, ''), model)
    WHERE uuid = %(turn)s AND conversation_id IS NULL AND {_STILL_OURS}
    RETURNING uuid AS turn_id, answer_id AS message_id, conversation_id, provider_id, provider_name, model_asked, ended_at,
        model AS model_answered
)"""  # noqa: S608
_KEEP_THREAD = """
INSERT INTO conversations_vendorthread (conversation_id, provider_id, thread, after_id)
SELECT turn.conversation_id, provider.id, %(thread)s, turn.answer_id
FROM conversations_turn AS turn JOIN providers_provider AS provider ON provider.id = turn.provider_id
WHERE turn.uuid = %(turn)s
ON CONFLICT (conversation_id, provider_id) DO UPDATE SET thread = EXCLUDED.thread, after_id = EXCLUDED.after_id
"""
_CLOSE = {
    (kept, free): f"{closing}, {ledger.RELEASING if free else ledger.SETTLING} SELECT ended_at FROM ended"  # noqa: S608
    for kept, closing in ((True, _CLOSING), (False, _CLOSING_COMPLETION))
    for free in (True, False)
}
"""By whether there is a conversation, and whether it costs nothing."""


def close_turn(
    *,
    turn_id: UUID,
    fence: UUID,
    user_id: int,
    price: Price | None,
    ending: Ending,
    references: Sequence[ReferenceView] = (),
    kept: bool = True,
    only_if_expired: bool = False,
) -> datetime | None:
    """Stores the answer, what it is found by, which of the `references` that it was given it uses, and what it cost, once, in one
    statement. `price`: as it was when the turn began. Of a completion (not `kept`) only what it cost.

    The time it was closed at, or None when the turn was lost before (or, `only_if_expired`, when whoever runs it has come back to
    life and renewed its lease).
    """
    usage = ending.usage
    values: dict[str, Any] = {
        "turn": turn_id,
        "fence": fence,
        "whenever": not only_if_expired,
        "state": ending.state,
        "spoke": bool(ending.text),
        "marks": ending.marks if kept else b"",
        "prompt": None if ending.free or usage.prompt_tokens is None else Int8(usage.prompt_tokens),
        "completion": None if ending.free or usage.completion_tokens is None else Int8(usage.completion_tokens),
        "cached": Int8(0 if ending.free else usage.cached_tokens or 0),
        "source": usage.source,
        "finish_reason": ending.finish_reason,
        "model": ending.model[:200],
        "error_code": ending.error_code,
        "error_detail": ending.error_detail[:2000] if kept else "",  # a vendor may quote what it was asked
        "retry_after": ending.retry_after,
    }
    if kept:
        values |= _answer(ending, user_id, references)
    if not ending.free:
        values |= ledger.used(usage=usage, price=price)
    row = ask(_CLOSE[kept, ending.free], values).row()
    if row is None:
        return None
    if ending.thread and kept:
        # On its own: should this be lost, the vendor is told everything anew next time.
        ask(_KEEP_THREAD, {"turn": turn_id, "thread": ending.thread})
    closed_at: datetime = row[0]
    return closed_at


def _answer(ending: Ending, user_id: int, references: Sequence[ReferenceView]) -> dict[str, Any]:
    """What its message is given."""
    return {
        "status": _MESSAGE_STATUS[State(ending.state)].value,
        "text": ending.text,
        "words": search.entry_words(user_id=user_id, text=ending.text),
        "tokens": Int8(0 if ending.free else ending.usage.completion_tokens or 0),
        "cited": list(positions_cited(ending.text, [reference.excerpt for reference in references])),
    }
