"""Names that clients give to what they are talking in, and the conversations behind them. Blocking code.

A name is its account's: somebody else's session of the same name does not exist. Whoever locks both locks the conversation first.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core.origin import Origin
from chatplatform.core.prepared import Int8, fetch_all
from conversations import creating, services
from conversations.errors import ConversationNotFound, SessionNotFound
from conversations.models import ClientSession, Conversation, Turn


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that a message is being sent to."""

    name: str
    conversation_id: UUID
    is_new: bool
    """Whether this very call began the conversation."""
    opened_at: datetime
    """Names this call: whoever opens the session after it leaves another time there."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    name: str
    label: str
    conversation_id: UUID | None
    """None: it was ended, and the next message begins another."""
    last_used_at: datetime
    message_count: int
    status: Literal["active", "cleared"]


_USED = """
SET last_used_at = GREATEST(now(), session.last_used_at + interval '1 microsecond'),
    label = COALESCE(NULLIF(%(label)s, ''), session.label)
"""
_USE = f"""
UPDATE conversations_clientsession session {_USED}
FROM conversations_conversation conversation
WHERE session.user_id = %(user)s AND session.name = %(name)s
    AND conversation.id = session.conversation_id AND conversation.deleted_at IS NULL
RETURNING conversation.uuid, session.last_used_at
"""
# The row is locked from here on, whoever made it.
_TAKE = f"""
INSERT INTO conversations_clientsession AS session (user_id, name, label, created_at, last_used_at)
VALUES (%(user)s, %(name)s, %(label)s, now(), now())
ON CONFLICT (user_id, name) DO UPDATE {_USED}
RETURNING id, conversation_id, last_used_at
"""  # noqa: S608


def open_session(
    *,
    principal: Principal,
    contract: str,
    name: str | None,
    label: str = "",
    conversation_id: UUID | None = None,
    provider_id: int | None = None,
) -> OpenSession:
    """The conversation behind a name; a new one where there is none, or where it was deleted since. However many ask at once,
    they get the same.

    `name`: None makes one up. `conversation_id`: one of hers, to be behind the name from now on. `provider_id`: who answers in a
    new one. Raises ConversationNotFound when that conversation is not hers, and what `create_conversation` does.
    """
    if name and conversation_id is None:
        used = fetch_all(_USE, {"user": Int8(principal.user_id), "name": name, "label": label})
        if used:
            return OpenSession(name, used[0][0], False, used[0][1])
    name = name or f"sess_{secrets.token_hex(16)}"
    return _begin(principal, contract, name, label, conversation_id, provider_id)


@transaction.atomic
def _begin(
    principal: Principal, contract: str, name: str, label: str, conversation_id: UUID | None, provider_id: int | None
) -> OpenSession:
    asked_for = None if conversation_id is None else _keep(principal, conversation_id)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, {"user": principal.user_id, "name": name, "label": label})
        row, behind, opened_at = cursor.fetchone()
    conversation = asked_for or Conversation.objects.filter(pk=behind, deleted_at=None).first()
    is_new = conversation is None
    if conversation is None:
        conversation = creating.create_conversation(principal=principal, contract=contract, provider_id=provider_id)
    if conversation.pk != behind:
        ClientSession.objects.filter(pk=row).update(conversation=conversation)
    return OpenSession(name, conversation.uuid, is_new, opened_at)


def _keep(principal: Principal, conversation_id: UUID) -> Conversation:
    """One of hers, from going away until the transaction ends."""
    found = Conversation.objects.filter(uuid=conversation_id, user_id=principal.user_id, deleted_at=None).first()
    if found is None or not creating.keep("conversations_conversation", found.pk):
        raise ConversationNotFound()
    return found


@transaction.atomic
def discard_session(*, principal: Principal, session: OpenSession) -> None:
    """Takes back a conversation that was begun for a message which was then refused, and the session if there was none before.
    What another message was sent to meanwhile stays."""
    if not session.is_new:
        return
    since = ClientSession.objects.filter(user_id=principal.user_id, name=session.name, last_used_at__gt=session.opened_at)
    if not since.exists():
        creating.discard_conversation(principal=principal, conversation_id=session.conversation_id)
        ClientSession.objects.filter(
            user_id=principal.user_id, name=session.name, conversation=None, created_at=session.opened_at
        ).delete()


def read_session_info(*, principal: Principal, name: str) -> SessionInfo:
    """Raises SessionNotFound."""
    session = _find(principal, name)
    conversation = session.conversation
    if conversation is None or conversation.deleted_at is not None:
        return SessionInfo(name, session.label, None, session.last_used_at, 0, "cleared")
    used = max(session.last_used_at, conversation.updated_at)
    return SessionInfo(name, session.label, conversation.uuid, used, conversation.message_count, "active")


@transaction.atomic
def clear_session(*, principal: Principal, name: str, origin: Origin, delete: bool) -> datetime:
    """Ends the conversation behind a name, and stops the answer that is being written in it: the next message begins another.

    `delete`: its text goes, too; else it stays among hers. Returns when it was. Raises SessionNotFound.
    """
    session = _find(principal, name)
    conversation = session.conversation
    if conversation is not None and conversation.deleted_at is None:
        if delete:
            services.delete_conversation(principal=principal, conversation_id=conversation.uuid, origin=origin)
        else:
            Turn.objects.filter(conversation=conversation, state=Turn.State.RUNNING).update(stop_requested=True)
    now = timezone.now()
    # Not the one that another message may have begun since.
    ended = ClientSession.objects.filter(pk=session.pk, conversation=conversation)
    ended.update(conversation=None, last_used_at=now)
    return now


def _find(principal: Principal, name: str) -> ClientSession:
    if "\0" in name:  # PostgreSQL takes none, so nobody has it
        raise SessionNotFound()
    found = ClientSession.objects.select_related("conversation").filter(user_id=principal.user_id, name=name).first()
    if found is None:
        raise SessionNotFound()
    return found
