"""Periodic work on conversations."""

from celery import shared_task

from conversations.turns.healing import heal_turns


@shared_task(name="conversations.tasks.heal_turns", ignore_result=True, expires=30)
def heal_turns_task() -> int:
    """Closes turns that a dead process left. Web processes do it too: either may be all that is alive."""
    return heal_turns()
