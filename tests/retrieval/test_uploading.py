"""Uploading documents: what is stored, once, whole or not at all, and for whom."""

from __future__ import annotations

import errno
import resource
import stat
import threading
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.base import ContentFile
from django.db import connections
from django.utils import timezone

from chatplatform.core.errors import BodyTooLarge, Conflict, InvalidInput, NotAllowed
from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import NOWHERE
from chatplatform.core.pages import PageRequest
from retrieval import selectors, services, storage, topics
from retrieval.errors import (
    DocumentNotFound,
    EmptyFile,
    FileTypeMismatch,
    StorageFailed,
    StorageUsedUp,
    TopicNotFound,
    UnsupportedFile,
)
from retrieval.ingest import ingest
from retrieval.models import Chunk, Document, DocumentText, Embedding
from retrieval.storage import PrivateFolder
from tests.retrieval.files import make_pdf, make_png
from tests.retrieval.library import person, sentences, stored_files, upload

FIRST = PageRequest(1, 20)


def test_an_upload_is_stored_under_a_name_of_ours_that_only_we_can_read(alice, folder):
    document = upload(alice, "The brass widget.", name="../../etc/My notes.TXT")
    (file,) = stored_files(folder)
    assert file.read_bytes() == b"The brass widget."
    assert (document.original_name, document.title, document.extension) == ("My notes.TXT", "My notes", "txt")
    assert document.file.endswith(".txt")
    assert "notes" not in document.file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert (document.status, document.size, document.kind) == ("waiting", 17, "document")
    assert AuditEvent.objects.filter(action="document.uploaded", target=str(document.uuid)).count() == 1


def test_the_same_content_twice_is_one_document_and_two_people_have_one_each(alice, bob, folder):
    first = upload(alice, "The brass widget.", name="a.txt")
    assert upload(alice, "The brass widget.", name="b.md").pk == first.pk
    assert upload(bob, "The brass widget.", name="a.txt").pk != first.pk
    assert len(stored_files(folder)) == Document.objects.count() == 2


def test_the_same_content_ten_times_at_once_is_one_document(alice, folder):
    barrier = threading.Barrier(10)
    made: list[int] = []

    def send() -> None:
        try:
            barrier.wait(30)
            made.append(upload(alice, "The brass widget.").pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(made) == 10
    assert len(set(made)) == Document.objects.count() == len(stored_files(folder)) == 1


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("empty.txt", b"", EmptyFile),
        ("movie.mp4", b"\x00\x00\x00\x18ftypmp42", UnsupportedFile),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedFile),
        ("picture.png", make_pdf(["a page"]), FileTypeMismatch),
        ("large.txt", b"a" * (10 * 1024 * 1024 + 1), BodyTooLarge),
    ],
)
def test_what_is_refused_leaves_nothing(alice, folder, name, content, error):
    with pytest.raises(error):
        upload(alice, name=name, content=content)
    assert not Document.objects.exists()
    assert not stored_files(folder)


def test_the_type_that_was_announced_must_be_the_file_s(alice, folder):
    with pytest.raises(InvalidInput) as refused:
        upload(alice, name="a.png", content=make_png(), kind="document")
    assert refused.value.field == "type"
    assert upload(alice, name="a.png", content=make_png(), kind="image").kind == "image"


def test_a_full_disk_is_said_and_leaves_no_row_and_no_piece_of_the_file(alice, folder):
    """The kernel refuses to write on, as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(StorageFailed):
            upload(alice, "x" * 2_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not Document.objects.exists()
    assert not stored_files(folder)
    assert upload(alice, "x" * 2_000_000).status == "waiting"


def test_a_storage_that_stops_in_the_middle_leaves_no_piece_of_the_file(folder):
    class Stopping(ContentFile):
        def chunks(self, chunk_size=None):
            yield b"the first half"
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        PrivateFolder(folder).save("ab/cd.txt", Stopping(b"whole"))
    assert not stored_files(folder)


def test_whoever_has_enough_must_make_room_first(alice, bob, folder, settings):
    settings.DOCUMENTS_PER_USER = 2
    first, _second = upload(alice, "one"), upload(alice, "two")
    with pytest.raises(StorageUsedUp):
        upload(alice, "three")
    assert upload(alice, "one").pk == first.pk
    upload(bob, "three")
    services.delete_document(principal=alice, document_id=first.uuid, origin=NOWHERE)
    upload(alice, "three")
    settings.DOCUMENTS_PER_USER, settings.DOCUMENTS_MB_PER_USER = 100, 1
    with pytest.raises(StorageUsedUp):
        upload(alice, "x" * 1_000_000)
    assert len(stored_files(folder)) == 3


def test_ten_uploads_at_once_do_not_get_past_the_last_free_place(alice, folder, settings):
    settings.DOCUMENTS_PER_USER = 1
    barrier, refused = threading.Barrier(10), []

    def send(number: int) -> None:
        try:
            barrier.wait(30)
            upload(alice, f"text {number}")
        except StorageUsedUp:
            refused.append(number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=[number]) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(refused) == 9
    assert Document.objects.count() == len(stored_files(folder)) == 1


def test_a_stranger_s_document_does_not_exist(alice, bob, folder):
    document = upload(alice, "The brass widget.")
    for act in (selectors.get_document, _delete, _retry):
        with pytest.raises(DocumentNotFound):
            act(principal=bob, document_id=document.uuid)
        with pytest.raises(DocumentNotFound):
            act(principal=bob, document_id=uuid4())
    assert selectors.documents_of(principal=bob, page=FIRST).total == 0
    assert selectors.documents_of(principal=alice, page=FIRST).items == [document]


def test_deleting_takes_file_text_chunks_and_vectors_and_tells_who_did_it(alice, folder):
    document = upload(alice, sentences(3))
    assert ingest(document_id=document.pk)
    assert Chunk.objects.exists()
    assert Embedding.objects.exists()
    _delete(principal=alice, document_id=document.uuid)
    for rows in (Document, DocumentText, Chunk, Embedding):
        assert not rows.objects.exists()
    assert not stored_files(folder)
    assert AuditEvent.objects.filter(action="document.deleted", actor_id=alice.user_id, target=str(document.uuid)).exists()
    with pytest.raises(DocumentNotFound):
        _delete(principal=alice, document_id=document.uuid)


def test_who_may_only_read_a_document_cannot_change_it(alice, bob, admin, folder):
    topic = topics.create_topic(principal=alice, name="Manuals", origin=NOWHERE)
    document = upload(alice, "The brass widget.", topic_id=topic.pk)
    topics.share_topic(principal=admin, topic_id=topic.pk, for_everyone=False, user_ids=[bob.user_id], origin=NOWHERE)
    assert selectors.get_document(principal=bob, document_id=document.uuid) == document
    assert selectors.documents_of(principal=bob, page=FIRST, topic_id=topic.pk).items == [document]
    for act in (_delete, _retry):
        with pytest.raises(NotAllowed):
            act(principal=bob, document_id=document.uuid)
    with pytest.raises(NotAllowed):
        upload(bob, "Another.", topic_id=topic.pk)
    assert AuditEvent.objects.filter(action="access.refused", actor_id=bob.user_id).count() == 3


def test_a_document_goes_into_topics_of_its_owner_only(alice, bob, folder):
    hers = topics.create_topic(principal=alice, name="Manuals", origin=NOWHERE)
    with pytest.raises(TopicNotFound):
        upload(bob, "The brass widget.", topic_id=hers.pk)
    assert not stored_files(folder)
    document = upload(alice, "The brass widget.")
    assert document.topic_id is None
    again = upload(alice, "The brass widget.", topic_id=hers.pk, description="of brass")
    assert (again.pk, again.topic_id, again.description) == (document.pk, hers.pk, "of brass")
    moved = services.move_document(principal=alice, document_id=document.uuid, topic_id=None, origin=NOWHERE)
    assert moved.topic_id is None


def test_only_what_has_failed_is_tried_again(alice, folder):
    document = upload(alice, sentences(1))
    with pytest.raises(Conflict):
        _retry(principal=alice, document_id=document.uuid)
    Document.objects.filter(pk=document.pk).update(status="failed", failure="embedding_failed", attempts=5)
    assert _retry(principal=alice, document_id=document.uuid).status == "waiting"
    assert ingest(document_id=document.pk)
    assert Document.objects.get().status == "ready"
    Document.objects.filter(pk=document.pk).update(status="failed", failure="embedding_failed")
    assert upload(alice, sentences(1)).status == "waiting"  # whoever uploads it again means the same


def test_files_that_no_document_has_are_deleted_after_a_day(alice, folder):
    upload(alice, "The brass widget.")
    left = storage.keep(content=b"left by a process that died", extension="txt")
    assert storage.tidy() == 0
    assert storage.tidy(now=timezone.now() + timedelta(hours=25)) == 1
    assert len(stored_files(folder)) == 1
    assert not (folder / left).exists()


def test_everyone_sees_her_own_documents_only(alice, folder):
    for name in ("carol", "dave"):
        upload(person(name), f"of {name}")
    upload(alice, "of alice")
    assert [row.owner_id for row in selectors.readable_documents(alice)] == [alice.user_id]


def _delete(*, principal, document_id):
    services.delete_document(principal=principal, document_id=document_id, origin=NOWHERE)


def _retry(*, principal, document_id):
    return services.retry_document(principal=principal, document_id=document_id, origin=NOWHERE)
