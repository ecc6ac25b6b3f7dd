"""Talking, and what was said in a session."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter

from chatplatform.contracts.beginning import conversation_for
from chatplatform.contracts.encoder import TurnNames
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.incoming import client_key
from chatplatform.contracts.llmchat import frames, requests, responses, schemas
from chatplatform.contracts.native import EventStream, NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import EVENTS, Answer, described
from chatplatform.contracts.openapi.parameters import idempotency_key
from chatplatform.core.errors import ContextTooLong, Draining, KeyReused, VendorFailed
from chatplatform.core.ids import parse_uuid
from conversations import sessions
from conversations.errors import ConversationBusy, ConversationNotFound, MessageNotFound
from conversations.turns.request import OpenedTurn
from conversations.turns.runner import get_runner
from providers.errors import AgentNotFound, ProviderNotAccessible, ProviderSwitchedOff, UnknownModel
from quotas.errors import AllowanceUsedUp
from retrieval.errors import RetrievalFailed

MESSAGES_A_PAGE = 50
LONGEST_HISTORY = 1_000
"""Messages that can be read: the newest."""
_KEY = idempotency_key("The same key attaches to the same turn. (Or `clientMessageId` in the body.)")
_PAGING = (
    OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}, description="Beyond the last is nothing."),
    OpenApiParameter(
        "limit", {"type": "integer", "minimum": 1, "default": MESSAGES_A_PAGE}, description="More than 100 is taken for 100."
    ),
)
_EVENTS = Answer(
    frames.STREAM,
    media_type=EVENTS,
    description="The answer as it is written: `event: start`, then `event: chunk` for each piece, then `event: end` or `error`.",
)


def session_uuid(text: str) -> UUID:
    found = parse_uuid(text)
    if found is None:
        raise ConversationNotFound
    return found


class CompletionViewSet(ContractViewSet):
    tag = "Chat"

    @described(
        "complete_chat",
        "Send a message",
        request=requests.Completion,
        data=schemas.CompletedChat,
        answers=(_EVENTS,),
        parameters=(_KEY,),
        errors=(
            ConversationNotFound,
            AgentNotFound,
            ConversationBusy,
            KeyReused,
            UnknownModel,
            ProviderNotAccessible,
            ProviderSwitchedOff,
            ContextTooLong,
            AllowanceUsedUp,
            RetrievalFailed,
            VendorFailed,
            Draining,
        ),
    )
    @native
    async def create(self, call: NativeCall) -> NativeAnswer:
        """With `"stream": true` the answer comes as server-sent events, else whole. Until its first word a failure is a status,
        later it is an event. Hanging up ends nothing: the answer is in the history, and its turn can be read again."""
        sent = call.parse(requests.Completion, keys_once=True)
        opened = await _begin(call, sent)
        if sent["stream"]:
            # Waits until there is something to show, so that a provider that fails at once is a status and not a stream.
            await get_runner().wait_first_event(opened.turn_id)
            names = TurnNames(opened.turn_id, opened.conversation_id, opened.answer_id)
            return EventStream(opened.turn_id, call.contract.stream_encoder(names))
        finished = await get_runner().finish(opened)
        return call.answer(responses.completion(finished, opened.conversation_id), _("The chat was completed."))


async def _begin(call: NativeCall, sent: dict[str, Any]) -> OpenedTurn:
    key = client_key(call.incoming, sent["clientMessageId"] or "")
    beginning = conversation_for(
        principal=call.person,
        contract=call.contract.name,
        conversation_id=sent["sessionId"],
        agent_id=sent["agentId"],
        earlier=requests.pairs(sent["messages"][:-1]),
        once=key,
    )
    async with beginning as conversation_id:
        request = requests.turn_request(sent, conversation_id=conversation_id, client_key=key)
        return await get_runner().start_turn(principal=call.person, request=request)


class HistoryViewSet(ContractViewSet):
    tag = "Chat"

    @described(
        "get_history",
        "What was said in a session",
        data=schemas.History,
        parameters=(*_PAGING, requests.HistoryFilter),
        errors=(MessageNotFound,),
    )
    def list(self, _request: object, session_id: str) -> HttpResponse:
        """Newest first; at most the newest thousand messages. Of a transcript that was saved with another end, the last one."""
        page = sessions.read_messages(
            principal=self.person,
            conversation_id=session_uuid(session_id),
            page=self.page(MESSAGES_A_PAGE),
            before=self.parse_query(requests.HistoryFilter)["before"],
            most=LONGEST_HISTORY,
        )
        return self.answer(responses.paged(page, responses.message), _("The history."))
