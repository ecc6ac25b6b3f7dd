"""What can be refused about conversations and turns.

NotFound
├── ConversationNotFound
│   └── SessionNotFound     by the name that a client gave to it
├── MessageNotFound
└── TurnNotFound
Conflict
└── ConversationBusy        a turn is already running here (turn_id)
VendorFailed
└── AnswerFailed            a turn's vendor failed: its question is in the history, and what there is of the answer
"""

from __future__ import annotations

from uuid import UUID

from chatplatform.core.errors import Conflict, NotFound, VendorFailed


class ConversationNotFound(NotFound):
    """The conversation does not exist."""


class SessionNotFound(ConversationNotFound):
    """The session does not exist."""


class MessageNotFound(NotFound):
    """The message does not exist."""


class TurnNotFound(NotFound):
    """The turn does not exist."""


class ConversationBusy(Conflict):
    """An answer is already being written in this conversation."""

    def __init__(self, turn_id: UUID) -> None:
        super().__init__()
        self.turn_id = turn_id


class AnswerFailed(VendorFailed):
    """The model's provider failed to answer."""
