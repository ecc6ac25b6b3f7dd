"""Conversations as sessions: with their settings, what they took and how long each answer did. Blocking code.

As in `selectors.py`, each read is one prepared statement whose rows become values, and begins with the person who asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from accounts.principal import Principal
from chatplatform.core.pages import Page, PageRequest
from chatplatform.core.prepared import Int8, fetch_all
from conversations.errors import ConversationNotFound, MessageNotFound
from conversations.preferences import Preferences, read_preferences
from conversations.search import query_of

# --- Sessions -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SessionView:
    number: int
    """Its row."""
    uuid: UUID
    user_id: int
    topic_id: int | None
    title: str
    description: str
    status: str
    """active, archived or deleted"""
    model: str
    preferences: Preferences
    message_count: int
    total_tokens: int
    """Of what was said in it."""
    last_activity_at: datetime | None
    """None before the first message."""
    created_at: datetime
    updated_at: datetime


_WHICH = {
    None: "deleted_at IS NULL",
    "active": "deleted_at IS NULL AND NOT is_archived",
    "archived": "deleted_at IS NULL AND is_archived",
    "deleted": "deleted_at IS NOT NULL",
}
_TITLED = """id = ANY(ARRAY(
    SELECT conversation_id FROM conversations_searchentry WHERE words @@ %(query)s::tsquery AND message_id IS NULL
))"""
# In the order of SessionView's fields.
_SESSION = """
session.id, session.uuid, session.user_id, session.topic_id, session.title, session.description,
CASE WHEN session.deleted_at IS NOT NULL THEN 'deleted' WHEN session.is_archived THEN 'archived' ELSE 'active' END,
session.model, session.settings::text, session.message_count, said.tokens,
CASE WHEN session.message_count > 0 THEN session.updated_at END, session.created_at, session.updated_at
"""
_SAID = """
LEFT JOIN LATERAL (
    SELECT COALESCE(sum(tokens_used), 0)::bigint AS tokens FROM conversations_message
    WHERE conversation_id = session.id AND deleted_at IS NULL
) said ON true
"""
_ONE_SESSION = f"""
SELECT {_SESSION} FROM conversations_conversation session {_SAID}
WHERE session.uuid = %(conversation)s AND session.user_id = %(user)s AND session.deleted_at IS NULL
"""  # noqa: S608
# One row where the page is empty.
_SESSIONS = f"""
SELECT counted.total, {_SESSION}
FROM (SELECT count(*) AS total FROM conversations_conversation WHERE user_id = %(user)s AND {{which}}) counted
LEFT JOIN (
    SELECT * FROM conversations_conversation WHERE user_id = %(user)s AND {{which}}
    ORDER BY updated_at DESC, id DESC LIMIT %(size)s OFFSET %(offset)s
) session ON true
{_SAID}
ORDER BY session.updated_at DESC, session.id DESC
"""  # noqa: S608


def read_session(*, principal: Principal, conversation_id: UUID) -> SessionView:
    """Raises ConversationNotFound."""
    rows = fetch_all(_ONE_SESSION, {"conversation": conversation_id, "user": Int8(principal.user_id)})
    if not rows:
        raise ConversationNotFound()
    return _session(rows[0])


def list_sessions(
    *, principal: Principal, page: PageRequest, topic_id: int | None = None, status: str | None = None, search: str = ""
) -> Page[SessionView]:
    """Newest activity first. `status`: active, archived or deleted; None: the first two. `search`: words of the title."""
    which, values = [_WHICH[status]], {"user": Int8(principal.user_id), **_limits(page)}
    if topic_id is not None:
        which.append("topic_id = %(topic)s")
        values["topic"] = Int8(topic_id)
    query = query_of(user_id=principal.user_id, text=search)
    if query is None:
        return Page(items=[], number=page.number, size=page.size, total=0)
    if query:
        which.append(_TITLED)
        values["query"] = query
    rows = fetch_all(_SESSIONS.format(which=" AND ".join(which)), values)
    found = [_session(row[1:]) for row in rows if row[1] is not None]
    return Page(items=found, number=page.number, size=page.size, total=rows[0][0])


def _session(row: tuple[Any, ...]) -> SessionView:
    return SessionView(*(*row[:8], read_preferences(orjson.loads(row[8])), *row[9:]))


# --- Messages -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MessageDetail:
    number: int
    """Its row."""
    uuid: UUID
    conversation_id: UUID
    parent_id: UUID | None
    role: str
    content: str
    """The text so far, while it is being written."""
    content_type: str
    metadata: Mapping[str, Any]
    """The client's own."""
    tokens: int
    model: str
    status: str
    """`Message.Status`"""
    turn_id: UUID | None
    prompt_tokens: int | None
    completion_tokens: int | None
    options: Mapping[str, Any]
    """What the model was asked with: temperature and max_tokens, where anybody said."""
    processing_ms: int | None
    """Milliseconds of both that follow; None until the answer has ended, and for a question."""
    retrieval_ms: int | None
    """That the search for passages took; None: there was none."""
    generation_ms: int | None
    created_at: datetime
    updated_at: datetime


_MESSAGE = """
message.id, message.uuid, conversation.uuid, CASE WHEN parent.deleted_at IS NULL THEN parent.uuid END, message.role,
COALESCE(NULLIF(message.content, ''), turn.text, ''), message.content_type, message.metadata::text, message.tokens_used,
message.model, message.status, turn.uuid, turn.prompt_tokens, turn.completion_tokens, COALESCE(turn.options::text, '{}'),
turn.retrieval_ms, turn.created_at, turn.ended_at, message.created_at, message.edited_at
"""
_ITS_TURN = """
LEFT JOIN conversations_message parent ON parent.id = message.parent_id
LEFT JOIN conversations_turn turn ON turn.answer_id = message.id
"""
_HERS = "conversation.user_id = %(user)s AND conversation.deleted_at IS NULL"
_SOME = f"""
SELECT {_MESSAGE}
FROM conversations_message message JOIN conversations_conversation conversation ON conversation.id = message.conversation_id
{_ITS_TURN}
WHERE {{which}} AND message.deleted_at IS NULL AND {_HERS}
ORDER BY message.id
"""  # noqa: S608
_ONE = _SOME.replace("{which}", "message.uuid = %(message)s")
_BOTH = _SOME.replace(
    "{which}",
    "message.id IN (SELECT unnest(ARRAY[user_message_id, answer_id]) FROM conversations_turn WHERE uuid = %(turn)s)",
)


def read_message(*, principal: Principal, message_id: UUID) -> MessageDetail:
    """Raises MessageNotFound."""
    rows = fetch_all(_ONE, {"message": message_id, "user": Int8(principal.user_id)})
    if not rows:
        raise MessageNotFound()
    return _message(rows[0])


def read_turn(*, principal: Principal, turn_id: UUID) -> tuple[MessageDetail, MessageDetail]:
    """A turn's question and answer. Raises MessageNotFound when either is gone."""
    rows = fetch_all(_BOTH, {"turn": turn_id, "user": Int8(principal.user_id)})
    if len(rows) != 2:
        raise MessageNotFound()
    return _message(rows[0]), _message(rows[1])


def conversation_of(*, principal: Principal, message_id: UUID) -> UUID:
    """The conversation that a message of hers is in. Raises MessageNotFound."""
    return read_message(principal=principal, message_id=message_id).conversation_id


# One row where the page is empty; none where there is no conversation.
_PAGE = f"""
SELECT {{total}}, {_MESSAGE}
FROM conversations_conversation conversation
LEFT JOIN LATERAL (
    SELECT * FROM conversations_message
    WHERE conversation_id = conversation.id AND deleted_at IS NULL {{filters}}
    ORDER BY id {{order}} LIMIT %(size)s OFFSET %(offset)s
) message ON true
{_ITS_TURN}
WHERE conversation.uuid = %(conversation)s AND {_HERS}
ORDER BY message.id {{order}}
"""  # noqa: S608
# From its end upwards, so that a limit leaves the newest.
_SHOWN = """AND id IN (
    WITH RECURSIVE branch(id, parent_id, deleted_at) AS (
        SELECT id, parent_id, deleted_at FROM conversations_message WHERE id = conversation.leaf_id
        UNION ALL
        SELECT above.id, above.parent_id, above.deleted_at
        FROM conversations_message above JOIN branch ON above.id = branch.parent_id
    )
    SELECT id FROM branch WHERE deleted_at IS NULL LIMIT %(most)s
)"""
_COUNT = "(SELECT count(*) FROM conversations_message WHERE conversation_id = conversation.id AND deleted_at IS NULL {filters})"
_WHERE_IS = f"""
SELECT message.id
FROM conversations_message message JOIN conversations_conversation conversation ON conversation.id = message.conversation_id
WHERE message.uuid = %(message)s AND conversation.uuid = %(conversation)s AND {_HERS}
"""  # noqa: S608


def read_messages(
    *,
    principal: Principal,
    conversation_id: UUID,
    page: PageRequest,
    before: UUID | None = None,
    after: UUID | None = None,
    role: str | None = None,
    most: int | None = None,
    newest_first: bool = True,
) -> Page[MessageDetail]:
    """What was said, newest or oldest first; of it only what came `before` or `after` a message, or is of one `role`. With
    `most`, only the branch that is shown, and of that the newest so many.

    Raises ConversationNotFound; MessageNotFound when such a message was never said here.
    """
    values = {"conversation": conversation_id, "user": Int8(principal.user_id), **_limits(page)}
    filters = ""
    for name, message_id, condition in (("before", before, "AND id < %(before)s"), ("after", after, "AND id > %(after)s")):
        if message_id is not None:
            filters += f" {condition}"
            values[name] = Int8(_place(principal, conversation_id, message_id))
    if role is not None:
        filters += " AND role = %(role)s"
        values["role"] = role
    if most is not None:
        filters += f" {_SHOWN}"
        values["most"] = Int8(most)
    # `message_count` is kept by whoever adds or deletes a message.
    total = _COUNT.format(filters=filters) if filters else "conversation.message_count"
    order = "DESC" if newest_first else "ASC"
    rows = fetch_all(_PAGE.replace("{total}", total).replace("{filters}", filters).replace("{order}", order), values)
    if not rows:
        raise ConversationNotFound()
    found = [_message(row[1:]) for row in rows if row[1] is not None]
    return Page(items=found, number=page.number, size=page.size, total=rows[0][0])


def _place(principal: Principal, conversation_id: UUID, message_id: UUID) -> int:
    """Its row. A deleted message still has its place."""
    asked = {"message": message_id, "conversation": conversation_id, "user": Int8(principal.user_id)}
    rows = fetch_all(_WHERE_IS, asked)
    if not rows:
        read_session(principal=principal, conversation_id=conversation_id)
        raise MessageNotFound()
    place: int = rows[0][0]
    return place


def _message(row: tuple[Any, ...]) -> MessageDetail:
    *facts, options, retrieval_ms, began, ended, at, edited = row
    facts[7] = orjson.loads(facts[7])
    generation = round((ended - began).total_seconds() * 1000) if ended is not None else None
    processing = None if generation is None else generation + (retrieval_ms or 0)
    changed = max(moment for moment in (at, ended, edited) if moment is not None)
    return MessageDetail(*(*facts, orjson.loads(options), processing, retrieval_ms, generation, at, changed))


def _limits(page: PageRequest) -> dict[str, Any]:
    return {"size": Int8(page.size), "offset": Int8(page.offset)}
