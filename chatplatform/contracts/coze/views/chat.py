"""Sending a message: for the whole answer, or for its stream."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from chatplatform.contracts.coze import frames, requests, responses, schemas
from chatplatform.contracts.coze.sends import Begun, begin
from chatplatform.contracts.coze.stream import EventEncoder
from chatplatform.contracts.encoder import TurnNames
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.native import EventStream, NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import EVENTS, Answer, described
from chatplatform.contracts.openapi.parameters import idempotency_key
from chatplatform.core.errors import ContextTooLong, Draining, KeyReused, VendorFailed
from chatplatform.core.ids import prefixed
from conversations.errors import ConversationBusy, ConversationNotFound
from conversations.turns.runner import get_runner
from providers.errors import ProviderSwitchedOff
from quotas.errors import AllowanceUsedUp

_SENDING: dict[str, Any] = {
    "request": requests.Send,
    "parameters": (idempotency_key(),),
    "errors": (
        ConversationNotFound,
        ConversationBusy,
        KeyReused,
        ProviderSwitchedOff,
        ContextTooLong,
        AllowanceUsedUp,
        VendorFailed,
        Draining,
    ),
}
_EVENTS = Answer(
    frames.STREAM,
    media_type=EVENTS,
    description="The answer's events as it is written. The headers X-Session-ID, X-Conversation-ID and X-Turn-ID say of what.",
)
_AS_WRITTEN = "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~ "


class ChatViewSet(ContractViewSet):
    tag = "Chat"

    @described("chat", "Send a message and wait for the whole answer", data=schemas.ChatAnswer, **_SENDING)
    @native
    async def chat(self, call: NativeCall) -> NativeAnswer:
        begun = await begin(call)
        finished = await get_runner().finish(begun.opened)
        return call.answer(responses.answer(begun.session_id, begun.opened, finished))


class ChatStreamViewSet(ContractViewSet):
    tag = "Chat"

    @described(
        "stream_chat", "Send a message and read the answer as it is written", enveloped=False, answers=(_EVENTS,), **_SENDING
    )
    @native
    async def stream(self, call: NativeCall) -> NativeAnswer:
        begun = await begin(call)
        opened = begun.opened
        # Waits until there is something to show, so that a provider that fails at once is a status and not a stream.
        await get_runner().wait_first_event(opened.turn_id)
        names = TurnNames(opened.turn_id, opened.conversation_id, opened.answer_id)
        return EventStream(opened.turn_id, EventEncoder(names, begun.session_id), headers=_names(begun))


def _names(begun: Begun) -> tuple[tuple[str, str], ...]:
    """The names of what is streamed. A session's holds any letters, and a header has only ASCII: the others are escaped."""
    return (
        ("X-Session-ID", quote(begun.session_id, safe=_AS_WRITTEN)),
        ("X-Conversation-ID", prefixed("conv", begun.opened.conversation_id)),
        ("X-Turn-ID", str(begun.opened.turn_id)),
    )
