"""Reading conversations, always through the person who asks: what is somebody else's does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet

from accounts.principal import Principal
from chatplatform.core.pages import Page, PageRequest
from conversations.errors import ConversationNotFound
from conversations.models import Conversation, Message
from conversations.turns.request import MessageView

LONGEST_THREAD = 1000
"""Messages that a detail view shows at most: the newest."""


@dataclass(frozen=True, slots=True)
class LastMessage:
    role: str
    content: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    conversation: Conversation
    last_message: LastMessage | None


def get_conversation(*, principal: Principal, conversation_id: UUID) -> Conversation:
    found = Conversation.objects.filter(uuid=conversation_id, user_id=principal.user_id, deleted_at__isnull=True).first()
    if found is None:
        raise ConversationNotFound()
    return found


def conversations_of(principal: Principal) -> QuerySet[Conversation]:
    """All that the person has, newest activity first; contracts filter it further."""
    return Conversation.objects.filter(user_id=principal.user_id, deleted_at__isnull=True).order_by("-updated_at", "-id")


def list_conversations(*, conversations: QuerySet[Conversation], page: PageRequest) -> Page[ConversationSummary]:
    """One page of `conversations_of(...)`, each with the last thing that was said in it."""
    rows = conversations.select_related("leaf__parent")[page.offset : page.offset + page.size]
    return Page(
        items=[ConversationSummary(row, _last_message(row)) for row in rows],
        number=page.number,
        size=page.size,
        total=conversations.count(),
    )


def _last_message(conversation: Conversation) -> LastMessage | None:
    leaf = conversation.leaf
    if leaf is not None and not leaf.content and leaf.parent is not None and leaf.parent.deleted_at is None:
        leaf = leaf.parent  # the answer has no word yet: the question was the last thing said
    if leaf is None:
        return None
    return LastMessage(leaf.role, leaf.content, leaf.created_at)


def list_messages(
    *, principal: Principal, conversation_id: UUID, page: PageRequest, newest_first: bool = True
) -> Page[MessageView]:
    """A page of what was said. An answer that is still being written shows its text so far."""
    conversation = get_conversation(principal=principal, conversation_id=conversation_id)
    messages = _messages(conversation).order_by("-id" if newest_first else "id")
    return Page(
        items=list(_views(messages[page.offset : page.offset + page.size])),
        number=page.number,
        size=page.size,
        total=messages.count(),
    )


def view_message(*, message: Message) -> MessageView:
    """A message that was fetched through its owner, as it is read."""
    return next(iter(_views(Message.objects.filter(pk=message.pk))))


def thread(*, conversation: Conversation) -> list[MessageView]:
    """Everything that was said, oldest first; of a very long conversation the newest thousand."""
    newest = list(_views(_messages(conversation).order_by("-id")[:LONGEST_THREAD]))
    return newest[::-1]


def _messages(conversation: Conversation) -> QuerySet[Message]:
    return Message.objects.filter(conversation=conversation, deleted_at__isnull=True)


def _views(messages: QuerySet[Message]) -> Iterable[MessageView]:
    rows = messages.values(
        "uuid",
        "role",
        "content",
        "tokens_used",
        "created_at",
        "status",
        "model",
        "edited_at",
        turn_uuid=F("turn__uuid"),
        turn_text=F("turn__text"),
    )
    for row in rows:
        yield MessageView(
            id=row["uuid"],
            role=row["role"],
            content=row["content"] or row["turn_text"] or "",
            tokens_used=row["tokens_used"],
            created_at=row["created_at"],
            status=row["status"],
            model=row["model"],
            turn_id=row["turn_uuid"],
            edited_at=row["edited_at"],
        )
