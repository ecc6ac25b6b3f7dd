"""A turn as this contract's server-sent events. Its ids are numbers."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.encoder import DataStreamEncoder, TurnNames
from chatplatform.contracts.errors import WireError
from chatplatform.contracts.lyss.errors import ERRORS, error_object
from chatplatform.core.errors import DomainError
from conversations.turns.events import TurnStarted, TurnUsage


def usd(micros: int | None) -> float | None:
    """None: nobody knows the price."""
    return None if micros is None else micros / 1e6


class EventEncoder(DataStreamEncoder):
    def __init__(self, names: TurnNames) -> None:
        self._conversation_id = names.conversation_number
        self.names = {"turn_id": names.turn_id, "message_id": names.message_number}

    def start(self, event: TurnStarted) -> dict[str, Any]:
        return {"conversation_id": self._conversation_id, **self.names, "model": event.model}

    def end(self, usage: TurnUsage) -> dict[str, Any]:
        spent = {"tokens_used": usage.total_tokens or 0, "cost": usd(usage.cost_micros), "cached": usage.cached_tokens > 0}
        return {**self.names, **spent}

    def error_object(self, error: DomainError) -> dict[str, Any]:
        return error_object(WireError.of(error, ERRORS))
