"""Uploading documents and what may be done with them. `topics.py` has the shelves, `ingest.py` reads and embeds."""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.errors import BodyTooLarge, Conflict, InvalidInput, NotAllowed
from chatplatform.core.origin import Origin
from retrieval import charging, storage
from retrieval.errors import DocumentNotFound, StorageUsedUp
from retrieval.files import FileType, clean_name, identify
from retrieval.models import Document, Topic
from retrieval.selectors import get_document, keep_topic
from retrieval.tasks import send_for_ingest
from retrieval.topics import topic_to_manage

LONGEST_DESCRIPTION = 2_000
_LOCK_OF_UPLOADS = 0x646F6373


def upload_document(
    *,
    principal: Principal,
    name: str,
    content: bytes,
    kind: str | None = None,
    description: str = "",
    topic_id: int | None = None,
    origin: Origin,
) -> Document:
    """A new document, waiting to be read. Content that she has uploaded before is the document that it was then: it is put into
    the topic, and described anew, where this upload says so; one that had failed is tried again.

    `kind`: what she takes it for (image, document, cad). Raises EmptyFile, UnsupportedFile, FileTypeMismatch, InvalidInput
    (`type`, `description`), BodyTooLarge, TopicNotFound, NotAllowed (not her topic), StorageUsedUp, StorageFailed. Then nothing
    is stored.
    """
    if len(content) > settings.MAX_FILE:
        raise BodyTooLarge
    found = identify(content=content, name=name)
    if kind is not None and kind != found.kind:
        raise InvalidInput(field="type", issue=_("The file is of another type: %(type)s.") % {"type": found.kind})
    if len(description) > LONGEST_DESCRIPTION or "\0" in description:
        raise InvalidInput(field="description", issue=_("This is too long, or has characters that no text has."))
    topic = _own_topic(principal, topic_id, action="document.uploaded", origin=origin)
    sha256 = hashlib.sha256(content).digest()
    if (known := _known(principal, sha256)) is not None:
        return _upload_again(known, topic, description, principal=principal, origin=origin)
    _check_room(principal, len(content))  # before anything is written; again when nobody else can take the room
    file = storage.keep(content=content, extension=found.extension)
    try:
        with transaction.atomic():
            _one_upload_at_a_time(principal)
            known = _known(principal, sha256)
            if known is None:
                _check_room(principal, len(content))
                if topic is not None:
                    keep_topic(topic_id=topic.pk)
                document = _create(principal, name, found, content, sha256, file, description, topic)
                audit.record(action="document.uploaded", actor_id=principal.user_id, target=str(document.uuid), origin=origin)
                transaction.on_commit(lambda: send_for_ingest(document.pk))
    except BaseException:
        storage.discard(file)
        raise
    if known is not None:  # the same content came twice at once, and the other was faster
        storage.discard(file)
        return _upload_again(known, topic, description, principal=principal, origin=origin)
    return document


def delete_document(*, principal: Principal, document_id: UUID, origin: Origin) -> None:
    """Deletes the file, its text, chunks and vectors; whoever works on it stops. What answers have quoted from it stays there.

    Raises DocumentNotFound, NotAllowed (she may only read it).
    """
    _check_hers(principal, document_id, action="document.deleted", origin=origin)
    remove(document_id=document_id, actor_id=principal.user_id, origin=origin)


@transaction.atomic
def remove(*, document_id: UUID, actor_id: int, origin: Origin) -> None:
    """`delete_document` for whoever may: an operator in the admin site."""
    document = _locked(document_id)
    charging.release_left(fence=document.fence, chunks_done=document.chunks_done)
    document.delete()
    audit.record(action="document.deleted", actor_id=actor_id, target=str(document_id), origin=origin)


def retry_document(*, principal: Principal, document_id: UUID, origin: Origin) -> Document:
    """Takes up a document that had failed where it stopped. Raises DocumentNotFound, NotAllowed, Conflict (it has not failed)."""
    _check_hers(principal, document_id, action="document.retried", origin=origin)
    return try_again(document_id=document_id, actor_id=principal.user_id, origin=origin)


@transaction.atomic
def try_again(*, document_id: UUID, actor_id: int, origin: Origin) -> Document:
    """`retry_document` for whoever may: an operator in the admin site."""
    document = _locked(document_id)
    if document.status != Document.Status.FAILED:
        raise Conflict(_("Only a document that has failed can be tried again."))
    _wait_again(document)
    audit.record(action="document.retried", actor_id=actor_id, target=str(document_id), origin=origin)
    return document


@transaction.atomic
def read_again(*, document_id: UUID, actor_id: int, origin: Origin) -> Document:
    """Has a document that is ready read anew, for whoever may: after the platform has learnt to read more of it.

    It is found by what was read before until that is complete. Raises DocumentNotFound, Conflict (it is not ready).
    """
    document = _locked(document_id)
    if document.status != Document.Status.READY:
        raise Conflict(_("Only a document that is ready can be read again."))
    _wait_again(document)
    audit.record(action="document.reread", actor_id=actor_id, target=str(document_id), origin=origin)
    return document


def move_document(*, principal: Principal, document_id: UUID, topic_id: int | None, origin: Origin) -> Document:
    """Puts a document into a topic of hers; None takes it out of all. Raises DocumentNotFound, NotAllowed, TopicNotFound."""
    topic = _own_topic(principal, topic_id, action="document.moved", origin=origin)
    _check_hers(principal, document_id, action="document.moved", origin=origin)
    with transaction.atomic():
        document = _locked(document_id)
        _put_into(document, topic, principal=principal, origin=origin)
    return document


def _own_topic(principal: Principal, topic_id: int | None, *, action: str, origin: Origin) -> Topic | None:
    if topic_id is None:
        return None
    return topic_to_manage(principal=principal, topic_id=topic_id, action=action, origin=origin)


def _known(principal: Principal, sha256: bytes) -> Document | None:
    return Document.objects.filter(owner_id=principal.user_id, sha256=sha256).first()


def _create(
    principal: Principal,
    name: str,
    found: FileType,
    content: bytes,
    sha256: bytes,
    file: str,
    description: str,
    topic: Topic | None,
) -> Document:
    shown = clean_name(name)
    return Document.objects.create(
        owner_id=principal.user_id,
        topic=topic,
        original_name=shown,
        title=PurePath(shown).stem,
        kind=found.kind,
        extension=found.extension,
        media_type=found.media_type,
        size=len(content),
        sha256=sha256,
        file=file,
        description=description,
    )


def _upload_again(known: Document, topic: Topic | None, description: str, *, principal: Principal, origin: Origin) -> Document:
    with transaction.atomic():
        document = _locked(known.uuid)
        if topic is not None and document.topic_id != topic.pk:
            _put_into(document, topic, principal=principal, origin=origin)
        if description and document.description != description:
            document.description = description
            document.save(update_fields=["description"])
        if document.status == Document.Status.FAILED:
            _wait_again(document)
    return document


def _put_into(document: Document, topic: Topic | None, *, principal: Principal, origin: Origin) -> None:
    if topic is not None:
        keep_topic(topic_id=topic.pk)
    document.topic = topic
    document.save(update_fields=["topic"])
    details = {"topic": topic.pk if topic else None}
    audit.record(action="document.moved", actor_id=principal.user_id, target=str(document.uuid), origin=origin, details=details)


def _wait_again(document: Document) -> None:
    """What was read and embedded of it stays."""
    document.status = Document.Status.WAITING
    document.failure = document.failure_detail = ""
    document.attempts = 0
    document.fence = document.lease_until = None
    document.save(update_fields=["status", "failure", "failure_detail", "attempts", "fence", "lease_until"])
    Document.objects.filter(pk=document.pk).update(updated_at=Now())
    transaction.on_commit(lambda: send_for_ingest(document.pk))


def _check_hers(principal: Principal, document_id: UUID, *, action: str, origin: Origin) -> None:
    """Not inside a transaction: a refusal is recorded."""
    document = get_document(principal=principal, document_id=document_id)
    if document.owner_id != principal.user_id:
        audit.record(
            action="access.refused",
            actor_id=principal.user_id,
            target=str(document_id),
            outcome="refused",
            origin=origin,
            details={"wanted": action},
        )
        raise NotAllowed


def _locked(document_id: UUID) -> Document:
    """As it is now, and nobody who works on it stores anything until the transaction ends."""
    document = Document.objects.select_for_update().filter(uuid=document_id).first()
    if document is None:
        raise DocumentNotFound
    return document


def _one_upload_at_a_time(principal: Principal) -> None:
    """Of one person, until the transaction ends: so the same content is one document, and the room is counted rightly."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_LOCK_OF_UPLOADS, principal.user_id % 2**31])


def _check_room(principal: Principal, size: int) -> None:
    had = Document.objects.filter(owner_id=principal.user_id).aggregate(count=Count("id"), size=Sum("size"))
    if had["count"] >= settings.DOCUMENTS_PER_USER or (had["size"] or 0) + size > settings.DOCUMENTS_MB_PER_USER * 1_000_000:
        raise StorageUsedUp
