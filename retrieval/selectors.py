"""Reading documents and topics, always through the person who asks: what she may not read does not exist."""

from __future__ import annotations

from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from accounts.principal import Principal
from chatplatform.core.pages import Page, PageRequest, page_of
from retrieval.errors import DocumentNotFound, TopicNotFound
from retrieval.models import AgentTopic, Document, Topic, TopicReader

READABLE_TOPICS = """(
    SELECT id FROM retrieval_topic WHERE owner_id = %(user)s OR for_everyone
    UNION
    SELECT topic_id FROM retrieval_topicreader WHERE user_id = %(user)s
)"""
"""`readable_topics` as SQL, for statements that search. `user` is the person's row id."""
READABLE_DOCUMENT = f"(document.owner_id = %(user)s OR document.topic_id IN {READABLE_TOPICS})"
"""`readable_documents` as a condition on a row `document`."""


def readable_topics(principal: Principal) -> QuerySet[Topic]:
    """Hers, everybody's, and those that were shared with her."""
    shared = TopicReader.objects.filter(user_id=principal.user_id).values("topic_id")
    return Topic.objects.filter(Q(owner_id=principal.user_id) | Q(for_everyone=True) | Q(pk__in=shared))


def readable_documents(principal: Principal) -> QuerySet[Document]:
    """Hers, and those in topics that she may read."""
    return Document.objects.filter(Q(owner_id=principal.user_id) | Q(topic__in=readable_topics(principal)))


def list_topics(*, principal: Principal, page: PageRequest) -> Page[Topic]:
    """Those that she may read, by name."""
    return page_of(readable_topics(principal).order_by("name", "id"), page)


def get_topic(*, principal: Principal, topic_id: int) -> Topic:
    """Raises TopicNotFound."""
    topic = readable_topics(principal).filter(pk=topic_id).first()
    if topic is None:
        raise TopicNotFound
    return topic


def get_document(*, principal: Principal, document_id: UUID) -> Document:
    """Raises DocumentNotFound."""
    document = readable_documents(principal).filter(uuid=document_id).first()
    if document is None:
        raise DocumentNotFound
    return document


def documents_of(*, principal: Principal, page: PageRequest, topic_id: int | None = None) -> Page[Document]:
    """Her own, newest first; with `topic_id` all in that topic. Raises TopicNotFound."""
    if topic_id is None:
        documents = Document.objects.filter(owner_id=principal.user_id)
    else:
        documents = Document.objects.filter(topic=get_topic(principal=principal, topic_id=topic_id))
    return page_of(documents.order_by("-id"), page)


def topics_of_agent(*, agent_id: int) -> tuple[int, ...]:
    """Row ids of the topics that an agent answers from. Who asks it may read some of them, or none."""
    return tuple(AgentTopic.objects.filter(agent_id=agent_id).order_by("topic_id").values_list("topic_id", flat=True))


def readers_of(*, topic_id: int) -> tuple[int, ...]:
    """Row ids of the people whom a topic is shared with by name."""
    return tuple(TopicReader.objects.filter(topic_id=topic_id).order_by("user_id").values_list("user_id", flat=True))


def keep_topic(*, topic_id: int) -> None:
    """Nobody deletes the topic until the transaction ends; everything else goes on. Raises TopicNotFound when it is gone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM retrieval_topic WHERE id = %s FOR KEY SHARE", [topic_id])
        if cursor.rowcount == 0:
            raise TopicNotFound
