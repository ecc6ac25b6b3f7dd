"""A turn as this contract's server-sent events."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.chatgpt_backend.errors import ERRORS, error_object
from chatplatform.contracts.encoder import DataStreamEncoder, TurnNames
from chatplatform.contracts.errors import WireError
from chatplatform.core.errors import DomainError
from conversations.turns.events import TurnStarted, TurnUsage


def usage_object(usage: TurnUsage) -> dict[str, Any]:
    """Counts are 0 where nothing was spent, and null where nobody knows them."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "source": usage.source,
    }


class EventEncoder(DataStreamEncoder):
    def __init__(self, names: TurnNames) -> None:
        self.names = {"turn_id": names.turn_id, "message_id": names.message_id}

    def start(self, event: TurnStarted) -> dict[str, Any]:
        return {
            "message_id": event.message_id,
            "turn_id": event.turn_id,
            "conversation_id": event.conversation_id,
            "user_message_id": event.user_message_id,
            "model": event.model,
        }

    def end(self, usage: TurnUsage) -> dict[str, Any]:
        return {"usage": usage_object(usage), **self.names}

    def error_object(self, error: DomainError) -> dict[str, Any]:
        return error_object(WireError.of(error, ERRORS))
