"""From a send of this contract to an accepted turn: the conversation behind the client's session, or a new one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

from accounts.principal import Principal
from chatplatform.contracts.beginning import session_for
from chatplatform.contracts.coze.requests import Send, named_conversation
from chatplatform.contracts.incoming import client_key
from chatplatform.contracts.native import NativeCall
from chatplatform.core.aio import in_database_thread
from chatplatform.core.ids import prefixed
from conversations.turns.request import OpenedTurn, TurnRequest
from conversations.turns.runner import get_runner
from providers.models import Kind
from providers.selectors import provider_of_the_environment


@dataclass(frozen=True, slots=True)
class Begun:
    session_id: str
    """As the client knows it."""
    opened: OpenedTurn


async def begin(call: NativeCall) -> Begun:
    """Raises what the runner's `start_turn` does."""
    sent = call.parse(Send)
    key = client_key(call.incoming, sent["client_message_id"] or "")
    # The bot that the environment names, if it does; else whoever answers by default.
    provider_id = await in_database_thread(provider_of_the_environment, kind=Kind.COZE)
    async with session_for(
        principal=call.person,
        contract="coze",
        name=sent["session_id"] or _made_of(key, call.person),
        label=sent["user_id"] or "",
        conversation_id=named_conversation(sent["conversation_id"]),
    ) as session:
        request = TurnRequest(
            conversation_id=session.conversation_id,
            content=sent["message"],
            contract="coze",
            client_key=key,
            provider_id=provider_id,
        )
        return Begun(session.name, await get_runner().start_turn(principal=call.person, request=request))


_NAMES = uuid5(NAMESPACE_OID, "sessions of sends that are tried again")


def _made_of(key: str, principal: Principal) -> str | None:
    """The name of a session that the client gives none: the same for a send that is tried again. None: any.

    Guests are one account: with one name for one key, whoever guesses a key would be in somebody else's conversation.
    """
    if not key or principal.is_guest:
        return None
    return prefixed("sess", uuid5(_NAMES, f"{principal.user_uuid}:{key}"))
