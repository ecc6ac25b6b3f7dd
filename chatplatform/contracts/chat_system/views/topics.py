"""Topics: shelves of documents, one's own and those that are shared. (Ours: the document only names them.)"""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.chat_system import filters, requests, responses, schemas
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.errors import NotAllowed
from chatplatform.core.ids import parse_number
from retrieval import selectors, topics
from retrieval.errors import TopicNameTaken, TopicNotFound


def topic_number(text: str) -> int:
    found = parse_number(text)
    if found is None:
        raise TopicNotFound
    return found


class TopicViewSet(ContractViewSet):
    tag = "Topics"

    @described(
        "list_topics", "The topics that one may read", data=schemas.Topics, parameters=filters.paging(filters.SESSIONS_A_PAGE)
    )
    def list(self, request: Request) -> HttpResponse:
        """By name."""
        page = selectors.list_topics(principal=self.person, page=self.page(filters.SESSIONS_A_PAGE))
        return self.answer(responses.paged("topics", page, responses.topic), _("Your topics."))

    @described(
        "create_topic",
        "Create a topic",
        request=requests.NewTopic,
        data=schemas.Topic,
        status=201,
        errors=(TopicNameTaken,),
    )
    def create(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.NewTopic)
        topic = topics.create_topic(
            principal=self.person,
            name=asked["name"],
            description=asked["description"] or "",
            origin=self.incoming.origin,
        )
        return self.answer(responses.topic(topic), _("The topic was created."), status=201)

    @described("get_topic", "A topic", data=schemas.Topic)
    def retrieve(self, request: Request, topic_id: str) -> HttpResponse:
        topic = selectors.get_topic(principal=self.person, topic_id=topic_number(topic_id))
        return self.answer(responses.topic(topic), _("The topic."))

    @described(
        "update_topic",
        "Rename a topic",
        request=requests.TopicChange,
        data=schemas.Topic,
        errors=(NotAllowed, TopicNameTaken),
    )
    def update(self, request: Request, topic_id: str) -> HttpResponse:
        """Its owner's to do."""
        topic = topics.update_topic(
            principal=self.person,
            topic_id=topic_number(topic_id),
            origin=self.incoming.origin,
            **self.parse(requests.TopicChange),
        )
        return self.answer(responses.topic(topic), _("The topic was changed."))

    @described("delete_topic", "Delete a topic", errors=(NotAllowed,))
    def destroy(self, request: Request, topic_id: str) -> HttpResponse:
        """Its documents stay, each its owner's alone again."""
        topics.delete_topic(principal=self.person, topic_id=topic_number(topic_id), origin=self.incoming.origin)
        return self.answer(None, _("The topic was deleted."))


class SharingViewSet(ContractViewSet):
    tag = "Topics"

    @described(
        "share_topic",
        "Say who may read a topic beside its owner",
        request=requests.TopicSharing,
        data=schemas.SharedTopic,
        errors=(NotAllowed,),
    )
    def update(self, request: Request, topic_id: str) -> HttpResponse:
        """For administrators. It takes the place of what was said before."""
        asked = self.parse(requests.TopicSharing)
        topic = topics.share_topic(
            principal=self.person,
            topic_id=topic_number(topic_id),
            for_everyone=asked["for_everyone"],
            user_ids=asked["user_ids"],
            origin=self.incoming.origin,
        )
        readers = selectors.readers_of(topic_id=topic.pk)
        return self.answer(responses.sharing(topic, readers), _("The topic is shared."))
