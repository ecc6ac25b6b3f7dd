"""Domain values as this contract's JSON: plain functions from values to dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from accounts.models import User
from accounts.services import SignedIn
from chatplatform.contracts.llmchat.errors import moment
from chatplatform.contracts.llmchat.stream import usage_object
from chatplatform.core.pages import Page
from conversations.models import Conversation
from conversations.sessions import MessageDetail
from conversations.turns.request import FinishedTurn
from providers import config
from providers.models import Agent, Provider
from providers.reloading import Reload
from providers.status import ProviderStatus
from retrieval.failures import FAILURES
from retrieval.models import Document

T = TypeVar("T")


def paged(page: Page[T], shown: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    return {
        "items": [shown(item) for item in page.items],
        "pagination": {"page": page.number, "limit": page.size, "total": page.total, "totalPages": page.pages},
    }


# --- People -------------------------------------------------------------------------------------------------------------------


def user(row: User) -> dict[str, Any]:
    """`name` is the one that she chose to be shown, else the one that she signs in with elsewhere."""
    return {
        "id": str(row.uuid),
        "email": row.email,
        "name": row.get_full_name(),
        "username": row.username,
        "role": row.role,
        "createdAt": moment(row.created_at),
    }


def signed_in(session: SignedIn) -> dict[str, Any]:
    return {
        "token": session.access_token,
        "refreshToken": session.refresh_token,
        "expiresIn": session.expires_in,
        "user": user(session.user),
    }


# --- Agents -------------------------------------------------------------------------------------------------------------------


def agent(row: Agent, answerer: Provider | None) -> dict[str, Any]:
    """`answerer`: the agent's own provider, else whoever answers the person who asks. A setting is the agent's, else the
    provider's, else null: the vendor's own."""
    settings = (config.shown(answerer) if answerer else {}) | row.config
    return {
        "id": str(row.uuid),
        "name": row.name,
        "description": row.description,
        "category": row.category,
        "provider": answerer.kind if answerer else "",
        "avatar": row.avatar,
        "status": row.status,
        "capabilities": row.capabilities,
        "config": {
            "model": settings.get("model", ""),
            "temperature": settings.get("temperature"),
            "maxTokens": settings.get("max_tokens"),
        },
        "createdAt": moment(row.created_at),
        "updatedAt": moment(row.updated_at),
    }


def agent_for_admins(row: Agent, answerer: Provider | None) -> dict[str, Any]:
    return agent(row, answerer) | {"systemPrompt": row.system_prompt}


def agent_status(row: Agent, answerer: Provider | None, status: ProviderStatus, *, to_admin: bool) -> dict[str, Any]:
    """`status` is the operators' word, `available` what the provider says now. Why it does not is told to administrators."""
    shown = {
        "id": str(row.uuid),
        "name": row.name,
        "status": row.status,
        "provider": answerer.kind if answerer else "",
        "available": status.ok and row.status == Agent.Status.ACTIVE,
        "responseTime": status.latency_ms,
        "checkedAt": moment(status.checked_at),
    }
    return shown | {"fault": status.fault or None} if to_admin else shown


def reload(done: Reload) -> dict[str, Any]:
    return {"agents": done.agents, "providers": done.providers, "changes": list(done.changes)}


# --- Chat ---------------------------------------------------------------------------------------------------------------------


def completion(turn: FinishedTurn, session_id: UUID) -> dict[str, Any]:
    answer = turn.assistant_message
    return {
        "id": str(answer.id),
        "sessionId": str(session_id),
        "turnId": str(turn.turn_id),
        "message": {"role": answer.role, "content": answer.content},
        "model": answer.model,
        "usage": usage_object(turn.usage),
        "stopped": answer.status == "stopped",
        "createdAt": moment(answer.created_at),
    }


def message(view: MessageDetail) -> dict[str, Any]:
    return {
        "id": str(view.uuid),
        "role": view.role,
        "content": view.content,
        "status": view.status,
        "model": view.model or None,
        "turnId": str(view.turn_id) if view.turn_id else None,
        "createdAt": moment(view.created_at),
        "updatedAt": moment(view.updated_at),
    }


def saved(row: Conversation) -> dict[str, Any]:
    return {
        "sessionId": str(row.uuid),
        "title": row.title,
        "agentId": str(row.agent.uuid) if row.agent else None,
        "messageCount": row.message_count,
        "createdAt": moment(row.created_at),
        "updatedAt": moment(row.updated_at),
    }


# --- Files --------------------------------------------------------------------------------------------------------------------


def file(row: Document) -> dict[str, Any]:
    """`filename` and `url` are names of ours; `originalName` is what the uploader's machine called it."""
    return {
        "id": str(row.uuid),
        "filename": row.public_name,
        "originalName": row.original_name,
        "size": row.size,
        "type": row.kind,
        "mimeType": row.media_type,
        "url": f"/uploads/{row.public_name}",
        "description": row.description,
        "topicId": row.topic_id,
        "title": row.title,
        "author": row.author,
        "pages": row.page_count,
        "writtenAt": moment(row.written_at) if row.written_at else None,
        "status": row.status,
        "progress": {"done": row.chunks_done, "total": row.chunk_count, "percent": percent(row)},
        "failure": {"code": row.failure, "message": str(FAILURES[row.failure])} if row.failure else None,
        "uploadedAt": moment(row.created_at),
        "readyAt": moment(row.ready_at) if row.ready_at else None,
    }


def percent(row: Document) -> int:
    """100 only when it is ready."""
    if row.status == Document.Status.READY:
        return 100
    return min(99, 100 * row.chunks_done // row.chunk_count) if row.chunk_count else 0
