"""Conversations in the shapes of OpenAI's Conversations API: so that one that was named in a completion can be read here, too."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.openai import requests, responses, schemas
from chatplatform.contracts.openai.errors import UnsupportedParameter
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.ids import parse_prefixed, parse_uuid
from chatplatform.core.pages import PageRequest
from conversations import records, services
from conversations.errors import ConversationNotFound, MessageNotFound
from conversations.sessions import read_messages

_LIMIT = OpenApiParameter("limit", {"type": "integer", "minimum": 1, "default": 20}, description="100 at most.")


def conversation_uuid(text: str) -> UUID:
    found = parse_uuid(text) or parse_prefixed("conv", text)
    if found is None:
        raise ConversationNotFound
    return found


class ConversationsViewSet(ContractViewSet):
    tag = "Conversations"

    @described(
        "create_conversation",
        "Create a conversation",
        request=requests.NewConversation,
        data=schemas.Conversation,
        errors=(UnsupportedParameter,),
    )
    def create(self, request: Request) -> HttpResponse:
        sent = self.parse(requests.NewConversation, keys_once=True)
        made = services.create_conversation(
            principal=self.person,
            contract=self.contract.name,
            metadata=sent["metadata"] or {},
            earlier=[(message.role, message.content) for message in sent["items"] or ()],
        )
        return self.answer(responses.conversation(made))


class ConversationViewSet(ContractViewSet):
    tag = "Conversations"

    @described("get_conversation", "A conversation", data=schemas.Conversation)
    def retrieve(self, request: Request, conversation_id: str) -> HttpResponse:
        found = records.get_conversation(principal=self.person, conversation_id=conversation_uuid(conversation_id))
        return self.answer(responses.conversation(found))

    @described("delete_conversation", "Delete a conversation and its messages", data=schemas.DeletedConversation)
    def destroy(self, request: Request, conversation_id: str) -> HttpResponse:
        uuid = conversation_uuid(conversation_id)
        services.delete_conversation(principal=self.person, conversation_id=uuid, origin=self.incoming.origin)
        return self.answer({"id": str(uuid), "object": "conversation.deleted", "deleted": True})


class ItemViewSet(ContractViewSet):
    tag = "Conversations"

    @described(
        "list_items",
        "What was said in a conversation",
        data=schemas.Items,
        parameters=(requests.ItemFilter, _LIMIT),
        errors=(MessageNotFound,),
    )
    def list(self, request: Request, conversation_id: str) -> HttpResponse:
        """Newest first, unless `order` is `asc`."""
        wanted = self.parse_query(requests.ItemFilter)
        newest_first = wanted["order"] == "desc"
        page = read_messages(
            principal=self.person,
            conversation_id=conversation_uuid(conversation_id),
            page=PageRequest(number=1, size=self.page().size),
            before=wanted["after"] if newest_first else None,
            after=None if newest_first else wanted["after"],
            newest_first=newest_first,
        )
        return self.answer(responses.item_list(page))
