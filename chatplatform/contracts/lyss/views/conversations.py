"""Conversations by their numbers."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.http import ContractViewSet, filtered
from chatplatform.contracts.lyss import filters, requests, responses, schemas
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.ids import parse_number
from conversations import records, selectors, services
from conversations.errors import ConversationNotFound
from providers.errors import ProviderNotAccessible, ProviderSwitchedOff


def conversation_number(text: str) -> int:
    found = parse_number(text)
    if found is None:
        raise ConversationNotFound
    return found


class ConversationViewSet(ContractViewSet):
    tag = "Conversations"

    @described(
        "list_conversations",
        "List conversations",
        data=schemas.Conversations,
        parameters=(*filters.PAGING, *filters.CONVERSATION_PARAMETERS),
    )
    def list(self, request: Request) -> HttpResponse:
        hers = selectors.conversations_of(self.person)
        wanted = filtered(filters.ConversationFilter(self.incoming.query, conversations=hers, principal=self.person))
        page = records.list_records(conversations=wanted, page=self.page())
        return self.answer(responses.paged(page, responses.conversation_item), _("Your conversations."))

    @described(
        "create_conversation",
        "Create a conversation",
        request=requests.NewConversation,
        data=schemas.Conversation,
        status=201,
        errors=(ProviderNotAccessible, ProviderSwitchedOff),
    )
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

    @described("get_conversation", "A conversation with its messages", data=schemas.ConversationDetail)
    def retrieve(self, request: Request, conversation_id: str) -> HttpResponse:
        conversation = records.get_conversation(principal=self.person, conversation_id=conversation_number(conversation_id))
        shown = responses.conversation_detail(
            records.record_of(conversation=conversation), records.messages_of(conversation=conversation)
        )
        return self.answer(shown, _("The conversation."))

    @described(
        "update_conversation", "Change the title or the metadata", request=requests.ConversationChange, data=schemas.Conversation
    )
    def update(self, request: Request, conversation_id: str) -> HttpResponse:
        asked = self.parse(requests.ConversationChange)
        conversation = services.update_conversation(
            principal=self.person, conversation_id=conversation_number(conversation_id), **asked
        )
        return self.answer(responses.conversation(conversation), _("The conversation was updated."))

    @described("delete_conversation", "Delete a conversation and its messages")
    def destroy(self, request: Request, conversation_id: str) -> HttpResponse:
        services.delete_conversation(
            principal=self.person, conversation_id=conversation_number(conversation_id), origin=self.incoming.origin
        )
        return self.answer(None, _("The conversation was deleted."))
