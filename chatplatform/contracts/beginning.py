"""The conversation that a message is sent to, where the message itself may begin it.

What was made for a message which is then refused goes with it: a person over her limit finds no empty conversations.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Unpack
from uuid import UUID

from accounts.principal import Principal
from chatplatform.core.aio import in_database_thread
from chatplatform.core.errors import DomainError
from conversations import client_sessions, records, services
from conversations.client_sessions import OpenSession
from conversations.creating import Facts


@asynccontextmanager
async def conversation_for(
    *, principal: Principal, contract: str, conversation_id: UUID | int | None, once: str = "", **facts: Unpack[Facts]
) -> AsyncIterator[UUID]:
    """The public id of the conversation to send to, for as long as the turn is being opened.

    One that is named by its row's number must be there; a public id that nobody has is given to a new one; None is a new one,
    or what an earlier call with the same `once` made. `facts` count for a new one only. Raises what `find_or_create` does.
    """
    if isinstance(conversation_id, int):
        found = await in_database_thread(records.get_conversation, principal=principal, conversation_id=conversation_id)
        yield found.uuid
        return
    conversation, is_new = await in_database_thread(
        services.find_or_create,
        principal=principal,
        contract=contract,
        conversation_id=conversation_id,
        once=once,
        **facts,
    )
    try:
        yield conversation.uuid
    except DomainError:
        if is_new:
            await in_database_thread(services.discard_conversation, principal=principal, conversation_id=conversation.uuid)
        raise


@asynccontextmanager
async def session_for(
    *,
    principal: Principal,
    contract: str,
    name: str | None,
    label: str = "",
    conversation_id: UUID | None = None,
    provider_id: int | None = None,
) -> AsyncIterator[OpenSession]:
    """The same for a conversation that the client knows by the name of a session: see `client_sessions.open_session`."""
    session = await in_database_thread(
        client_sessions.open_session,
        principal=principal,
        contract=contract,
        name=name,
        label=label,
        conversation_id=conversation_id,
        provider_id=provider_id,
    )
    try:
        yield session
    except DomainError:
        await in_database_thread(client_sessions.discard_session, principal=principal, session=session)
        raise
