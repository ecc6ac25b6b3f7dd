"""From an upload to a document that can be searched: in batches, resumed where it stopped, by one worker at a time."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.db.models.functions import Now

from chatplatform.core.errors import Conflict
from chatplatform.core.origin import NOWHERE
from providers.models import Kind, Provider
from quotas.models import Reservation, ReservationState, Tier, Usage
from quotas.seed import seed_tiers_after_migrate
from quotas.selectors import check_books
from retrieval import charging, services, tasks
from retrieval.ingest import due_documents, ingest
from retrieval.models import Chunk, Document, DocumentText, Embedding, EmbeddingModel
from tests.retrieval.files import make_pdf, make_png
from tests.retrieval.library import chunks_of, person, sentences, stored_files, upload, vectors_of
from tests.vendors.embeddings import Endpoint

SEVENTY = sentences(70)
"""Three batches: 32, 32 and what is left."""


class Server:
    """An endpoint that counts, waits and fails as it is told."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.batches: list[list[str]] = []
        """The texts of each request that was answered well."""
        self.fail_from: int | None = None
        """The number of the batch, from 1, that is the first to be refused."""
        self.tokens_a_text = 10
        self.gate: threading.Event | None = None
        """What an answer waits for."""
        self.asked = threading.Event()
        endpoint.answer = self.answer

    def answer(self, number: int, texts: list[str]) -> tuple[int, Any]:
        self.asked.set()
        if self.gate is not None:
            self.gate.wait(30)
        if self.fail_from is not None and len(self.batches) + 1 >= self.fail_from:
            return 400, {"error": {"message": "no", "type": "invalid_request_error"}}
        self.batches.append(texts)
        status, body = self.endpoint.well(number, texts)
        return status, body | {"usage": {"total_tokens": self.tokens_a_text * len(texts)}}


@pytest.fixture
def server(endpoint):
    return Server(endpoint)


def use(server: Server) -> EmbeddingModel:
    """The endpoint's model is the one in use from now on."""
    provider = Provider.objects.create(name="vectors", kind=Kind.CUSTOM, base_url=server.endpoint.url, default_model="any")
    EmbeddingModel.objects.filter(state=EmbeddingModel.State.ACTIVE).update(state=EmbeddingModel.State.RETIRED)
    return EmbeddingModel.objects.create(
        name="characters",
        kind=EmbeddingModel.Kind.OPENAI,
        model="characters-1",
        provider=provider,
        dimensions=server.endpoint.dimensions,
        state=EmbeddingModel.State.ACTIVE,
    )


@pytest.fixture(autouse=True)
def tiers(library):
    seed_tiers_after_migrate()


def in_thread(call) -> threading.Thread:
    def run() -> None:
        try:
            call()
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_text_becomes_chunks_that_are_places_in_it_each_with_a_vector(alice):
    document = upload(alice, sentences(5))
    assert ingest(document_id=document.pk)
    document.refresh_from_db()
    text = DocumentText.objects.get().text
    chunks = list(Chunk.objects.order_by("ordinal"))
    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
    assert document.status == "ready"
    assert document.ready_at is not None
    assert document.chunk_count == document.chunks_done == len(chunks) == vectors_of(document) > 4
    assert (document.fence, document.lease_until, document.attempts) == (None, None, 0)
    assert not ingest(document_id=document.pk)


def test_a_pdf_brings_its_title_author_date_and_pages(alice):
    written = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    chinese = "".join(f"第{number}号黄铜零件的说明。" for number in range(60))
    content = make_pdf([sentences(1), chinese], title="Widgets", author="Carol", written_at=written)
    document = upload(alice, name="w.pdf", content=content)
    assert ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.title, document.author, document.page_count) == ("Widgets", "Carol", 2)
    assert document.written_at == written
    assert {(chunk.page, chunk.language) for chunk in Chunk.objects.all()} == {(1, "en"), (2, "zh")}


@pytest.mark.parametrize(
    ("name", "content", "failure"),
    [
        ("a.pdf", b"%PDF-1.7\nnothing that anybody could read\n%%EOF", "broken"),
        ("a.pdf", make_pdf([""]), "no_text"),
        ("a.txt", b"   \n\t  \n", "no_text"),
    ],
)
def test_a_file_that_cannot_be_read_has_failed_with_a_reason(alice, name, content, failure):
    document = upload(alice, name=name, content=content)
    assert ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.status, document.failure) == ("failed", failure)
    assert (document.fence, document.lease_until) == (None, None)
    assert not Chunk.objects.exists()
    assert not due_documents(most=10)


def test_a_picture_without_text_is_kept_and_says_that_it_cannot_be_found(alice):
    document = upload(alice, name="a.png", content=make_png())
    assert ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.status, document.failure, document.chunk_count) == ("ready", "no_text_in_picture", 0)


def test_a_file_that_the_storage_has_lost(alice, folder):
    document = upload(alice, sentences(1))
    stored_files(folder)[0].unlink()
    assert ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.status, document.failure) == ("failed", "storage_lost")


def test_an_endpoint_that_fails_at_the_third_batch_is_asked_for_the_third_only_when_it_is_tried_again(alice, server):
    use(server)
    server.fail_from = 3
    document = upload(alice, SEVENTY)
    ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.status, document.failure) == ("failed", "embedding_failed")
    assert document.chunks_done == vectors_of(document) == 64
    assert check_books() == []
    assert not Reservation.objects.filter(state=ReservationState.OPEN).exists()

    server.fail_from = None
    kept = set(Embedding.objects.values_list("pk", flat=True))
    services.retry_document(principal=alice, document_id=document.uuid, origin=NOWHERE)
    ingest(document_id=document.pk)
    document.refresh_from_db()
    assert document.status == "ready"
    assert document.chunks_done == document.chunk_count == vectors_of(document)
    assert kept < set(Embedding.objects.values_list("pk", flat=True))
    asked = [text for batch in server.batches for text in batch]
    assert asked == [chunk.text for chunk in Chunk.objects.order_by("ordinal")]
    assert sum(Usage.objects.values_list("charged_tokens", flat=True)) == 10 * len(asked)
    assert check_books() == []


def test_a_message_that_comes_twice_at_once_is_worked_on_once(alice, server):
    use(server)
    server.gate = threading.Event()
    document = upload(alice, SEVENTY)
    done: list[bool] = []
    first = in_thread(lambda: done.append(ingest(document_id=document.pk)))
    assert server.asked.wait(30)
    assert not ingest(document_id=document.pk)
    server.gate.set()
    first.join(60)
    assert done == [True]
    assert len(server.batches) == 3
    assert vectors_of(document) == Document.objects.get().chunk_count


def test_ten_messages_at_once_leave_what_one_leaves(alice):
    once, ten_times = upload(alice, sentences(40, "brass")), upload(alice, sentences(40, "steel"))
    ingest(document_id=once.pk)
    barrier, done = threading.Barrier(10), []

    def work() -> None:
        barrier.wait(30)
        done.append(ingest(document_id=ten_times.pk))

    for thread in [in_thread(work) for _ in range(10)]:
        thread.join(120)
    assert sorted(done) == [False] * 9 + [True]
    same = [tuple(str(part).replace("steel", "brass") for part in row) for row in chunks_of(ten_times)]
    assert same == [tuple(str(part) for part in row) for row in chunks_of(once)]
    assert vectors_of(ten_times) == vectors_of(once)


def test_whoever_comes_back_after_its_lease_ran_out_stores_nothing_more(alice, server):
    use(server)
    server.gate = threading.Event()
    document = upload(alice, SEVENTY)
    slow = in_thread(lambda: ingest(document_id=document.pk))
    assert server.asked.wait(30)
    Document.objects.update(lease_until=Now())
    assert due_documents(most=10) == [document.pk]
    held, server.gate = server.gate, None
    assert ingest(document_id=document.pk)
    ready = Document.objects.get()
    before = set(Embedding.objects.values_list("pk", flat=True))
    held.set()
    slow.join(60)
    document.refresh_from_db()
    assert (document.status, document.ready_at) == ("ready", ready.ready_at)
    assert set(Embedding.objects.values_list("pk", flat=True)) == before
    assert len(before) == document.chunk_count == document.chunks_done
    assert check_books() == []
    assert not Reservation.objects.filter(state=ReservationState.OPEN).exists()


def test_what_is_deleted_while_it_is_embedded_is_gone(alice, server):
    use(server)
    server.gate = threading.Event()
    document = upload(alice, SEVENTY)
    working = in_thread(lambda: ingest(document_id=document.pk))
    assert server.asked.wait(30)
    services.delete_document(principal=alice, document_id=document.uuid, origin=NOWHERE)
    server.gate.set()
    working.join(60)
    for rows in (Document, DocumentText, Chunk, Embedding):
        assert not rows.objects.exists()
    assert check_books() == []
    assert not Reservation.objects.filter(state=ReservationState.OPEN).exists()


def test_what_a_dead_worker_had_reserved_is_given_back_by_the_next(alice, server):
    """It died between asking and storing: nobody was charged for the vectors that nobody has."""
    model = use(server)
    document = upload(alice, sentences(5))
    Document.objects.update(fence=uuid4(), lease_until=Now(), attempts=1)
    document.refresh_from_db()
    charging.reserve_batch(document=document, model=model, texts=["a text"])
    assert Reservation.objects.filter(state=ReservationState.OPEN).count() == 1
    ingest(document_id=document.pk)
    assert not Reservation.objects.filter(state=ReservationState.OPEN).exists()
    assert check_books() == []


def test_the_packaged_model_costs_nobody_anything_and_is_counted_once(alice):
    document = upload(alice, sentences(5))
    ingest(document_id=document.pk)
    (usage,) = Usage.objects.all()
    assert (usage.kind, usage.user_id, usage.source) == ("embedding", alice.user_id, "estimated")
    assert (usage.charged_tokens, usage.charged_requests, usage.cost_micros, usage.input_price) == (0, 0, 0, 0)
    assert usage.prompt_tokens > 500
    assert check_books() == []


def test_an_endpoint_s_tokens_come_out_of_the_owner_s_allowance(library, server):
    use(server)
    server.tokens_a_text = 200
    Tier.objects.create(slug="small", name="small", daily_tokens=12_000, monthly_tokens=100_000)
    alice = person("alice", tier="small")
    document = upload(alice, SEVENTY)
    ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.status, document.failure) == ("failed", "quota_used_up")
    assert 0 < document.chunks_done < document.chunk_count
    Tier.objects.filter(slug="small").update(daily_tokens=None)
    services.retry_document(principal=alice, document_id=document.uuid, origin=NOWHERE)
    ingest(document_id=document.pk)
    document.refresh_from_db()
    assert document.status == "ready"
    assert {usage.kind for usage in Usage.objects.all()} == {"embedding"}
    assert sum(Usage.objects.values_list("charged_requests", flat=True)) == 0
    assert check_books() == []


def test_a_model_that_is_put_into_use_meanwhile_has_all_vectors_when_the_document_is_ready(alice, server, library):
    document = upload(alice, sentences(5))
    server.gate = threading.Event()
    use(server)
    working = in_thread(lambda: ingest(document_id=document.pk))
    assert server.asked.wait(30)
    EmbeddingModel.objects.filter(name="characters").update(state="retired")
    EmbeddingModel.objects.filter(pk=library.pk).update(state="active")
    server.gate.set()
    working.join(60)
    document.refresh_from_db()
    assert document.status == "ready"
    assert Embedding.objects.filter(model=library).count() == document.chunk_count


def test_a_document_that_nobody_gets_forward_fails_in_the_end(alice, settings):
    document = upload(alice, sentences(1))
    Document.objects.update(status="extracting", attempts=settings.INGEST_ATTEMPTS, fence=uuid4(), lease_until=Now())
    assert due_documents(most=10) == [document.pk]
    assert not ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.status, document.failure) == ("failed", "gave_up")
    assert not due_documents(most=10)


def test_the_sweeper_finds_what_waits_and_what_a_worker_left_but_not_what_is_in_somebody_s_hands(alice):
    new, lost, left, held, ready = (upload(alice, f"text {number}") for number in range(5))
    hour = "now() - interval '1 hour'"
    for document, change in (
        (lost, f"updated_at = {hour}"),
        (left, f"status = 'embedding', lease_until = {hour}, updated_at = {hour}"),
        (held, f"status = 'embedding', lease_until = now() + interval '1 minute', updated_at = {hour}"),
        (ready, f"status = 'ready', updated_at = {hour}"),
    ):
        with connections["default"].cursor() as cursor:
            cursor.execute(f"UPDATE retrieval_document SET {change} WHERE id = %s", [document.pk])
    assert set(due_documents(most=10)) == {lost.pk, left.pk}
    assert len(due_documents(most=1)) == 1
    assert new.pk not in due_documents(most=10)


def test_the_sweeper_does_not_fill_a_queue_that_nobody_empties(alice):
    from chatplatform.celery import app

    with app.connection_for_write() as connection:
        connection.default_channel.queue_purge("documents")
        for number in range(tasks.MOST_WAITING + 10):
            upload(alice, f"text {number}")
        connection.default_channel.queue_purge("documents")
        Document.objects.update(updated_at=datetime(2024, 1, 1, tzinfo=UTC))
        assert tasks.sweep_documents() == tasks.MOST_WAITING
        assert tasks.sweep_documents() == 0
        assert connection.default_channel.queue_purge("documents") == tasks.MOST_WAITING


def test_an_upload_goes_to_the_queue_of_documents_and_survives_a_broker_that_is_away(alice):
    from chatplatform.celery import app

    with app.connection_for_write() as connection:
        connection.default_channel.queue_purge("documents")
        document = upload(alice, "one")
        assert connection.default_channel.queue_purge("documents") == 1
    url = app.conf.broker_url
    app.conf.broker_url = app.conf.broker_write_url = "redis+socket:///nowhere/valkey.sock?virtual_host=0"
    app.pool.force_close_all()
    app.amqp._producer_pool = None
    try:
        away = upload(alice, "two")
    finally:
        app.conf.broker_url = app.conf.broker_write_url = url
        app.amqp._producer_pool = None
    assert set(Document.objects.values_list("pk", flat=True)) == {document.pk, away.pk}


def test_a_document_that_is_read_anew_is_found_by_its_old_chunks_until_the_new_ones_are_complete(alice, server, folder):
    document = upload(alice, sentences(5))
    ingest(document_id=document.pk)
    old = chunks_of(document)
    use(server)
    stored_files(folder)[0].write_text(sentences(40, "steel"))
    services.read_again(document_id=document.uuid, actor_id=alice.user_id, origin=NOWHERE)
    server.fail_from = len(server.batches) + 2
    ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.status, document.failure, document.version) == ("failed", "embedding_failed", 1)
    assert document.ready_at is not None, "it is still found"
    assert [row for row in chunks_of(document) if row[0] == 1] == old

    server.fail_from = None
    services.retry_document(principal=alice, document_id=document.uuid, origin=NOWHERE)
    ingest(document_id=document.pk)
    document.refresh_from_db()
    assert (document.status, document.version) == ("ready", 2)
    new = chunks_of(document)
    assert {row[0] for row in new} == {2}
    assert document.chunk_count == document.chunks_done == len(new) == 40
    text = DocumentText.objects.get().text
    assert all(text[row[2] : row[3]] == row[6] for row in new)
    with pytest.raises(Conflict):
        services.try_again(document_id=document.uuid, actor_id=alice.user_id, origin=NOWHERE)
