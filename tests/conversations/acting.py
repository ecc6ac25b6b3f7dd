"""What people do in these tests."""

import itertools
from typing import Any

from asgiref.sync import sync_to_async

from accounts.models import User
from accounts.principal import Principal
from conversations import services
from conversations.models import Conversation
from conversations.turns.events import ENDINGS, TurnEvent
from conversations.turns.request import TurnRequest
from conversations.turns.runner import TurnRunner

_names = itertools.count(1)


def person(name: str, tier: str = "standard") -> Principal:
    number = next(_names)
    user = User.objects.create(username=f"{name}{number}", email=f"{name}{number}@example.com", tier=tier)
    return Principal(
        user_id=user.pk,
        user_uuid=user.uuid,
        username=user.username,
        role=user.role,
        tier=user.tier,
        session_id=None,
        api_key_id=None,
        expires_at=None,
    )


@sync_to_async
def new_conversation(principal: Principal, **fields: Any) -> Conversation:
    return services.create_conversation(principal=principal, contract="test", **fields)


def asking(conversation: Conversation, content: str = "Why?", **more) -> TurnRequest:
    return TurnRequest(conversation_id=conversation.uuid, content=content, contract="test", **more)


async def read(runner: TurnRunner, turn_id, after: int = 0) -> list[TurnEvent]:
    return [event async for batch in runner.follow_turn(turn_id, after) for event in batch]


async def ended(runner: TurnRunner, turn_id) -> TurnEvent:
    last = (await read(runner, turn_id))[-1]
    assert isinstance(last, ENDINGS)
    return last
