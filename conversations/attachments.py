"""What a conversation reads from before each answer: a topic, and documents that are attached to it alone. Blocking code.

Call these in the transaction that holds the conversation.
"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from accounts.principal import Principal
from conversations.models import Conversation, ConversationDocument
from conversations.turns.inserting import attach_documents
from retrieval.selectors import get_document, get_topic, keep_topic


def find_topic(*, principal: Principal, topic_id: int) -> int:
    """The row of a topic that she may read, kept from being deleted until the transaction ends. Raises TopicNotFound."""
    topic = get_topic(principal=principal, topic_id=topic_id)
    keep_topic(topic_id=topic.pk)
    return topic.pk


def set_documents(*, principal: Principal, conversation: Conversation, document_ids: Iterable[UUID]) -> None:
    """These are attached and no others. Raises DocumentNotFound for one that she may not read."""
    rows = tuple(get_document(principal=principal, document_id=named).pk for named in document_ids)
    ConversationDocument.objects.filter(conversation=conversation).exclude(document_id__in=rows).delete()
    attach_documents(room_id=conversation.pk, document_ids=rows, now=timezone.now())


def attached_documents(*, conversation_number: int) -> tuple[UUID, ...]:
    """Of a conversation that was read through its owner, in the order in which they were attached."""
    rows = ConversationDocument.objects.filter(conversation_id=conversation_number).order_by("id")
    return tuple(rows.values_list("document__uuid", flat=True))
