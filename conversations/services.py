"""Changing conversations and what was said in them. Turns have their own door: `turns.runner`.

Everybody who changes a conversation with its messages or turns locks the conversation first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from enum import Enum
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.conf import settings as platform
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.origin import Origin
from conversations import search, selectors
from conversations.attachments import find_topic, forget_documents, set_documents
from conversations.context import living_end
from conversations.errors import ConversationBusy, ConversationNotFound, MessageNotFound
from conversations.models import Conversation, Message, MessageRevision, Reference, Turn, VendorThread
from conversations.preferences import merged
from conversations.records import named
from conversations.references import judge_references
from conversations.titles import title_from
from conversations.turns import stream
from conversations.turns.healing import close_from_outside, running_turn
from conversations.turns.request import MessageView
from providers.errors import ProviderNotAccessible
from providers.models import Provider
from providers.registry import find_routes
from providers.tokens import count_text


class Keep(Enum):
    """Says that something stays as it is, where None would take it away."""

    KEEP = "keep"


KEEP = Keep.KEEP


@transaction.atomic
def create_conversation(
    *,
    principal: Principal,
    contract: str,
    title: str = "",
    model: str | None = None,
    system_message: str = "",
    provider_id: int | None = None,
    metadata: Mapping[str, Any] | None = None,
    description: str = "",
    topic_id: int | None = None,
    settings: Mapping[str, Any] | None = None,
    document_ids: Sequence[UUID] = (),
    is_archived: bool = False,
    earlier: Sequence[tuple[str, str]] = (),
    once: str = "",
) -> Conversation:
    """A new conversation. Without a title the first message gives it one.

    `earlier`: role and text of what was said elsewhere before, oldest first; what the system says goes before `system_message`.
    `once`: a name of the client's for this very call, which finds the conversation that an earlier call with it made.
    `settings`: see `preferences.py`. `topic_id` and `document_ids`: what is read before each answer.
    Raises UnknownModel, ProviderNotAccessible, ProviderSwitchedOff, TopicNotFound, DocumentNotFound, InvalidInput;
    ConversationNotFound when that one was deleted since.
    """
    uuid = uuid5(_MADE_ONCE, f"{principal.user_id}:{once}") if once else uuid4()
    if once and (found := _made_before(uuid)) is not None:
        return found
    route = find_routes(principal=principal, model=model or None, provider_id=provider_id)[0]
    _keep_provider(provider_id)
    said = [(role, text) for role, text in earlier if role != Message.Role.SYSTEM]
    system = [text for role, text in earlier if role == Message.Role.SYSTEM]
    fields: dict[str, Any] = {
        "user_id": principal.user_id,
        "contract": contract,
        "title": title.strip() or next((title_from(text) for role, text in said if role == Message.Role.USER), ""),
        "model": route.asked,
        "system_message": "\n\n".join([*system, *([system_message] if system_message else [])]),
        "provider_id": provider_id,
        "metadata": dict(metadata or {}),
        "description": description,
        "topic_id": None if topic_id is None else find_topic(principal=principal, topic_id=topic_id),
        "settings": merged({}, settings or {}),
        "is_archived": is_archived,
    }
    # Only with `once` can another call have been faster.
    conversation, is_new = (
        Conversation.objects.get_or_create(uuid=uuid, defaults=fields)
        if once
        else (Conversation.objects.create(uuid=uuid, **fields), True)
    )
    if not is_new:
        return conversation
    if conversation.title:
        search.index_title(user_id=principal.user_id, conversation_id=conversation.pk, title=conversation.title)
    if document_ids:
        set_documents(principal=principal, conversation=conversation, document_ids=document_ids)
    if said:
        _store_earlier(conversation, said)
    return conversation


def _made_before(uuid: UUID) -> Conversation | None:
    found = Conversation.objects.filter(uuid=uuid).first()
    if found is not None and found.deleted_at is not None:
        raise ConversationNotFound()
    return found


def _keep_provider(provider_id: int | None) -> None:
    """From being deleted until the transaction ends."""
    if provider_id is not None and not Provider.objects.select_for_update(no_key=True).filter(pk=provider_id).exists():
        raise ProviderNotAccessible  # it was deleted in this very moment


_MADE_ONCE = UUID("5b4ff1f6-1d4d-4a19-9b6e-3c5d2f0f6c5e")
"""The namespace of ids that are made from a client's name for a call."""
_CHAIN = """
UPDATE conversations_message SET parent_id = previous.id
FROM (SELECT id AS own, lag(id) OVER (ORDER BY id) AS id FROM conversations_message WHERE conversation_id = %s) AS previous
WHERE conversations_message.id = previous.own
"""


def _store_earlier(conversation: Conversation, said: Sequence[tuple[str, str]]) -> None:
    """Each message as the answer to the one before."""
    now = timezone.now()
    messages = Message.objects.bulk_create(
        Message(
            conversation=conversation,
            role=role,
            content=text,
            tokens_used=count_text(text),
            created_at=now + timedelta(microseconds=index),
        )
        for index, (role, text) in enumerate(said)
    )
    with connection.cursor() as cursor:
        cursor.execute(_CHAIN, [conversation.pk])
    conversation.leaf = messages[-1]
    conversation.message_count = len(messages)
    conversation.save(update_fields=["leaf", "message_count"])
    search.index_messages(
        user_id=conversation.user_id,
        conversation_id=conversation.pk,
        texts=[(message.pk, message.content) for message in messages],
    )


@transaction.atomic
def discard_conversation(*, principal: Principal, conversation_id: UUID) -> None:
    """Takes back one that was just made for a message which was then refused. One with a turn stays."""
    hers = Conversation.objects.filter(uuid=conversation_id, user_id=principal.user_id)
    conversation = hers.select_for_update().first()
    if conversation is not None and not Turn.objects.filter(conversation=conversation).exists():
        conversation.delete()


@transaction.atomic
def update_conversation(
    *,
    principal: Principal,
    conversation_id: UUID | int,
    title: str | None = None,
    is_archived: bool | None = None,
    metadata: Mapping[str, Any] | None = None,
    description: str | None = None,
    model: str | None = None,
    settings: Mapping[str, Any] | None = None,
    topic_id: int | Keep | None = KEEP,
    document_ids: Sequence[UUID] | None = None,
) -> Conversation:
    """Changes what is not None (and the topic, unless it is kept). Its place in the list stays: that goes by what was said last.

    `settings` are merged into those that it has; `document_ids` replace them. Raises ConversationNotFound, UnknownModel,
    ProviderSwitchedOff, TopicNotFound, DocumentNotFound, InvalidInput.
    """
    conversation = _locked_conversation(principal, conversation_id)
    if title is not None:
        conversation.title = title
        search.index_title(user_id=principal.user_id, conversation_id=conversation.pk, title=title)
    if is_archived is not None:
        conversation.is_archived = is_archived
    if metadata is not None:
        conversation.metadata = dict(metadata)
    if description is not None:
        conversation.description = description
    if model is not None:
        routes = find_routes(principal=principal, model=model, conversation_provider_id=conversation.provider_id)
        conversation.model = routes[0].asked
    if settings is not None:
        conversation.settings = merged(conversation.settings, settings)
    if topic_id is not KEEP:
        conversation.topic_id = None if topic_id is None else find_topic(principal=principal, topic_id=topic_id)
    if document_ids is not None:
        set_documents(principal=principal, conversation=conversation, document_ids=document_ids)
    conversation.save(update_fields=["title", "is_archived", "metadata", "description", "model", "settings", "topic"])
    return conversation


@transaction.atomic
def delete_conversation(*, principal: Principal, conversation_id: UUID | int, origin: Origin) -> None:
    """Takes the text away at once, and stops the answer that is being written. A tombstone stays for the ledger.

    Raises ConversationNotFound.
    """
    conversation = _locked_conversation(principal, conversation_id)
    running = Turn.objects.filter(conversation=conversation, state=Turn.State.RUNNING).first()
    if running is not None:
        close_from_outside(running, Turn.State.STOPPED)
    told = Turn.objects.filter(conversation=conversation, ended_at__gt=Now() - timedelta(seconds=platform.TURN_LOG_TTL_SECONDS))
    turn_ids = list(told.values_list("uuid", flat=True))
    transaction.on_commit(lambda: stream.forget(turn_ids))
    search.forget_conversation(conversation_id=conversation.pk)
    MessageRevision.objects.filter(message__conversation=conversation).delete()
    VendorThread.objects.filter(conversation=conversation).delete()
    Reference.objects.filter(message__conversation=conversation).delete()
    forget_documents(conversation=conversation)
    Message.objects.filter(conversation=conversation).update(content="", metadata={})
    Turn.objects.filter(conversation=conversation).update(text="", marks=b"", error_detail="", client_key="")
    Conversation.objects.filter(pk=conversation.pk).update(
        title="",
        description="",
        system_message="",
        metadata={},
        deleted_at=timezone.now(),
        updated_at=timezone.now(),
    )
    audit.record(
        action="conversation.deleted", actor_id=principal.user_id, target=f"conversation:{conversation.uuid}", origin=origin
    )


@transaction.atomic
def edit_message(*, principal: Principal, message_id: UUID, content: str, origin: Origin) -> MessageView:
    """Puts another text in a message's place: what later turns are sent, and what is found. The old one is kept as a revision.

    Raises MessageNotFound, and ConversationBusy while the message is being answered or is the answer being written: the model has
    read the one and is not done with the other. Stop that turn first. Other messages may be edited meanwhile.
    """
    conversation, message = _locked_message(principal, message_id)
    running = running_turn(conversation=conversation)
    if running is not None and message.pk in (running.answer_id, running.user_message_id):
        raise ConversationBusy(running.uuid)
    message.refresh_from_db()
    if content != message.content:
        MessageRevision.objects.create(message=message, content=message.content)
        message.content = content
        message.edited_at = timezone.now()
        if message.role == Message.Role.USER:
            message.tokens_used = count_text(content)
        message.save(update_fields=["content", "edited_at", "tokens_used"])
        # An answer's events are read again from its text: this one is none that the model wrote word by word.
        Turn.objects.filter(answer=message).update(marks=b"")
        judge_references(message=message)
        VendorThread.objects.filter(conversation=conversation).delete()  # the vendor remembers the old text
        search.index_message(user_id=principal.user_id, conversation_id=conversation.pk, message_id=message.pk, text=content)
        audit.record(action="message.edited", actor_id=principal.user_id, target=f"message:{message.uuid}", origin=origin)
    return selectors.view_message(message=message)


@transaction.atomic
def delete_message(*, principal: Principal, message_id: UUID, origin: Origin) -> None:
    """Takes a message's text away at once, and stops the turn that answers it or writes it. Raises MessageNotFound.

    A tombstone keeps the tree whole: what was said after it stays. When the branch's last message goes, it ends before that.
    """
    conversation, message = _locked_message(principal, message_id)
    running = Turn.objects.filter(conversation=conversation, state=Turn.State.RUNNING).first()
    if running is not None and message.pk in (running.answer_id, running.user_message_id):
        close_from_outside(running, Turn.State.STOPPED)
    turn = Turn.objects.filter(answer=message).first()
    if turn is not None:
        Turn.objects.filter(pk=turn.pk).update(text="", marks=b"", error_detail="")
        transaction.on_commit(lambda: stream.forget([turn.uuid]))
    MessageRevision.objects.filter(message=message).delete()
    VendorThread.objects.filter(conversation=conversation).delete()
    search.forget_message(message_id=message.pk)
    Reference.objects.filter(message=message).delete()
    Message.objects.filter(pk=message.pk).update(content="", metadata={}, deleted_at=timezone.now())
    Conversation.objects.filter(pk=conversation.pk).update(
        message_count=F("message_count") - 1, leaf_id=living_end(leaf_id=conversation.leaf_id)
    )
    if conversation.title and conversation.title == title_from(message.content):  # it repeats the text
        Conversation.objects.filter(pk=conversation.pk).update(title="")
        search.index_title(user_id=principal.user_id, conversation_id=conversation.pk, title="")
    audit.record(action="message.deleted", actor_id=principal.user_id, target=f"message:{message.uuid}", origin=origin)


def _locked_conversation(principal: Principal, conversation_id: UUID | int) -> Conversation:
    conversation = (
        Conversation.objects.select_for_update(no_key=True)
        .filter(named(conversation_id), user_id=principal.user_id, deleted_at__isnull=True)
        .first()
    )
    if conversation is None:
        raise ConversationNotFound()
    return conversation


def _locked_message(principal: Principal, message_id: UUID) -> tuple[Conversation, Message]:
    """The message as it is once its conversation is locked."""
    hers = Message.objects.filter(
        uuid=message_id,
        deleted_at__isnull=True,
        conversation__user_id=principal.user_id,
        conversation__deleted_at__isnull=True,
    )
    conversation = Conversation.objects.select_for_update(no_key=True).filter(pk__in=hers.values("conversation_id")).first()
    message = hers.first() if conversation is not None else None
    if conversation is None or message is None:
        raise MessageNotFound()
    return conversation, message
