"""What can be refused about conversations and turns.

    NotFound
    ├── ConversationNotFound
    ├── MessageNotFound
    └── TurnNotFound
    Conflict
    └── ConversationBusy        a turn is already running here (turn_id)

The docstring of an error is its message.
"""

from __future__ import annotations

from uuid import UUID

from chatplatform.core.errors import Conflict, NotFound


class ConversationNotFound(NotFound):
    """The conversation does not exist."""


class MessageNotFound(NotFound):
    """The message does not exist."""


class TurnNotFound(NotFound):
    """The turn does not exist."""


class ConversationBusy(Conflict):
    """An answer is already being written in this conversation."""

    def __init__(self, turn_id: UUID) -> None:
        super().__init__()
        self.turn_id = turn_id
