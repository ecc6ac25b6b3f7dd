"""A completion: messages that are answered for somebody who keeps the conversation herself. Blocking code.

It is a turn like every other (reserved, routed, healed, charged) but for what it leaves: no conversation, no message, and when it
has ended no text anywhere. While it runs, the text so far is in its row, so that one of a dead process is charged rightly.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.conf import settings
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core.errors import ContextTooLong
from chatplatform.core.masking import mask
from chatplatform.core.pipeline import ask, pipelined
from chatplatform.core.prepared import Int8
from conversations.turns.prompt import Window
from conversations.turns.request import Assignment, CompletionRequest, OpenedCompletion
from conversations.turns.store import price_as_json
from conversations.turns.terms import first_given
from providers import tokens
from providers.base import PromptMessage, ProviderRequest
from providers.registry import Route, find_routes
from quotas import ledger

_BEGIN = """
INSERT INTO conversations_turn (
    uuid, user_id, contract, client_key, body_hash, state, fence, lease_until, stop_requested, text, marks, provider_id,
    provider_name, model_asked, model, price, prompt_tokens, usage_source, options, finish_reason, error_code, error_detail,
    created_at
)
VALUES (
    %(turn)s, %(user)s, %(contract)s, '', %(body_hash)s, 'running', %(fence)s, now() + make_interval(secs => %(lease)s), false,
    '', '', %(provider)s, %(provider_name)s, %(asked)s, %(model)s, %(price)s::jsonb, %(prompt)s, '', %(options)s::jsonb, '', '',
    '', %(now)s
)
"""


def open_completion(*, principal: Principal, request: CompletionRequest) -> Assignment[OpenedCompletion]:
    """Accepts it: it is reserved and known when this returns, or nothing is. Three round trips to the database.

    Raises UnknownModel, ProviderSwitchedOff, ContextTooLong, QuotaExceeded.
    """
    routes = find_routes(principal=principal, model=request.model)
    route = routes[0]
    messages = _covered(request.messages)
    # Before anything is locked: such a prompt may be long, and the person's other completions are not to wait for it.
    prompt_tokens = tokens.count_prompt(messages, model=route.model)
    max_tokens = first_given(request.max_tokens, route.max_tokens)
    window = Window(route.context_window, max_tokens)
    if window.refuses(prompt_tokens):
        raise ContextTooLong()
    turn_id, fence, now = uuid4(), uuid4(), timezone.now()
    temperature = first_given(request.temperature, route.temperature)
    said = {"temperature": temperature, "max_tokens": max_tokens, "top_p": request.top_p}
    with pipelined():
        reservation = ledger.Allowance(user_id=principal.user_id, tier=principal.tier).reserve(
            turn_id=turn_id,
            prompt_tokens=prompt_tokens,
            asked_output=max_tokens,
            room=min(window.size - prompt_tokens, route.max_output),
        )
        values = _values(principal, request.contract, route, turn_id, fence, now)
        options = {name: value for name, value in said.items() if value is not None}
        ask(_BEGIN, values | {"prompt": Int8(prompt_tokens), "options": orjson.dumps(options).decode()})
    return Assignment(
        fence=fence,
        user_id=principal.user_id,
        opened=OpenedCompletion(turn_id),
        started_at=now,
        routes=routes,
        threads={},
        request=ProviderRequest(
            model=route.model,
            messages=messages,
            max_tokens=reservation.output_tokens,
            temperature=temperature,
            top_p=request.top_p,
            stop=request.stop,
            user=principal.user_uuid.hex,
        ),
        prompt_tokens=prompt_tokens,
    )


def _covered(messages: tuple[PromptMessage, ...]) -> tuple[PromptMessage, ...]:
    """Without what providers are not to see."""
    if not settings.MASK_FOR_PROVIDERS:
        return messages
    return tuple(PromptMessage(message.role, mask(message.content)) for message in messages)


_NOT_IDEMPOTENT = sha256(b"").digest()
"""What was asked is not even kept as a hash: there is no key by which it could be asked for again."""


def _values(principal: Principal, contract: str, route: Route, turn_id: UUID, fence: UUID, now: datetime) -> dict[str, Any]:
    return {
        "turn": turn_id,
        "user": Int8(principal.user_id),
        "contract": contract,
        "body_hash": _NOT_IDEMPOTENT,
        "fence": fence,
        "lease": Int8(settings.TURN_LEASE_SECONDS),
        "provider": Int8(route.provider_id),
        "provider_name": route.provider_name,
        "asked": route.asked,
        "model": route.model,
        "price": price_as_json(route.price),
        "now": now,
    }
