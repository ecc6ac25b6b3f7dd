"""Changing conversations. Turns have their own door: `turns.runner`."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.origin import Origin
from conversations.errors import ConversationNotFound
from conversations.models import Conversation, Message, Turn
from conversations.turns import stream
from conversations.turns.healing import close_from_outside
from providers.registry import find_route


def create_conversation(
    *, principal: Principal, contract: str, title: str = "", model: str | None = None, system_message: str = ""
) -> Conversation:
    """A new, empty conversation. Raises UnknownModel. Without a title the first message gives it one."""
    route = find_route(principal=principal, model=model or None)
    return Conversation.objects.create(
        user_id=principal.user_id,
        contract=contract,
        title=title.strip(),
        model=route.asked,
        system_message=system_message,
    )


@transaction.atomic
def delete_conversation(*, principal: Principal, conversation_id: UUID, origin: Origin) -> None:
    """Takes the text away at once, and stops the answer that is being written. A tombstone stays for the ledger.

    Raises ConversationNotFound.
    """
    conversation = (
        Conversation.objects.select_for_update(no_key=True)
        .filter(uuid=conversation_id, user_id=principal.user_id, deleted_at__isnull=True)
        .first()
    )
    if conversation is None:
        raise ConversationNotFound()
    running = Turn.objects.filter(conversation=conversation, state=Turn.State.RUNNING).first()
    if running is not None:
        close_from_outside(running, Turn.State.STOPPED)
    told = Turn.objects.filter(conversation=conversation, ended_at__gt=Now() - timedelta(seconds=settings.TURN_LOG_TTL_SECONDS))
    turn_ids = list(told.values_list("uuid", flat=True))
    transaction.on_commit(lambda: stream.forget(turn_ids))
    Message.objects.filter(conversation=conversation).update(content="")
    Turn.objects.filter(conversation=conversation).update(text="", marks=b"", error_detail="")
    Conversation.objects.filter(pk=conversation.pk).update(
        title="", system_message="", deleted_at=timezone.now(), updated_at=timezone.now()
    )
    audit.record(
        action="conversation.deleted", actor_id=principal.user_id, target=f"conversation:{conversation.uuid}", origin=origin
    )
