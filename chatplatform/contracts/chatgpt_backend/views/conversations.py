"""Conversations and the messages in them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from chatplatform.contracts.chatgpt_backend import filters, requests, responses, schemas
from chatplatform.contracts.chatgpt_backend.schemas import described
from chatplatform.contracts.encoder import TurnNames
from chatplatform.contracts.http import ContractViewSet, filtered, native
from chatplatform.contracts.incoming import client_key
from chatplatform.contracts.native import EventStream, JsonAnswer, NativeAnswer, NativeCall
from chatplatform.core.ids import parse_uuid
from conversations import selectors, services
from conversations.errors import ConversationNotFound, MessageNotFound
from conversations.turns.request import OpenedTurn
from conversations.turns.runner import get_runner

_PAGING = [OpenApiParameter("page", int, description="From 1."), OpenApiParameter("size", int, description="At most 100.")]
_IDEMPOTENCY = [OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)]
MESSAGES_A_PAGE = 50


def conversation_uuid(text: str) -> UUID:
    found = parse_uuid(text)
    if found is None:
        raise ConversationNotFound
    return found


def message_uuid(text: str) -> UUID:
    found = parse_uuid(text)
    if found is None:
        raise MessageNotFound
    return found


class ConversationViewSet(ContractViewSet):
    @described(
        "List conversations",
        kind="list",
        data=schemas.Conversations,
        parameters=[*_PAGING, *filters.CONVERSATION_PARAMETERS],
    )
    def list(self, request: Request) -> HttpResponse:
        hers = selectors.conversations_of(self.person)
        wanted = filtered(filters.ConversationFilter(self.incoming.query, conversations=hers, principal=self.person))
        page = selectors.list_conversations(conversations=wanted, page=self.page())
        return self.answer(responses.conversations(page))

    @described("Create a conversation", kind="write", request=requests.NewConversation, data=schemas.Conversation, status=201)
    def create(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.NewConversation)
        conversation = services.create_conversation(
            principal=self.person,
            contract=self.contract.name,
            title=asked["title"] or "",
            model=asked["model"],
            system_message=asked["system_message"] or "",
        )
        return self.answer(responses.conversation(conversation), _("The conversation was created."), status=201)

    @described("A conversation with its messages", kind="read", data=schemas.ConversationDetail)
    def retrieve(self, request: Request, conversation_id: str) -> HttpResponse:
        conversation = selectors.get_conversation(principal=self.person, conversation_id=conversation_uuid(conversation_id))
        thread = selectors.thread(conversation=conversation)
        return self.answer(responses.conversation_detail(conversation, thread))

    @described("Rename, archive or bring back", kind="write", request=requests.ConversationChange, data=schemas.Conversation)
    def update(self, request: Request, conversation_id: str) -> HttpResponse:
        asked = self.parse(requests.ConversationChange)
        return self._changed(conversation_id, _("The conversation was updated."), **asked)

    @described("Archive a conversation", kind="read", data=schemas.Conversation)
    def archive(self, request: Request, conversation_id: str) -> HttpResponse:
        return self._changed(conversation_id, _("The conversation was archived."), is_archived=True)

    @described("Bring an archived conversation back", kind="read", data=schemas.Conversation)
    def unarchive(self, request: Request, conversation_id: str) -> HttpResponse:
        return self._changed(conversation_id, _("The conversation is no longer archived."), is_archived=False)

    def _changed(self, conversation_id: str, message: str, **change: Any) -> HttpResponse:
        conversation = services.update_conversation(
            principal=self.person, conversation_id=conversation_uuid(conversation_id), **change
        )
        return self.answer(responses.conversation(conversation), message)

    @described("Delete a conversation and its messages", kind="read")
    def destroy(self, request: Request, conversation_id: str) -> HttpResponse:
        services.delete_conversation(
            principal=self.person, conversation_id=conversation_uuid(conversation_id), origin=self.incoming.origin
        )
        return self.answer(None, _("The conversation was deleted."))


class MessageViewSet(ContractViewSet):
    @described("List messages", kind="read", data=schemas.Messages, parameters=[*_PAGING, requests.MessageOrder])
    def list(self, request: Request, conversation_id: str) -> HttpResponse:
        page = selectors.list_messages(
            principal=self.person,
            conversation_id=conversation_uuid(conversation_id),
            page=self.page(MESSAGES_A_PAGE),
            newest_first=self.parse_query(requests.MessageOrder)["order"] == "desc",
        )
        return self.answer(responses.messages(page))

    @described(
        "Send a message and wait for the whole answer",
        kind="send",
        request=requests.Send,
        data=schemas.Finished,
        parameters=_IDEMPOTENCY,
    )
    @native
    async def create(self, call: NativeCall, conversation_id: str) -> NativeAnswer:
        sent = call.parse(requests.Send)
        opened = await begin(call, sent, conversation_id)
        if sent["stream"]:
            return await streamed(call, opened)
        return await whole(call, opened)

    @described(
        "Send a message and read the answer as it is written",
        kind="send",
        request=requests.Send,
        stream=True,
        parameters=_IDEMPOTENCY,
    )
    @native
    async def stream(self, call: NativeCall, conversation_id: str) -> NativeAnswer:
        opened = await begin(call, call.parse(requests.Send), conversation_id)
        return await streamed(call, opened)


class SingleMessageViewSet(ContractViewSet):
    @described("Edit a message", kind="change", request=requests.MessageChange, data=schemas.Message)
    def update(self, request: Request, message_id: str) -> HttpResponse:
        edited = services.edit_message(
            principal=self.person,
            message_id=message_uuid(message_id),
            content=self.parse(requests.MessageChange)["content"],
            origin=self.incoming.origin,
        )
        return self.answer(responses.message(edited), _("The message was edited."))

    @described("Delete a message", kind="read")
    def destroy(self, request: Request, message_id: str) -> HttpResponse:
        services.delete_message(principal=self.person, message_id=message_uuid(message_id), origin=self.incoming.origin)
        return self.answer(None, _("The message was deleted."))


async def begin(call: NativeCall, sent: dict[str, object], conversation_id: str) -> OpenedTurn:
    request = requests.turn_request(
        sent,
        conversation_id=conversation_uuid(conversation_id),
        client_key=client_key(call.incoming, str(sent["client_message_id"] or "")),
    )
    return await get_runner().start_turn(principal=call.person, request=request)


async def whole(call: NativeCall, opened: OpenedTurn) -> JsonAnswer:
    finished = await get_runner().finish(opened)
    return call.answer(responses.finished(finished), _("The message was sent."))


async def streamed(call: NativeCall, opened: OpenedTurn) -> EventStream:
    """Waits until there is something to show, so that a provider that fails at once is a status and not a stream."""
    await get_runner().wait_first_event(opened.turn_id)
    names = TurnNames(opened.turn_id, opened.conversation_id, opened.answer_id)
    return EventStream(opened.turn_id, call.contract.stream_encoder(names))
