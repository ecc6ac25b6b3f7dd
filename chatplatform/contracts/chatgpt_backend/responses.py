"""Domain values as this contract's JSON: plain functions from values to dicts.

UUIDs and times that come from the database stay what they are: `dump_json` writes them, far faster than `str` and `utc`.
"""

from __future__ import annotations

from typing import Any

from accounts.models import STANDARD_TIER, ApiKey, User
from accounts.services import SignedIn
from chatplatform.contracts.chatgpt_backend.stream import usage_object
from chatplatform.contracts.contract import utc
from chatplatform.core.pages import Page
from conversations.models import Conversation
from conversations.selectors import ConversationDetail, ConversationSummary, ConversationView
from conversations.turns.request import FinishedTurn, MessageView, TurnView
from providers.selectors import ModelView
from quotas.selectors import QuotaState


def user(row: User) -> dict[str, Any]:
    return {
        "id": str(row.uuid),
        "username": row.username,
        "email": row.email,
        "display_name": row.display_name,
        "role": row.role,
        "tier": row.tier,
        "is_active": row.is_active,
        "is_vip": row.tier != STANDARD_TIER,
        "created_at": utc(row.created_at),
        "updated_at": utc(row.updated_at),
    }


def signed_in(session: SignedIn) -> dict[str, Any]:
    return {
        "user": user(session.user),
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
        "token_type": "bearer",
        "expires_in": session.expires_in,
    }


def user_with_quota(row: User, quota: QuotaState) -> dict[str, Any]:
    """A limit is null where the tier has none."""
    return user(row) | {
        "quota": {
            "daily_requests": quota.daily_requests_limit,
            "monthly_requests": quota.monthly_requests_limit,
            "daily_tokens": quota.daily_tokens_limit,
            "monthly_tokens": quota.monthly_tokens_limit,
            "requests_used_today": quota.requests_used_today,
            "tokens_used_today": quota.tokens_used_today,
        }
    }


def quota(state: QuotaState) -> dict[str, Any]:
    def left(limit: int | None, used: int) -> int | None:
        return None if limit is None else max(0, limit - used)

    return {
        "daily_limit": {"requests": state.daily_requests_limit, "tokens": state.daily_tokens_limit},
        "monthly_limit": {"requests": state.monthly_requests_limit, "tokens": state.monthly_tokens_limit},
        "usage_today": {"requests": state.requests_used_today, "tokens": state.tokens_used_today},
        "usage_this_month": {"requests": state.requests_used_this_month, "tokens": state.tokens_used_this_month},
        "remaining_today": {
            "requests": left(state.daily_requests_limit, state.requests_used_today),
            "tokens": left(state.daily_tokens_limit, state.tokens_used_today),
        },
        "remaining_this_month": {
            "requests": left(state.monthly_requests_limit, state.requests_used_this_month),
            "tokens": left(state.monthly_tokens_limit, state.tokens_used_this_month),
        },
        "day_ends_at": utc(state.day_ends_at),
        "month_ends_at": utc(state.month_ends_at),
    }


def api_key(row: ApiKey) -> dict[str, Any]:
    return {
        "id": str(row.uuid),
        "name": row.name,
        "prefix": row.prefix,
        "created_at": utc(row.created_at),
        "expires_at": utc(row.expires_at) if row.expires_at else None,
        "last_used_at": utc(row.last_used_at) if row.last_used_at else None,
    }


def conversation(row: Conversation | ConversationView) -> dict[str, Any]:
    return {
        "id": row.uuid,
        "title": row.title,
        "model": row.model,
        "message_count": row.message_count,
        "is_archived": row.is_archived,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }


def summary(item: ConversationSummary) -> dict[str, Any]:
    last = item.last_message
    shown = last and {"content": last.content, "role": last.role, "created_at": last.created_at}
    return conversation(item.conversation) | {"last_message": shown}


def conversation_detail(detail: ConversationDetail) -> dict[str, Any]:
    shown = {"system_message": detail.system_message, "messages": [message(view) for view in detail.thread]}
    return conversation(detail.conversation) | shown


def message(view: MessageView) -> dict[str, Any]:
    return {
        "id": view.id,
        "role": view.role,
        "content": view.content,
        "tokens_used": view.tokens_used,
        "created_at": view.created_at,
        "status": view.status,
        "model": view.model or None,
        "turn_id": view.turn_id,
        "edited_at": view.edited_at,
    }


def pagination(page: Page[Any]) -> dict[str, Any]:
    return {"page": page.number, "size": page.size, "total": page.total, "pages": page.pages}


def conversations(page: Page[ConversationSummary]) -> dict[str, Any]:
    return {"conversations": [summary(item) for item in page.items], "pagination": pagination(page)}


def messages(page: Page[MessageView]) -> dict[str, Any]:
    return {"messages": [message(item) for item in page.items], "pagination": pagination(page)}


def finished(turn: FinishedTurn) -> dict[str, Any]:
    return {
        "user_message": message(turn.user_message),
        "assistant_message": message(turn.assistant_message),
        "usage": usage_object(turn.usage),
        "turn_id": str(turn.turn_id),
        "stopped": turn.status == "stopped",
    }


def turn(view: TurnView) -> dict[str, Any]:
    return {
        "turn_id": str(view.turn_id),
        "conversation_id": str(view.conversation_id) if view.conversation_id else None,
        "message_id": str(view.message_id) if view.message_id else None,
        "user_message_id": str(view.user_message_id) if view.user_message_id else None,
        "status": view.status,
        "model": view.model,
        "created_at": utc(view.created_at),
        "ended_at": utc(view.ended_at) if view.ended_at else None,
        "usage": usage_object(view.usage),
    }


def model(view: ModelView) -> dict[str, Any]:
    """`max_tokens` is the longest answer; a price that nobody knows is null."""
    price = view.price
    return {
        "id": view.name,
        "name": view.display_name,
        "description": view.description,
        "max_tokens": view.max_output,
        "context_window": view.context_window,
        "cost_per_1k_tokens": {
            "input": _usd_per_1k(price.input_micros_per_million) if price else None,
            "output": _usd_per_1k(price.output_micros_per_million) if price else None,
        },
        "capabilities": list(view.capabilities),
        "alias_of": view.alias_of or None,
        "provider": view.provider_name,
    }


def _usd_per_1k(micros_per_million: int) -> float:
    return micros_per_million / 1e9
