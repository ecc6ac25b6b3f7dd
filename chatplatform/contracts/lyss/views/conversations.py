"""Conversations by their numbers."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.http import ContractViewSet, filtered
from chatplatform.contracts.lyss import filters, requests, responses, schemas
from chatplatform.contracts.lyss.schemas import PAGING, described
from chatplatform.core.ids import parse_number
from conversations import records, selectors, services
from conversations.errors import ConversationNotFound


def conversation_number(text: str) -> int:
    found = parse_number(text)
    if found is None:
        raise ConversationNotFound
    return found


class ConversationViewSet(ContractViewSet):
    @described(
        "List conversations",
        kind="list",
        page=schemas.ConversationItem,
        parameters=[*PAGING, *filters.CONVERSATION_PARAMETERS],
    )
    def list(self, request: Request) -> HttpResponse:
        hers = selectors.conversations_of(self.person)
        wanted = filtered(filters.ConversationFilter(self.incoming.query, conversations=hers, principal=self.person))
        page = records.list_records(conversations=wanted, page=self.page())
        return self.answer(responses.paged(page, responses.conversation_item), _("Your conversations."))

    @described("Create a conversation", kind="begin", request=requests.NewConversation, data=schemas.Conversation, status=201)
    def create(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.NewConversation)
        conversation = services.create_conversation(
            principal=self.person,
            contract=self.contract.name,
            title=asked["title"] or "",
            provider_id=asked["provider_id"],
            metadata=asked["metadata"] or {},
        )
        return self.answer(responses.conversation(conversation), _("The conversation was created."), status=201)

    @described("A conversation with its messages", kind="read", data=schemas.ConversationDetail)
    def retrieve(self, request: Request, conversation_id: str) -> HttpResponse:
        conversation = records.get_conversation(principal=self.person, conversation_id=conversation_number(conversation_id))
        shown = responses.conversation_detail(
            records.record_of(conversation=conversation), records.messages_of(conversation=conversation)
        )
        return self.answer(shown, _("The conversation."))

    @described("Change the title or the metadata", kind="edit", request=requests.ConversationChange, data=schemas.Conversation)
    def update(self, request: Request, conversation_id: str) -> HttpResponse:
        asked = self.parse(requests.ConversationChange)
        conversation = services.update_conversation(
            principal=self.person, conversation_id=conversation_number(conversation_id), **asked
        )
        return self.answer(responses.conversation(conversation), _("The conversation was updated."))

    @described("Delete a conversation and its messages", kind="read")
    def destroy(self, request: Request, conversation_id: str) -> HttpResponse:
        services.delete_conversation(
            principal=self.person, conversation_id=conversation_number(conversation_id), origin=self.incoming.origin
        )
        return self.answer(None, _("The conversation was deleted."))
