"""The public names of a turn, those that are numbers included."""

from __future__ import annotations

from uuid import UUID

from chatplatform.contracts.encoder import TurnNames
from chatplatform.core.aio import in_database_thread
from conversations import records
from conversations.errors import TurnNotFound
from conversations.turns.request import TurnView


async def names_of(turn_id: UUID, conversation_id: UUID, message_id: UUID) -> TurnNames:
    """For encoders of contracts whose ids are numbers: it asks the database for them. Raises TurnNotFound."""
    return TurnNames(turn_id, conversation_id, message_id, *await in_database_thread(records.numbers_of, turn_id=turn_id))


def names_in(view: TurnView) -> TurnNames:
    """Of a turn in a conversation. Raises TurnNotFound for a completion, which only its own contract can show."""
    if view.conversation_id is None or view.message_id is None:
        raise TurnNotFound
    return TurnNames(view.turn_id, view.conversation_id, view.message_id)


def names_of_completion(turn_id: UUID) -> TurnNames:
    """It has no other name than its turn's: its contract's encoder asks for none."""
    return TurnNames(turn_id, turn_id, turn_id)
