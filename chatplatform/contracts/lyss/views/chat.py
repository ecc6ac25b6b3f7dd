"""Sending a message: for the whole answer, or for its stream."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.lyss import frames, requests, responses, schemas
from chatplatform.contracts.lyss.sends import begin
from chatplatform.contracts.names import names_of
from chatplatform.contracts.native import EventStream, NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import EVENTS, Answer, described
from chatplatform.contracts.openapi.parameters import idempotency_key
from chatplatform.core.aio import in_database_thread
from chatplatform.core.errors import ContextTooLong, Draining, KeyReused, VendorFailed
from conversations import records
from conversations.errors import ConversationBusy, ConversationNotFound
from conversations.turns.runner import get_runner
from providers.errors import ProviderNotAccessible, ProviderSwitchedOff, UnknownModel
from quotas.errors import AllowanceUsedUp

_SENDING: dict[str, Any] = {
    "request": requests.Send,
    "parameters": (idempotency_key(),),
    "errors": (
        ConversationNotFound,
        ConversationBusy,
        KeyReused,
        UnknownModel,
        ProviderNotAccessible,
        ProviderSwitchedOff,
        ContextTooLong,
        AllowanceUsedUp,
        VendorFailed,
        Draining,
    ),
}
_EVENTS = Answer(frames.STREAM, media_type=EVENTS, description="The answer's events as it is written.")


class ChatViewSet(ContractViewSet):
    tag = "Chat"

    @described("send_message", "Send a message and wait for the whole answer", data=schemas.Answer, **_SENDING)
    @native
    async def messages(self, call: NativeCall) -> NativeAnswer:
        opened = await begin(call, call.parse(requests.Send))
        await get_runner().finish(opened)
        found = await in_database_thread(records.answer_of, turn_id=opened.turn_id)
        return call.answer(responses.answer(found), _("The message was answered."))


class ChatStreamViewSet(ContractViewSet):
    tag = "Chat"

    @described(
        "stream_message", "Send a message and read the answer as it is written", enveloped=False, answers=(_EVENTS,), **_SENDING
    )
    @native
    async def stream(self, call: NativeCall) -> NativeAnswer:
        opened = await begin(call, call.parse(requests.Send))
        # Waits until there is something to show, so that a provider that fails at once is a status and not a stream.
        await get_runner().wait_first_event(opened.turn_id)
        names = await names_of(opened.turn_id, opened.conversation_id, opened.answer_id)
        return EventStream(opened.turn_id, call.contract.stream_encoder(names))
