"""Changing conversations and what was said in them. Turns have their own door: `turns.runner`.

Everybody who changes a conversation with its messages or turns locks the conversation first.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.origin import Origin
from conversations import search, selectors
from conversations.context import living_end
from conversations.errors import ConversationBusy, ConversationNotFound, MessageNotFound
from conversations.models import Conversation, Message, MessageRevision, Turn
from conversations.titles import title_from
from conversations.turns import stream
from conversations.turns.healing import close_from_outside, running_turn
from conversations.turns.request import MessageView
from providers.registry import find_route
from providers.tokens import count_text


@transaction.atomic
def create_conversation(
    *, principal: Principal, contract: str, title: str = "", model: str | None = None, system_message: str = ""
) -> Conversation:
    """A new, empty conversation. Raises UnknownModel. Without a title the first message gives it one."""
    route = find_route(principal=principal, model=model or None)
    conversation = Conversation.objects.create(
        user_id=principal.user_id,
        contract=contract,
        title=title.strip(),
        model=route.asked,
        system_message=system_message,
    )
    if conversation.title:
        search.index_title(user_id=principal.user_id, conversation_id=conversation.pk, title=conversation.title)
    return conversation


@transaction.atomic
def update_conversation(
    *, principal: Principal, conversation_id: UUID, title: str | None = None, is_archived: bool | None = None
) -> Conversation:
    """Changes what is not None. Raises ConversationNotFound. Its place in the list stays: that goes by what was said last."""
    conversation = _locked_conversation(principal, conversation_id)
    if title is not None:
        conversation.title = title
        search.index_title(user_id=principal.user_id, conversation_id=conversation.pk, title=title)
    if is_archived is not None:
        conversation.is_archived = is_archived
    conversation.save(update_fields=["title", "is_archived"])
    return conversation


@transaction.atomic
def delete_conversation(*, principal: Principal, conversation_id: UUID, origin: Origin) -> None:
    """Takes the text away at once, and stops the answer that is being written. A tombstone stays for the ledger.

    Raises ConversationNotFound.
    """
    conversation = _locked_conversation(principal, conversation_id)
    running = Turn.objects.filter(conversation=conversation, state=Turn.State.RUNNING).first()
    if running is not None:
        close_from_outside(running, Turn.State.STOPPED)
    told = Turn.objects.filter(conversation=conversation, ended_at__gt=Now() - timedelta(seconds=settings.TURN_LOG_TTL_SECONDS))
    turn_ids = list(told.values_list("uuid", flat=True))
    transaction.on_commit(lambda: stream.forget(turn_ids))
    search.forget_conversation(conversation_id=conversation.pk)
    MessageRevision.objects.filter(message__conversation=conversation).delete()
    Message.objects.filter(conversation=conversation).update(content="")
    Turn.objects.filter(conversation=conversation).update(text="", marks=b"", error_detail="")
    Conversation.objects.filter(pk=conversation.pk).update(
        title="", system_message="", deleted_at=timezone.now(), updated_at=timezone.now()
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
    search.forget_message(message_id=message.pk)
    Message.objects.filter(pk=message.pk).update(content="", deleted_at=timezone.now())
    Conversation.objects.filter(pk=conversation.pk).update(
        message_count=F("message_count") - 1, leaf_id=living_end(leaf_id=conversation.leaf_id)
    )
    if conversation.title and conversation.title == title_from(message.content):  # it repeats the text
        Conversation.objects.filter(pk=conversation.pk).update(title="")
        search.index_title(user_id=principal.user_id, conversation_id=conversation.pk, title="")
    audit.record(action="message.deleted", actor_id=principal.user_id, target=f"message:{message.uuid}", origin=origin)


def _locked_conversation(principal: Principal, conversation_id: UUID) -> Conversation:
    conversation = (
        Conversation.objects.select_for_update(no_key=True)
        .filter(uuid=conversation_id, user_id=principal.user_id, deleted_at__isnull=True)
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
