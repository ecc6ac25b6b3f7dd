"""Domain values as this contract's JSON: plain functions from values to dicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from accounts.models import User
from accounts.principal import Principal
from accounts.services import SignedIn
from chatplatform.contracts.contract import utc
from chatplatform.contracts.lyss.stream import usd
from chatplatform.contracts.paging import place_in_pages
from chatplatform.core.pages import Page
from conversations.models import Conversation
from conversations.records import Answerer, AnswerRecord, ConversationRecord, MessageRecord
from providers import config
from providers.models import Distribution, Provider
from providers.selectors import may_manage

T = TypeVar("T")


def paged(page: Page[T], shown: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    return {
        "items": [shown(item) for item in page.items],
        "pagination": place_in_pages(page),
    }


# --- People -------------------------------------------------------------------------------------------------------------------


def user(row: User) -> dict[str, Any]:
    """`role` is one of the document's two: an operator is a user here."""
    return {
        "id": row.pk,
        "username": row.username,
        "email": row.email,
        "role": "admin" if row.role == User.Role.ADMIN else "user",
        "is_active": row.is_active,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def tokens(session: SignedIn) -> dict[str, Any]:
    """`refresh_token` is there where the session's is another one now."""
    found: dict[str, Any] = {
        "access_token": session.access_token,
        "token_type": "bearer",
        "expires_in": session.expires_in,
    }
    return found | {"refresh_token": session.refresh_token} if session.refresh_token else found


def signed_in(session: SignedIn) -> dict[str, Any]:
    return {"user": user(session.user)} | tokens(session)


def _person(row: User) -> dict[str, Any]:
    return {"id": row.pk, "username": row.username, "email": row.email}


# --- Providers ----------------------------------------------------------------------------------------------------------------


_FOR_USERS = ("model", "temperature", "max_tokens")


def provider(row: Provider, principal: Principal) -> dict[str, Any]:
    """Its address and what is known of its key are for those who may change them; the key itself is for nobody."""
    manages = may_manage(principal, row)
    settings = config.shown(row)
    return {
        "id": row.pk,
        "name": row.name,
        "provider_type": row.kind,
        "scope": row.scope,
        "created_by": row.created_by_id,
        "api_base_url": row.base_url if manages else "",
        "config": settings if manages else {name: settings[name] for name in _FOR_USERS if name in settings},
        "is_active": row.is_active,
        "is_default": row.is_default,
        "has_key": row.has_key if manages else None,
        "key_last4": row.key_last4 if manages else None,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def distributed(provider_id: int, rows: Sequence[Distribution]) -> dict[str, Any]:
    return {
        "provider_id": provider_id,
        "distributed_to": [row.user_id for row in rows],
        "distributed_at": utc(max(row.distributed_at for row in rows)),
    }


def distribution(row: Distribution) -> dict[str, Any]:
    """`distributor` is null when that account is gone."""
    return {
        "id": row.pk,
        "user_id": row.user_id,
        "user": _person(row.user),
        "distributed_by": row.distributed_by_id,
        "distributor": _person(row.distributed_by) if row.distributed_by else None,
        "distributed_at": utc(row.distributed_at),
        "is_active": row.is_active,
    }


# --- Conversations ------------------------------------------------------------------------------------------------------------


def answerer(found: Answerer | None) -> dict[str, Any] | None:
    return {"id": found.id, "name": found.name, "provider_type": found.kind} if found else None


def conversation(row: Conversation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "title": row.title,
        "user_id": row.user_id,
        "provider_id": row.provider_id,
        "metadata": row.metadata,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def conversation_item(item: ConversationRecord) -> dict[str, Any]:
    row = item.conversation
    return {
        "id": row.pk,
        "title": row.title,
        "provider": answerer(item.provider),
        "message_count": row.message_count,
        "last_message_at": utc(item.last_message_at) if item.last_message_at else None,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def conversation_detail(item: ConversationRecord, thread: Sequence[MessageRecord]) -> dict[str, Any]:
    shown = {"provider": answerer(item.provider), "messages": [message(view) for view in thread]}
    return conversation(item.conversation) | shown


def message(view: MessageRecord) -> dict[str, Any]:
    shown = {
        "id": view.id,
        "role": view.role,
        "content": view.content,
        "status": view.status,
        "created_at": utc(view.created_at),
    }
    if view.turn_id is None:
        return shown
    metadata = {
        "model": view.model,
        "tokens_used": view.spent.tokens,
        "cost": usd(view.spent.cost_micros),
        "cached": view.spent.cached,
    }
    return shown | {"metadata": metadata, "turn_id": str(view.turn_id)}


def answer(found: AnswerRecord) -> dict[str, Any]:
    row = found.conversation
    return {
        "message": message(found.message),
        "conversation": {"id": row.pk, "title": row.title, "updated_at": utc(row.updated_at)},
        "provider": answerer(found.provider),
        "turn_id": str(found.message.turn_id),
        "stopped": found.message.status == "stopped",
    }
