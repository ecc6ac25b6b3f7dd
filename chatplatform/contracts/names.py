"""The public names of a turn, those that are numbers included."""

from __future__ import annotations

from uuid import UUID

from chatplatform.contracts.encoder import TurnNames
from chatplatform.core.aio import in_database_thread
from conversations import records


async def names_of(turn_id: UUID, conversation_id: UUID, message_id: UUID) -> TurnNames:
    """For encoders of contracts whose ids are numbers: it asks the database for them. Raises TurnNotFound."""
    return TurnNames(turn_id, conversation_id, message_id, *await in_database_thread(records.numbers_of, turn_id=turn_id))
