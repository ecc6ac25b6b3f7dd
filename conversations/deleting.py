"""How a conversation's text goes: all of it, everywhere, in one round trip to the database. Blocking code.

A tombstone stays, for the ledger and for the numbers that point to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.origin import Origin
from chatplatform.core.pipeline import ask, pipelined
from chatplatform.core.prepared import Int8
from conversations.models import Turn
from conversations.records import lock_conversation
from conversations.turns import stream
from conversations.turns.healing import close_from_outside

_BY_ID = "uuid = %(conversation)s AND user_id = %(user)s"
_BY_NUMBER = "id = %(conversation)s AND user_id = %(user)s"
_OUTWORN = "id = %(conversation)s AND updated_at < %(before)s"

# On its own, since a statement that has waited for the lock does not see what the holder before has written elsewhere.
_LOCK = "SELECT FROM conversations_conversation WHERE {which} AND deleted_at IS NULL FOR NO KEY UPDATE"
_ERASE = f"""
WITH room AS MATERIALIZED (
    SELECT id, uuid FROM conversations_conversation
    WHERE {{which}} AND deleted_at IS NULL AND NOT EXISTS (
        SELECT FROM conversations_turn WHERE conversation_id = conversations_conversation.id AND state = 'running'
    )
), said AS MATERIALIZED (
    SELECT message.id FROM conversations_message message JOIN room ON message.conversation_id = room.id
), words AS (
    DELETE FROM conversations_searchentry USING room WHERE conversation_id = room.id
), revisions AS (
    DELETE FROM conversations_messagerevision USING said WHERE message_id = said.id
), threads AS (
    DELETE FROM conversations_vendorthread USING room WHERE conversation_id = room.id
), quoted AS (
    DELETE FROM conversations_reference USING said WHERE message_id = said.id
), attached AS (
    DELETE FROM conversations_conversationdocument USING room WHERE conversation_id = room.id
), emptied AS (
    UPDATE conversations_message SET content = '', metadata = '{{}}' FROM room WHERE conversation_id = room.id
), turns AS (
    UPDATE conversations_turn SET text = '', marks = '', error_detail = '', client_key = '', options = options - 'stop' FROM room
    WHERE conversation_id = room.id
    RETURNING conversations_turn.uuid, ended_at
), gone AS (
    UPDATE conversations_conversation
    SET title = '', description = '', system_message = '', metadata = '{{}}', deleted_at = %(now)s, updated_at = %(now)s
    FROM room WHERE conversations_conversation.id = room.id
), happened AS (
    SELECT 'conversation:' || uuid AS target FROM room
), {audit.RECORDING}
SELECT ARRAY(SELECT uuid FROM turns WHERE ended_at > now() - make_interval(secs => %(told)s)) FROM room
"""  # noqa: S608
_STATEMENTS = {
    which: (_LOCK.replace("{which}", which), _ERASE.replace("{which}", which)) for which in (_BY_ID, _BY_NUMBER, _OUTWORN)
}


def delete_conversation(*, principal: Principal, conversation_id: UUID | int, origin: Origin) -> None:
    """Takes the text away at once, and stops the answer that is being written. A tombstone stays for the ledger.

    Raises ConversationNotFound.
    """
    which = _BY_NUMBER if isinstance(conversation_id, int) else _BY_ID
    values = {
        "conversation": Int8(conversation_id) if isinstance(conversation_id, int) else conversation_id,
        "user": Int8(principal.user_id),
        **audit.recorded(action="conversation.deleted", actor_id=principal.user_id, origin=origin),
    }
    if _erase(which, values):
        return
    # It is not there, or an answer is being written in it.
    with transaction.atomic():
        conversation = lock_conversation(principal=principal, conversation_id=conversation_id)
        running = Turn.objects.filter(conversation=conversation, state=Turn.State.RUNNING).first()
        if running is not None:
            close_from_outside(running, Turn.State.STOPPED)
        _erase(which, values)


def expire_conversation(*, number: int, before: datetime) -> bool:
    """The same for one, by its row, in which nothing has happened since `before`. Whether it was so: one in which an answer is
    being written stays."""
    values = {"conversation": Int8(number), "before": before, **audit.recorded(action="conversation.expired")}
    return _erase(_OUTWORN, values)


def _erase(which: str, values: Mapping[str, Any]) -> bool:
    """Whether there was one, and nobody was answering in it. Its answers that ended lately are in Redis still: they go, too."""
    lock, erase = _STATEMENTS[which]
    with pipelined():
        ask(lock, {name: values[name] for name in ("conversation", "user", "before") if name in values})
        erased = ask(erase, {**values, "now": timezone.now(), "told": Int8(settings.TURN_LOG_TTL_SECONDS)})
    row = erased.row()
    if row is not None:
        transaction.on_commit(lambda: stream.forget(row[0]))
    return row is not None
