"""What was said in a session: reading it, sending, answering again."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from accounts.principal import Principal
from chatplatform.contracts.chat_system import filters, requests, responses, schemas
from chatplatform.contracts.chat_system.views.sessions import session_uuid
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.incoming import client_key
from chatplatform.contracts.native import NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import described
from chatplatform.contracts.openapi.parameters import idempotency_key
from chatplatform.core.aio import in_database_thread
from chatplatform.core.errors import ContextTooLong, Draining, KeyReused, VendorFailed
from chatplatform.core.ids import parse_prefixed
from conversations import sessions
from conversations.errors import ConversationBusy, MessageNotFound
from conversations.references import ReferenceRecord, list_references
from conversations.sessions import MessageDetail
from conversations.turns.request import OpenedTurn
from conversations.turns.runner import get_runner
from providers.errors import ProviderNotAccessible, ProviderSwitchedOff, UnknownModel
from quotas.errors import AllowanceUsedUp
from retrieval.errors import DocumentNotFound, RetrievalFailed

_REFUSALS = (
    ConversationBusy,
    KeyReused,
    UnknownModel,
    ProviderNotAccessible,
    ContextTooLong,
    AllowanceUsedUp,
    RetrievalFailed,
    VendorFailed,
    ProviderSwitchedOff,
    Draining,
)
_KEY = idempotency_key("The same key attaches to the same turn. (Or, for a send, `client_message_id` in the body.)")


def message_uuid(text: str) -> UUID:
    found = parse_prefixed("msg", text)
    if found is None:
        raise MessageNotFound
    return found


class MessageViewSet(ContractViewSet):
    tag = "Messages"

    @described(
        "list_messages",
        "The history of a session",
        data=schemas.Messages,
        parameters=(*filters.paging(filters.MESSAGES_A_PAGE), requests.History),
        errors=(MessageNotFound,),
    )
    def list(self, _request: object, session_id: str) -> HttpResponse:
        """Newest first."""
        wanted = self.parse_query(requests.History)
        page = sessions.read_messages(
            principal=self.person,
            conversation_id=session_uuid(session_id),
            page=self.page(filters.MESSAGES_A_PAGE),
            before=wanted.get("before_message_id"),
            after=wanted.get("after_message_id"),
            role=wanted.get("role"),
        )
        return self.answer(responses.paged("messages", page, responses.message), _("The session's messages."))

    @described(
        "send_message",
        "Send a message and wait for the whole answer",
        request=requests.Send,
        data=schemas.Exchange,
        parameters=(_KEY,),
        errors=(*_REFUSALS, DocumentNotFound),
    )
    @native
    async def create(self, call: NativeCall, session_id: str) -> NativeAnswer:
        """With the passages that it was given to read. An answer that comes bit by bit is for the WebSocket."""
        sent = call.parse(requests.Send)
        request = requests.turn_request(
            sent,
            conversation_id=session_uuid(session_id),
            client_key=client_key(call.incoming, sent["client_message_id"] or ""),
        )
        opened = await get_runner().start_turn(principal=call.person, request=request)
        return call.answer(responses.exchange(*await finished(call.person, opened)), _("The message was sent."))


class SingleMessageViewSet(ContractViewSet):
    tag = "Messages"

    @described("get_message", "A message", data=schemas.MessageDetail)
    def retrieve(self, _request: object, message_id: str) -> HttpResponse:
        """An answer with its times and what the model was asked with."""
        found = sessions.read_message(principal=self.person, message_id=message_uuid(message_id))
        return self.answer(responses.message_detail(found), _("The message."))


class RegenerationViewSet(ContractViewSet):
    tag = "Messages"

    @described(
        "regenerate_message",
        "Answer a question again",
        request=requests.Regeneration,
        data=schemas.Answer,
        parameters=(_KEY,),
        errors=_REFUSALS,
    )
    @native
    async def create(self, call: NativeCall, message_id: str) -> NativeAnswer:
        """Another answer beside this one; the session goes on from the new one."""
        asked = call.parse(requests.Regeneration)
        answer_id = message_uuid(message_id)
        conversation_id = await in_database_thread(sessions.conversation_of, principal=call.person, message_id=answer_id)
        request = requests.regeneration(
            asked, conversation_id=conversation_id, answer_id=answer_id, client_key=client_key(call.incoming, "")
        )
        opened = await get_runner().start_turn(principal=call.person, request=request)
        _question, answer, references = await finished(call.person, opened)
        return call.answer(responses.answer(answer, references), _("The question was answered again."))


class ReferenceViewSet(ContractViewSet):
    tag = "Search"

    @described("list_references", "The passages that an answer was given to read", data=schemas.References)
    def list(self, _request: object, message_id: str) -> HttpResponse:
        """As they were then. `direct` are those that the answer cites or quotes, which the server has checked. They stay when the
        document is deleted, and say so."""
        records = list_references(principal=self.person, message_id=message_uuid(message_id))
        return self.answer(responses.references(records), _("The answer's references."))


Exchange = tuple[MessageDetail, MessageDetail, list[ReferenceRecord]]


async def finished(principal: Principal, opened: OpenedTurn) -> Exchange:
    """Question, answer and the answer's references, once the turn has ended. Raises VendorFailed."""
    await get_runner().finish(opened)
    return await in_database_thread(_exchange, principal, opened.turn_id)


def _exchange(principal: Principal, turn_id: UUID) -> Exchange:
    question, answer = sessions.read_turn(principal=principal, turn_id=turn_id)
    return question, answer, list_references(principal=principal, message_id=answer.uuid)
