"""Turns by their public name: looked at, read again from any event, stopped. They work for turns of every contract."""

from __future__ import annotations

from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter

from chatplatform.contracts.chatgpt_backend import frames, responses, schemas
from chatplatform.contracts.contract import Contract
from chatplatform.contracts.encoder import TurnNames
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.incoming import Incoming
from chatplatform.contracts.names import names_of, names_of_completion
from chatplatform.contracts.native import EventStream, NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import EVENTS, Answer, described
from chatplatform.contracts.registry import CONTRACTS, contract_named
from chatplatform.core.errors import InvalidInput
from chatplatform.core.ids import parse_uuid
from conversations.errors import TurnNotFound
from conversations.turns.request import TurnView
from conversations.turns.runner import get_runner

LARGEST_EVENT_NUMBER = 2**31
_EVENT_NUMBER = {"type": "integer", "minimum": 0, "maximum": LARGEST_EVENT_NUMBER}
_DIALECT = {"type": "string", "enum": [contract.name for contract in CONTRACTS]}


def turn_uuid(text: str) -> UUID:
    found = parse_uuid(text)
    if found is None:
        raise TurnNotFound
    return found


class TurnViewSet(ContractViewSet):
    tag = "Turns"

    @described("get_turn", "A turn", data=schemas.Turn)
    @native
    async def retrieve(self, call: NativeCall, turn_id: str) -> NativeAnswer:
        view = await get_runner().find_turn(principal=call.person, turn_id=turn_uuid(turn_id))
        return call.answer(responses.turn(view))

    @described(
        "follow_turn",
        "A turn's events again, from any of them on",
        enveloped=False,
        answers=(Answer(frames.STREAM, media_type=EVENTS, description="The turn's events until its end."),),
        every_dialect=True,
        parameters=(
            OpenApiParameter("after", _EVENT_NUMBER, description="The last event that was seen; 0 for all."),
            OpenApiParameter("contract", _DIALECT, description="In this contract's dialect instead of the turn's own."),
            OpenApiParameter(
                "Last-Event-ID", _EVENT_NUMBER, OpenApiParameter.HEADER, description="The same as `after`, and before it."
            ),
        ),
    )
    @native
    async def events(self, call: NativeCall, turn_id: str) -> NativeAnswer:
        after = last_seen(call.incoming)
        view = await get_runner().find_turn(principal=call.person, turn_id=turn_uuid(turn_id))
        dialect = contract_named(call.incoming.query.get("contract") or view.contract)
        return EventStream(view.turn_id, dialect.stream_encoder(await _names(view, dialect)), after)

    @described("stop_turn", "Stop a turn", data=schemas.Turn)
    @native
    async def stop(self, call: NativeCall, turn_id: str) -> NativeAnswer:
        """Through whichever process writes it. The text so far is kept. One that has ended stays as it is."""
        view = await get_runner().stop_turn(principal=call.person, turn_id=turn_uuid(turn_id))
        return call.answer(responses.turn(view), _("The answer was stopped."))


async def _names(view: TurnView, dialect: Contract) -> TurnNames:
    """All that this dialect may want."""
    if view.conversation_id is not None and view.message_id is not None:
        return await names_of(view.turn_id, view.conversation_id, view.message_id)
    if dialect.name != view.contract:
        raise InvalidInput(field="contract", issue=_("A completion can be read in its own contract's dialect only."))
    return names_of_completion(view.turn_id)


def last_seen(incoming: Incoming) -> int:
    """The number of the last event that the reader has. The header wins: a browser that reconnects keeps the address."""
    header = _event_number("Last-Event-ID", incoming.headers.get("last-event-id"))
    query = _event_number("after", incoming.query.get("after"))
    return header if header is not None else query or 0


def _event_number(name: str, text: str | None) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > LARGEST_EVENT_NUMBER:
        raise InvalidInput(field=name, issue=_("Must be the number of an event."))
    return int(text)
