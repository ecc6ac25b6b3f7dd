"""Changing conversations and what was said in them. Turns have their own door: `turns.runner`; how a conversation begins is told
in `creating.py`.

Everybody who changes a conversation with its messages or turns locks the conversation first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.origin import Origin
from conversations import search, selectors
from conversations.attachments import find_topic, set_documents
from conversations.context import living_end
from conversations.creating import create_conversation, discard_conversation, find_or_create
from conversations.deleting import delete_conversation
from conversations.errors import ConversationBusy, MessageNotFound
from conversations.models import Conversation, Message, MessageRevision, Reference, Turn, VendorThread
from conversations.preferences import merged
from conversations.records import lock_conversation
from conversations.references import judge_references
from conversations.titles import title_from
from conversations.turns import stream
from conversations.turns.healing import close_from_outside, running_turn
from conversations.turns.request import MessageView
from providers.registry import find_routes
from providers.tokens import count_text

__all__ = [
    "KEEP",
    "Keep",
    "create_conversation",
    "delete_conversation",
    "delete_message",
    "discard_conversation",
    "edit_message",
    "find_or_create",
    "update_conversation",
]


class Keep(Enum):
    """Says that something stays as it is, where None would take it away."""

    KEEP = "keep"


KEEP = Keep.KEEP


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
    conversation = lock_conversation(principal=principal, conversation_id=conversation_id)
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
