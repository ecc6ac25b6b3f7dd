"""Reading conversations, always through the person who asks: what is somebody else's does not exist.

What clients ask for all the time (a conversation, the newest of them, a page of messages) is one statement of its own, prepared
on its connection, whose rows become values and no model objects: a tenth of the ORM's time. A test holds each against the ORM.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.principal import Principal
from chatplatform.core.pages import Page, PageRequest
from chatplatform.core.prepared import Int8, fetch_all
from conversations.errors import ConversationNotFound
from conversations.models import Conversation, Message
from conversations.turns.request import MessageView

LONGEST_THREAD = 1000
"""Messages that a detail view shows at most: the newest."""


@dataclass(frozen=True, slots=True)
class ConversationView:
    uuid: UUID
    title: str
    model: str
    message_count: int
    is_archived: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ConversationDetail:
    conversation: ConversationView
    system_message: str
    thread: Sequence[MessageView]
    """Oldest first; of a very long conversation the newest thousand."""


@dataclass(frozen=True, slots=True)
class LastMessage:
    role: str
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    conversation: ConversationView
    last_message: LastMessage | None


# --- One conversation -----------------------------------------------------------------------------------------------------------

# In the order of MessageView's fields. An answer that is still being written shows its text so far, which its turn has.
_MESSAGE = """
message.uuid, message.role, COALESCE(NULLIF(message.content, ''), turn.text, ''), message.tokens_used, message.created_at,
message.status, message.model, turn.uuid, message.edited_at
"""

# A conversation that she has and a page of its messages. One row where the page is empty; none where there is no conversation.
_PAGE = """
FROM conversations_conversation conversation
LEFT JOIN LATERAL (
    SELECT * FROM conversations_message
    WHERE conversation_id = conversation.id AND deleted_at IS NULL
    ORDER BY id {order} LIMIT %(size)s OFFSET %(offset)s
) message ON true
LEFT JOIN conversations_turn turn ON turn.answer_id = message.id
WHERE conversation.uuid = %(conversation)s AND conversation.user_id = %(user)s AND conversation.deleted_at IS NULL
ORDER BY message.id {order}
"""
_NEWEST_FIRST, _OLDEST_FIRST = _PAGE.format(order="DESC"), _PAGE.format(order="ASC")

# What may be long comes with one row only, not again with each message.
_DETAIL = f"""
SELECT CASE row_number() OVER (ORDER BY message.id DESC) WHEN 1 THEN conversation.system_message END,
    conversation.uuid, conversation.title, conversation.model, conversation.message_count, conversation.is_archived,
    conversation.created_at, conversation.updated_at, {_MESSAGE} {_NEWEST_FIRST}
"""


def read_conversation(*, principal: Principal, conversation_id: UUID) -> ConversationDetail:
    """Raises ConversationNotFound."""
    newest = PageRequest(number=1, size=LONGEST_THREAD)
    rows = fetch_all(_DETAIL, _asked(principal, conversation_id, newest))
    if not rows:
        raise ConversationNotFound()
    thread = [MessageView(*row[8:]) for row in reversed(rows) if row[8] is not None]
    return ConversationDetail(ConversationView(*rows[0][1:8]), rows[0][0], thread)


def _asked(principal: Principal, conversation_id: UUID, page: PageRequest) -> dict[str, Any]:
    return {"conversation": conversation_id, "user": Int8(principal.user_id), **_limits(page)}


# --- Its messages, by page ------------------------------------------------------------------------------------------------------

# `message_count` is kept by whoever adds or deletes a message.
_HISTORY_NEWEST_FIRST = f"SELECT conversation.message_count, {_MESSAGE} {_NEWEST_FIRST}"
_HISTORY_OLDEST_FIRST = f"SELECT conversation.message_count, {_MESSAGE} {_OLDEST_FIRST}"


def list_messages(
    *, principal: Principal, conversation_id: UUID, page: PageRequest, newest_first: bool = True
) -> Page[MessageView]:
    """A page of what was said. Raises ConversationNotFound."""
    history = _HISTORY_NEWEST_FIRST if newest_first else _HISTORY_OLDEST_FIRST
    rows = fetch_all(history, _asked(principal, conversation_id, page))
    if not rows:
        raise ConversationNotFound()
    return Page(
        items=[MessageView(*row[1:]) for row in rows if row[1] is not None],
        number=page.number,
        size=page.size,
        total=rows[0][0],
    )


_ONE = f"""
SELECT {_MESSAGE}
FROM conversations_message message LEFT JOIN conversations_turn turn ON turn.answer_id = message.id
WHERE message.id = %(message)s
"""  # noqa: S608


def view_message(*, message: Message) -> MessageView:
    """A message that was fetched through its owner, as it is read."""
    return MessageView(*fetch_all(_ONE, {"message": Int8(message.pk)})[0])


# --- All of hers ----------------------------------------------------------------------------------------------------------------

# One row where the page is empty. The question stands in for an answer that has no word yet: it was the last thing said.
_NEWEST = """
SELECT counted.total, page.uuid, page.title, page.model, page.message_count, page.is_archived, page.created_at, page.updated_at,
    COALESCE(question.role, leaf.role), COALESCE(question.content, leaf.content), COALESCE(question.created_at, leaf.created_at)
FROM (
    SELECT count(*) AS total FROM conversations_conversation
    WHERE user_id = %(user)s AND deleted_at IS NULL AND NOT is_archived
) counted
LEFT JOIN (
    SELECT * FROM conversations_conversation
    WHERE user_id = %(user)s AND deleted_at IS NULL AND NOT is_archived
    ORDER BY updated_at DESC, id DESC LIMIT %(size)s OFFSET %(offset)s
) page ON true
LEFT JOIN conversations_message leaf ON leaf.id = page.leaf_id
LEFT JOIN conversations_message question
    ON question.id = CASE WHEN leaf.content = '' THEN leaf.parent_id END AND question.deleted_at IS NULL
ORDER BY page.updated_at DESC, page.id DESC
"""


def list_conversations(*, principal: Principal, page: PageRequest) -> Page[ConversationSummary]:
    """One page of those that are not archived, newest activity first, each with the last thing that was said in it."""
    rows = fetch_all(_NEWEST, {"user": Int8(principal.user_id), **_limits(page)})
    return Page(
        items=[
            ConversationSummary(ConversationView(*row[1:8]), LastMessage(*row[8:]) if row[8] is not None else None)
            for row in rows
            if row[1] is not None
        ],
        number=page.number,
        size=page.size,
        total=rows[0][0],
    )


def conversations_of(principal: Principal) -> QuerySet[Conversation]:
    """All that the person has, newest activity first; contracts filter it further."""
    return Conversation.objects.filter(user_id=principal.user_id, deleted_at__isnull=True).order_by("-updated_at", "-id")


def list_filtered(*, conversations: QuerySet[Conversation], page: PageRequest) -> Page[ConversationSummary]:
    """The same as `list_conversations` of what a contract left of `conversations_of(...)`."""
    rows = conversations.select_related("leaf__parent")[page.offset : page.offset + page.size]
    return Page(
        items=[ConversationSummary(_view(row), _last_message(row)) for row in rows],
        number=page.number,
        size=page.size,
        total=conversations.count(),
    )


def _view(row: Conversation) -> ConversationView:
    return ConversationView(row.uuid, row.title, row.model, row.message_count, row.is_archived, row.created_at, row.updated_at)


def _last_message(conversation: Conversation) -> LastMessage | None:
    leaf = conversation.leaf
    if leaf is not None and not leaf.content and leaf.parent is not None and leaf.parent.deleted_at is None:
        leaf = leaf.parent  # the answer has no word yet: the question was the last thing said
    if leaf is None:
        return None
    return LastMessage(leaf.role, leaf.content, leaf.created_at)


def _limits(page: PageRequest) -> dict[str, Any]:
    return {"size": Int8(page.size), "offset": Int8(page.offset)}
