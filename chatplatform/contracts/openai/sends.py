"""From a request for a completion to its answer: one that nobody keeps, or a message to a conversation."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from uuid import UUID

from chatplatform.contracts.beginning import conversation_for
from chatplatform.contracts.encoder import TurnNames
from chatplatform.contracts.incoming import client_key
from chatplatform.contracts.names import names_of_completion
from chatplatform.contracts.native import EventStream, JsonAnswer, NativeAnswer, NativeCall
from chatplatform.contracts.openai import requests, responses
from chatplatform.contracts.openai.stream import ChunkEncoder
from conversations.turns.runner import get_runner

TURN_HEADER = "X-Turn-ID"


async def answer_once(call: NativeCall, sent: dict[str, Any]) -> NativeAnswer:
    """A completion ends with its reader: nobody could come back for the rest."""
    client_key(call.incoming, "")  # nothing to come back to has this name; one that cannot be a key is refused all the same
    runner = get_runner()
    opened = await runner.start_completion(principal=call.person, request=requests.completion_request(sent))
    headers = ((TURN_HEADER, str(opened.turn_id)),)
    with ExitStack() as reader:
        reader.callback(runner.leave, opened)
        if not sent["stream"]:
            return JsonAnswer(responses.completion(await runner.finish_completion(opened)), headers=headers)
        await runner.wait_first_event(opened.turn_id)
        encoder = ChunkEncoder(names_of_completion(opened.turn_id), include_usage=_wants_usage(sent))
        # From here on the stream is the reader.
        return EventStream(opened.turn_id, encoder, headers=headers, on_leave=reader.pop_all().close)


async def answer_in_conversation(call: NativeCall, sent: dict[str, Any], conversation_id: UUID) -> NativeAnswer:
    """A message like one through any other contract: its answer is written and kept, whoever listens."""
    runner, key = get_runner(), client_key(call.incoming, "")
    content, earlier = requests.question_of(sent)
    async with conversation_for(
        principal=call.person,
        contract=call.contract.name,
        conversation_id=conversation_id,
        model=sent["model"],
        earlier=earlier,
    ) as room:
        request = requests.turn_request(sent, conversation_id=room, content=content, client_key=key)
        opened = await runner.start_turn(principal=call.person, request=request)
    headers = ((TURN_HEADER, str(opened.turn_id)), (requests.CONVERSATION_HEADER, str(opened.conversation_id)))
    own = requests.own_metadata(sent)
    if not sent["stream"]:
        body = responses.answer(await runner.finish(opened), conversation_id=opened.conversation_id, metadata=own)
        return JsonAnswer(body, headers=headers)
    await runner.wait_first_event(opened.turn_id)
    names = TurnNames(opened.turn_id, opened.conversation_id, opened.answer_id)
    encoder = ChunkEncoder(names, include_usage=_wants_usage(sent), metadata=own)
    return EventStream(opened.turn_id, encoder, headers=headers)


def _wants_usage(sent: dict[str, Any]) -> bool:
    return bool((sent["stream_options"] or {}).get("include_usage"))
