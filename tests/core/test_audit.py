"""What happened is written, and stays written."""

import pytest
from django.db import DatabaseError, connection, transaction

from chatplatform.core import audit
from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import Origin

pytestmark = pytest.mark.django_db


def test_an_event_says_who_did_what_to_what_and_from_where() -> None:
    origin = Origin(address="192.0.2.1", user_agent="curl/8", request_id="req_1")
    audit.record(action="api_key.created", actor_id=7, target="key 1", origin=origin, details={"name": "laptop"})
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id, event.target, event.outcome) == ("api_key.created", 7, "key 1", "ok")
    assert (event.address, event.user_agent, event.request_id) == ("192.0.2.1", "curl/8", "req_1")
    assert event.details == {"name": "laptop"}
    assert event.at is not None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditevent SET outcome = 'ok'",
        "UPDATE core_auditevent SET outcome = 'ok' WHERE false",
        "DELETE FROM core_auditevent",
        "DELETE FROM core_auditevent WHERE id = 1",
    ],
)
def test_the_database_refuses_to_change_or_delete_it(statement: str) -> None:
    audit.record(action="session.started", outcome="failed")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert AuditEvent.objects.get().outcome == "failed"


def test_the_database_refuses_to_empty_the_table() -> None:
    audit.record(action="session.started")
    with connection.cursor() as cursor:  # the test database allows it, for the sake of its own cleaning up
        cursor.execute("ALTER TABLE core_auditevent ENABLE TRIGGER core_auditevent_no_truncate")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE core_auditevent")
    assert AuditEvent.objects.count() == 1


def test_django_cannot_change_or_delete_it_either() -> None:
    audit.record(action="session.started")
    event = AuditEvent.objects.get()
    for change in (event.save, event.delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


def test_text_that_cannot_be_stored_does_not_stop_the_record() -> None:
    odd = "a\x00b\ud800c" + "x" * 5000
    audit.record(
        action="access.refused",
        target=odd,
        origin=Origin(address=odd, user_agent=odd, request_id=odd),
        details={odd: [odd, {"nested": odd}], "count": 3},
    )
    event = AuditEvent.objects.get()
    assert event.target.startswith("a\\x00b\\ud800c")
    assert event.details["count"] == 3


def test_an_event_is_part_of_the_callers_transaction() -> None:
    with transaction.atomic():
        audit.record(action="session.started")
        transaction.set_rollback(True)
    assert not AuditEvent.objects.exists()
