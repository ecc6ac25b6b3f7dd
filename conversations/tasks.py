"""Periodic work on conversations."""

from celery import shared_task
from django.utils import timezone

from conversations import retention
from conversations.turns.healing import heal_turns


@shared_task(name="conversations.tasks.heal_turns", ignore_result=True, expires=30)
def heal_turns_task() -> int:
    """Closes turns that a dead process left. Web processes do it too: either may be all that is alive."""
    return heal_turns()


@shared_task(ignore_result=True, expires=3600)
def delete_outworn_conversations() -> int:
    """One batch; what is left waits behind the worker's other tasks, so that none waits for thousands."""
    deleted = retention.delete_outworn(now=timezone.now())
    if deleted >= retention.MOST_AT_ONCE:
        delete_outworn_conversations.delay()
    return deleted
