"""Sending a message: for the whole answer, or for its stream."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter

from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.lyss import requests, responses, schemas
from chatplatform.contracts.lyss.schemas import described
from chatplatform.contracts.lyss.sends import begin
from chatplatform.contracts.names import names_of
from chatplatform.contracts.native import EventStream, NativeAnswer, NativeCall
from chatplatform.core.aio import in_database_thread
from conversations import records
from conversations.turns.runner import get_runner

_IDEMPOTENCY = [OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER)]


class ChatViewSet(ContractViewSet):
    @described(
        "Send a message and wait for the whole answer",
        kind="send",
        request=requests.Send,
        data=schemas.Answer,
        parameters=_IDEMPOTENCY,
    )
    @native
    async def messages(self, call: NativeCall) -> NativeAnswer:
        opened = await begin(call, call.parse(requests.Send))
        await get_runner().finish(opened)
        found = await in_database_thread(records.answer_of, turn_id=opened.turn_id)
        return call.answer(responses.answer(found), _("The message was answered."))


class ChatStreamViewSet(ContractViewSet):
    @described(
        "Send a message and read the answer as it is written",
        kind="send",
        request=requests.Send,
        stream=True,
        parameters=_IDEMPOTENCY,
    )
    @native
    async def stream(self, call: NativeCall) -> NativeAnswer:
        opened = await begin(call, call.parse(requests.Send))
        # Waits until there is something to show, so that a provider that fails at once is a status and not a stream.
        await get_runner().wait_first_event(opened.turn_id)
        names = await names_of(opened.turn_id, opened.conversation_id, opened.answer_id)
        return EventStream(opened.turn_id, call.contract.stream_encoder(names))
