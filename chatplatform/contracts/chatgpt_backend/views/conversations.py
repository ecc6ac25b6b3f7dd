"""Conversations and the messages in them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from chatplatform.contracts.chatgpt_backend import filters, frames, requests, responses, schemas
from chatplatform.contracts.encoder import TurnNames
from chatplatform.contracts.http import ContractViewSet, filtered, native
from chatplatform.contracts.incoming import client_key
from chatplatform.contracts.native import EventStream, JsonAnswer, NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import EVENTS, Answer, described
from chatplatform.contracts.openapi.parameters import idempotency_key
from chatplatform.core.errors import ContextTooLong, Draining, KeyReused, VendorFailed
from chatplatform.core.ids import parse_uuid
from conversations import selectors, services
from conversations.errors import ConversationBusy, ConversationNotFound, MessageNotFound
from conversations.turns.request import OpenedTurn
from conversations.turns.runner import get_runner
from providers.errors import ProviderSwitchedOff, UnknownModel
from quotas.errors import AllowanceUsedUp

_SENDING = {
    "request": requests.Send,
    "parameters": (idempotency_key(),),
    "errors": (
        ConversationBusy,
        KeyReused,
        UnknownModel,
        ContextTooLong,
        AllowanceUsedUp,
        VendorFailed,
        ProviderSwitchedOff,
        Draining,
    ),
}
_EVENTS = Answer(frames.STREAM, media_type=EVENTS, description="The answer's events as it is written.")
MESSAGES_A_PAGE = 50


def _paging(default_size: int) -> tuple[OpenApiParameter, ...]:
    return (
        OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}, description="Beyond the last is nothing."),
        OpenApiParameter(
            "size", {"type": "integer", "minimum": 1, "default": default_size}, description="More than 100 is taken for 100."
        ),
    )


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
    tag = "Conversations"

    @described(
        "list_conversations",
        "List conversations",
        data=schemas.Conversations,
        parameters=(*_paging(20), *filters.CONVERSATION_PARAMETERS),
    )
    def list(self, _request: object) -> HttpResponse:
        """Those with the newest activity first."""
        if filters.are_given(self.incoming.query):
            hers = selectors.conversations_of(self.person)
            wanted = filtered(filters.ConversationFilter(self.incoming.query, conversations=hers, principal=self.person))
            page = selectors.list_filtered(conversations=wanted, page=self.page())
        else:
            page = selectors.list_conversations(principal=self.person, page=self.page())
        return self.answer(responses.conversations(page))

    @described(
        "create_conversation",
        "Create a conversation",
        request=requests.NewConversation,
        data=schemas.Conversation,
        status=201,
        errors=(UnknownModel, ProviderSwitchedOff),
    )
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

    @described("get_conversation", "A conversation with its messages", data=schemas.ConversationDetail)
    def retrieve(self, _request: object, conversation_id: str) -> HttpResponse:
        found = selectors.read_conversation(principal=self.person, conversation_id=conversation_uuid(conversation_id))
        return self.answer(responses.conversation_detail(found))

    @described(
        "update_conversation",
        "Rename, archive or bring back",
        request=requests.ConversationChange,
        data=schemas.Conversation,
    )
    def update(self, request: Request, conversation_id: str) -> HttpResponse:
        """What is missing or null stays as it is."""
        asked = self.parse(requests.ConversationChange)
        return self._changed(conversation_id, _("The conversation was updated."), **asked)

    @described("archive_conversation", "Archive a conversation", data=schemas.Conversation)
    def archive(self, request: Request, conversation_id: str) -> HttpResponse:
        return self._changed(conversation_id, _("The conversation was archived."), is_archived=True)

    @described("unarchive_conversation", "Bring an archived conversation back", data=schemas.Conversation)
    def unarchive(self, request: Request, conversation_id: str) -> HttpResponse:
        return self._changed(conversation_id, _("The conversation is no longer archived."), is_archived=False)

    def _changed(self, conversation_id: str, message: str, **change: Any) -> HttpResponse:
        conversation = services.update_conversation(
            principal=self.person, conversation_id=conversation_uuid(conversation_id), **change
        )
        return self.answer(responses.conversation(conversation), message)

    @described("delete_conversation", "Delete a conversation and its messages")
    def destroy(self, request: Request, conversation_id: str) -> HttpResponse:
        """At once and for good. An answer that is being written is stopped."""
        services.delete_conversation(
            principal=self.person, conversation_id=conversation_uuid(conversation_id), origin=self.incoming.origin
        )
        return self.answer(None, _("The conversation was deleted."))


class MessageViewSet(ContractViewSet):
    tag = "Messages"

    @described(
        "list_messages",
        "List messages",
        data=schemas.Messages,
        parameters=(*_paging(MESSAGES_A_PAGE), requests.MessageOrder),
    )
    def list(self, _request: object, conversation_id: str) -> HttpResponse:
        page = selectors.list_messages(
            principal=self.person,
            conversation_id=conversation_uuid(conversation_id),
            page=self.page(MESSAGES_A_PAGE),
            newest_first=self.parse_query(requests.MessageOrder)["order"] == "desc",
        )
        return self.answer(responses.messages(page))

    @described(
        "send_message",
        "Send a message and wait for the whole answer",
        data=schemas.Finished,
        answers=(_EVENTS,),
        **_SENDING,
    )
    @native
    async def create(self, call: NativeCall, conversation_id: str) -> NativeAnswer:
        """With `"stream": true` the answer comes as server-sent events."""
        sent = call.parse(requests.Send)
        opened = await begin(call, sent, conversation_id)
        if sent["stream"]:
            return await streamed(call, opened)
        return await whole(call, opened)

    @described(
        "stream_message",
        "Send a message and read the answer as it is written",
        enveloped=False,
        answers=(_EVENTS,),
        **_SENDING,
    )
    @native
    async def stream(self, call: NativeCall, conversation_id: str) -> NativeAnswer:
        """Until its first token a failure is a status, later it is an event. Hanging up ends nothing: `follow_turn` reads on."""
        opened = await begin(call, call.parse(requests.Send), conversation_id)
        return await streamed(call, opened)


class SingleMessageViewSet(ContractViewSet):
    tag = "Messages"

    @described(
        "edit_message",
        "Edit a message",
        request=requests.MessageChange,
        data=schemas.Message,
        errors=(ConversationBusy,),
    )
    def update(self, request: Request, message_id: str) -> HttpResponse:
        """What later turns send is the new text; the old one is kept as a revision. Not while it is being answered or written."""
        edited = services.edit_message(
            principal=self.person,
            message_id=message_uuid(message_id),
            content=self.parse(requests.MessageChange)["content"],
            origin=self.incoming.origin,
        )
        return self.answer(responses.message(edited), _("The message was edited."))

    @described("delete_message", "Delete a message")
    def destroy(self, request: Request, message_id: str) -> HttpResponse:
        """At once and for good. A turn that it belongs to is stopped."""
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
