"""What is done off the request. Tasks take ids and make one domain call; a message that comes twice or never does no harm, since
the database says what is to do."""

from __future__ import annotations

import structlog
from celery import current_app, shared_task

from chatplatform.core.deafness import messages_waiting
from retrieval import storage

log = structlog.get_logger(__name__)
QUEUE = "documents"
"""As `CELERY_TASK_ROUTES` has it."""
MOST_WAITING = 50
"""Messages that the sweeper leaves in the queue at most: while workers are away it does not fill the broker."""


@shared_task
def ingest_document(document_id: int) -> bool:
    from retrieval.ingest import ingest  # web processes send this task and need none of what it loads

    return ingest(document_id=document_id)


@shared_task(ignore_result=True, expires=30)
def sweep_documents() -> int:
    """Sends what nobody works on: uploads whose message was lost, and documents of a worker that died."""
    from retrieval.ingest import due_documents

    room = MOST_WAITING - messages_waiting(current_app, [QUEUE])
    due = due_documents(most=room) if room > 0 else []
    for document_id in due:
        send_for_ingest(document_id)
    return len(due)


@shared_task(ignore_result=True, expires=3600)
def tidy_storage() -> int:
    """Deletes files that no document has."""
    return storage.tidy()


def send_for_ingest(document_id: int) -> None:
    """A broker that is away is no trouble: the sweeper sends it when it is back."""
    try:
        ingest_document.apply_async(args=[document_id], retry=False)
    except Exception:
        log.exception("document_not_enqueued", document_id=document_id)
