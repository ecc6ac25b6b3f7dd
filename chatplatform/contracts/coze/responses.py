"""Domain values as this contract's JSON: plain functions from values to dicts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chatplatform.core.ids import prefixed
from conversations.client_sessions import SessionInfo
from conversations.turns.request import FinishedTurn, OpenedTurn


def moment(when: datetime) -> str:
    """`2024-01-15T10:30:15.123456`: UTC, though it does not say so."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def answer(session_id: str, opened: OpenedTurn, finished: FinishedTurn) -> dict[str, Any]:
    said = finished.assistant_message
    return {
        "response": said.content,
        "session_id": session_id,
        "message_id": prefixed("msg", said.id),
        "timestamp": moment(datetime.now(UTC)),
        "conversation_id": prefixed("conv", opened.conversation_id),
        "turn_id": str(finished.turn_id),
        "model": said.model,
        "stopped": finished.status == "stopped",
    }


def session(info: SessionInfo, username: str) -> dict[str, Any]:
    """Who never said what she calls her user is called as her account is. Between two conversations there is none."""
    return {
        "session_id": info.name,
        "user_id": info.label or username,
        "conversation_id": None if info.conversation_id is None else prefixed("conv", info.conversation_id),
        "last_activity": moment(info.last_used_at),
        "message_count": info.message_count,
        "status": info.status,
    }


def cleared(session_id: str, at: datetime, message: str) -> dict[str, Any]:
    return {"message": message, "session_id": session_id, "cleared_at": moment(at)}
