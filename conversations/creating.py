"""How a conversation begins: empty, or with what was said elsewhere before, or not, where it is there already. Blocking code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.principal import Principal
from chatplatform.core.prepared import Int8, prepared_cursor
from conversations import search
from conversations.attachments import find_topic, set_documents
from conversations.errors import ConversationNotFound
from conversations.models import Conversation, Message, Turn
from conversations.preferences import merged
from conversations.titles import title_from
from providers.errors import AgentNotFound, ProviderNotAccessible
from providers.models import Agent
from providers.registry import find_routes
from providers.selectors import get_agent
from providers.tokens import count_text


class Facts(TypedDict, total=False):
    """What a new conversation may be told."""

    title: str
    """Without one the first message gives it one."""
    model: str | None
    system_message: str
    provider_id: int | None
    agent_id: UUID | None
    """Who answers through which agent from now on, where a message does not say."""
    metadata: Mapping[str, Any] | None
    description: str
    topic_id: int | None
    document_ids: Sequence[UUID]
    """What is read before each answer."""
    settings: Mapping[str, Any] | None
    """See `preferences.py`."""
    is_archived: bool
    earlier: Sequence[tuple[str, str]]
    """Role and text of what was said elsewhere before, oldest first; what the system says goes before `system_message`."""


def find_or_create(
    *, principal: Principal, contract: str, conversation_id: UUID | None = None, once: str = "", **facts: Unpack[Facts]
) -> tuple[Conversation, bool]:
    """A conversation of hers as it is, or a new one; and whether this very call made it. However many ask at once, one makes it.

    `conversation_id`: the public id that it has or gets. `once`: instead of an id, a name of the client's for this very call,
    which finds the conversation that an earlier call with it made.

    Raises ConversationNotFound (the id is somebody else's, or was deleted), UnknownModel, ProviderNotAccessible,
    ProviderSwitchedOff, AgentNotFound, TopicNotFound, DocumentNotFound, InvalidInput.
    """
    uuid = conversation_id or (_made_by(principal, once) if once else None)
    if uuid is not None and (found := Conversation.objects.filter(uuid=uuid).first()) is not None:
        return _hers(principal, found), False
    return _create(principal, contract, uuid, facts)


@transaction.atomic
def _create(principal: Principal, contract: str, uuid: UUID | None, facts: Facts) -> tuple[Conversation, bool]:
    fields = {"user_id": principal.user_id, "contract": contract, **_fields(principal, facts)}
    if uuid is None:
        conversation, is_new = Conversation.objects.create(**fields), True
    else:  # another call may have been faster
        conversation, is_new = Conversation.objects.get_or_create(uuid=uuid, defaults=fields)
    if not is_new:
        return _hers(principal, conversation), False
    _fill(principal, conversation, facts)
    return conversation, True


def create_conversation(
    *, principal: Principal, contract: str, conversation_id: UUID | None = None, once: str = "", **facts: Unpack[Facts]
) -> Conversation:
    """The conversation of `find_or_create`, for whom it does not matter whether it was there."""
    return find_or_create(principal=principal, contract=contract, conversation_id=conversation_id, once=once, **facts)[0]


@transaction.atomic
def discard_conversation(*, principal: Principal, conversation_id: UUID) -> None:
    """Takes back one that was just made for a message which was then refused. One with a turn stays."""
    hers = Conversation.objects.filter(uuid=conversation_id, user_id=principal.user_id)
    conversation = hers.select_for_update().first()
    if conversation is not None and not Turn.objects.filter(conversation=conversation).exists():
        conversation.delete()


def _made_by(principal: Principal, once: str) -> UUID:
    """The id of what a client's name for a call makes. Who does not know our secret cannot take it before her."""
    digest = salted_hmac("conversations.once", f"{principal.user_id}:{once}", algorithm="sha256").digest()
    return UUID(bytes=digest[:16], version=4)


def _hers(principal: Principal, found: Conversation) -> Conversation:
    if found.user_id != principal.user_id or found.deleted_at is not None:
        raise ConversationNotFound()
    return found


def _fields(principal: Principal, facts: Facts) -> dict[str, Any]:
    """Of the row. What it points to is kept from being deleted until the transaction ends."""
    earlier = facts.get("earlier", ())
    first_asked = next((text for role, text in earlier if role == Message.Role.USER), "")
    system = (system_of(earlier), facts.get("system_message", ""))
    topic_id = facts.get("topic_id")
    return {
        "title": facts.get("title", "").strip() or title_from(first_asked),
        "system_message": "\n\n".join(text for text in system if text),
        "metadata": dict(facts.get("metadata") or {}),
        "description": facts.get("description", ""),
        "settings": merged({}, facts.get("settings") or {}),
        "is_archived": facts.get("is_archived", False),
        "topic_id": None if topic_id is None else find_topic(principal=principal, topic_id=topic_id),
        **_who_answers(principal, facts),
    }


def _who_answers(principal: Principal, facts: Facts) -> dict[str, Any]:
    model, provider_id, agent_id = facts.get("model"), facts.get("provider_id"), facts.get("agent_id")
    agent = None if agent_id is None else find_agent(principal=principal, agent_id=agent_id)
    routes = find_routes(
        principal=principal,
        model=model or None,
        provider_id=provider_id,
        agent_provider_id=None if agent is None else agent.provider_id,
    )
    if provider_id is not None and not keep("providers_provider", provider_id):
        raise ProviderNotAccessible  # it was deleted in this very moment
    return {"model": routes[0].asked, "provider_id": provider_id, "agent_id": None if agent is None else agent.pk}


def find_agent(*, principal: Principal, agent_id: UUID) -> Agent:
    """One that she may talk to, kept from being deleted until the transaction ends. Raises AgentNotFound."""
    agent = get_agent(principal=principal, agent_id=agent_id)
    if agent.status != Agent.Status.ACTIVE or not keep("providers_agent", agent.pk):
        raise AgentNotFound
    return agent


def keep(table: str, row: int) -> bool:
    """Whether it is there; it is until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT FROM {table} WHERE id = %s FOR KEY SHARE", [row])
        return cursor.rowcount == 1


def _fill(principal: Principal, conversation: Conversation, facts: Facts) -> None:
    if conversation.title:
        search.index_title(user_id=principal.user_id, conversation_id=conversation.pk, title=conversation.title)
    if document_ids := facts.get("document_ids"):
        set_documents(principal=principal, conversation=conversation, document_ids=document_ids)
    if said := spoken(facts.get("earlier", ())):
        append_messages(conversation=conversation, said=said)


# --- What was said elsewhere ----------------------------------------------------------------------------------------------------


def system_of(earlier: Iterable[tuple[str, str]]) -> str:
    """What the system says in it: a conversation keeps that apart from its messages."""
    return "\n\n".join(text for role, text in earlier if role == Message.Role.SYSTEM and text)


def spoken(earlier: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The rest of it, but for who said nothing."""
    return [(role, text) for role, text in earlier if role != Message.Role.SYSTEM and text]


# Ids ascend with the order, as a sequence is asked after the sorting. No word has a space in it: see `words.py`.
_APPEND = """
WITH said AS MATERIALIZED (
    SELECT nextval(pg_get_serial_sequence('conversations_message', 'id')) AS id, role, content, tokens, words, n
    FROM unnest(%(roles)s::text[], %(contents)s::text[], %(tokens)s::int[], %(words)s::text[])
        WITH ORDINALITY AS one(role, content, tokens, words, n)
    ORDER BY n
), stored AS (
    INSERT INTO conversations_message (
        id, uuid, conversation_id, parent_id, role, content, content_type, metadata, status, tokens_used, model, created_at
    )
    SELECT id, gen_random_uuid(), %(conversation)s, lag(id, 1, %(leaf)s::bigint) OVER (ORDER BY n), role, content, 'text', '{}',
        'complete', tokens, '', %(now)s + n * interval '1 microsecond'
    FROM said
), found_by AS (
    INSERT INTO conversations_searchentry (conversation_id, message_id, words)
    SELECT %(conversation)s, id, array_to_tsvector(string_to_array(words, ' ')) FROM said WHERE words <> ''
)
UPDATE conversations_conversation
SET leaf_id = (SELECT max(id) FROM said), message_count = message_count + (SELECT count(*) FROM said)
WHERE id = %(conversation)s
RETURNING leaf_id, message_count
"""


def append_messages(*, conversation: Conversation, said: Sequence[tuple[str, str]]) -> None:
    """Each as the answer to the one before, the first to the conversation's leaf. Thousands take a fraction of a second: it is
    one statement. The caller holds the conversation, and has read it since."""
    values = {
        "conversation": Int8(conversation.pk),
        "leaf": None if conversation.leaf_id is None else Int8(conversation.leaf_id),
        "roles": [role for role, _text in said],
        "contents": [text for _role, text in said],
        "tokens": [count_text(text) for _role, text in said],
        "words": [" ".join(search.entry_words(user_id=conversation.user_id, text=text)) for _role, text in said],
        "now": timezone.now(),
    }
    with prepared_cursor() as cursor:
        cursor.execute(_APPEND, values)
        conversation.leaf_id, conversation.message_count = cursor.fetchone()
