"""From a send of this contract to an accepted turn: the conversation by its number, or a new one with what was said before."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.beginning import conversation_for
from chatplatform.contracts.incoming import client_key
from chatplatform.contracts.lyss.requests import turn_request
from chatplatform.contracts.native import NativeCall
from conversations.turns.request import OpenedTurn
from conversations.turns.runner import get_runner


async def begin(call: NativeCall, sent: dict[str, Any]) -> OpenedTurn:
    """Raises what the runner's `start_turn` does."""
    key = client_key(call.incoming, sent["client_message_id"] or "")
    async with conversation_for(
        principal=call.person,
        contract="lyss",
        conversation_id=sent["conversation_id"],
        once=key,
        model=sent["model"],
        provider_id=sent["provider_id"],
        earlier=[(message["role"], message["content"]) for message in sent["messages"][:-1]],
    ) as conversation_id:
        request = turn_request(sent, conversation_id=conversation_id, client_key=key)
        return await get_runner().start_turn(principal=call.person, request=request)
