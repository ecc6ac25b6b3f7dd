"""From a send of this contract to an accepted turn: the conversation by its number, or a new one with what was said before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from accounts.principal import Principal
from chatplatform.contracts.incoming import client_key
from chatplatform.contracts.lyss.requests import turn_request
from chatplatform.contracts.native import NativeCall
from chatplatform.core.aio import in_database_thread
from chatplatform.core.errors import DomainError
from conversations import records, services
from conversations.turns.request import OpenedTurn
from conversations.turns.runner import get_runner


async def begin(call: NativeCall, sent: dict[str, Any]) -> OpenedTurn:
    """Raises what the runner's `start_turn` does."""
    key = client_key(call.incoming, sent["client_message_id"] or "")
    async with _conversation(call.person, sent, key) as conversation_id:
        request = turn_request(sent, conversation_id=conversation_id, client_key=key)
        return await get_runner().start_turn(principal=call.person, request=request)


@asynccontextmanager
async def _conversation(principal: Principal, sent: dict[str, Any], key: str) -> AsyncIterator[UUID]:
    """The public id of the conversation to send to. One that was made for a message which is refused goes with it."""
    if sent["conversation_id"] is not None:
        found = await in_database_thread(records.get_conversation, principal=principal, conversation_id=sent["conversation_id"])
        yield found.uuid
        return
    made = await in_database_thread(
        services.create_conversation,
        principal=principal,
        contract="lyss",
        model=sent["model"],
        provider_id=sent["provider_id"],
        earlier=[(message["role"], message["content"]) for message in sent["messages"][:-1]],
        once=key,
    )
    try:
        yield made.uuid
    except DomainError:
        await in_database_thread(services.discard_conversation, principal=principal, conversation_id=made.uuid)
        raise
