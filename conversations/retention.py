"""What is kept for so many days only, and goes completely after that: as if its owner had deleted it. Blocking code."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from accounts.principal import GUEST
from conversations.deleting import expire_conversation
from conversations.models import ClientSession, Conversation, Turn

KEPT_FOR_DAYS = "llmchat"
"""The contract whose conversations are. The index `conversation_kept_for_days` is of these."""
MOST_AT_ONCE = 500


def delete_outworn(*, now: datetime, batch: int = MOST_AT_ONCE) -> int:
    """Deletes conversations in which nothing was said for too long, through whatever contract: LLMChat's, which are kept for so
    many days, and guests', which nobody can reach any more when the name of their session is forgotten.

    At most `batch`, each in a transaction of its own; returns how many. Running it twice at once does no harm. One in which an
    answer is being written stays.
    """
    deleted = 0
    if days := settings.LLMCHAT_SESSION_DAYS:
        deleted = _expire(Conversation.objects.filter(contract=KEPT_FOR_DAYS), now - timedelta(days=days), batch)
    if days := settings.COZE_SESSION_DAYS:
        before = now - timedelta(days=days)
        deleted += _expire(Conversation.objects.filter(user__uuid=GUEST), before, batch - deleted)
        ClientSession.objects.filter(last_used_at__lt=before).delete()
    return deleted


def _expire(conversations: QuerySet[Conversation], before: datetime, most: int) -> int:
    answering = Turn.objects.filter(conversation=OuterRef("pk"), state=Turn.State.RUNNING)
    outworn = conversations.filter(~Exists(answering), updated_at__lt=before, deleted_at=None).order_by("updated_at")
    numbers = outworn.values_list("pk", flat=True)[:most]
    return sum(expire_conversation(number=number, before=before) for number in numbers)
