"""Statements that go out together are one transaction like any other."""

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from chatplatform.core.pipeline import ask, pipelined
from quotas.models import Tier

INSERT = "INSERT INTO quotas_tier (slug, name, updated_at) VALUES (%(slug)s, 'x', now())"
COUNT = "SELECT count(*) FROM quotas_tier WHERE slug LIKE 'piped%%'"


def stored() -> list[str]:
    return list(Tier.objects.filter(slug__startswith="piped").order_by("slug").values_list("slug", flat=True))


class Refused(Exception):
    pass


def insert(*slugs: str, and_wait: bool = False, and_refuse: bool = False) -> None:
    with pipelined():
        for slug in slugs:
            ask(INSERT, {"slug": slug})
        if and_wait:
            ask(COUNT, {}).row()
        if and_refuse:
            raise Refused


@pytest.mark.django_db(transaction=True)
class TestOnItsOwn:
    def test_what_is_asked_is_answered_in_order_and_stored_at_the_end(self) -> None:
        with pipelined():
            before = ask(COUNT, {})
            ask(INSERT, {"slug": "piped-1"})
            between = ask(COUNT, {})
            ask(INSERT, {"slug": "piped-2"})
            assert (before.row(), between.row()) == ((0,), (1,))
        assert stored() == ["piped-1", "piped-2"]
        assert not connection.in_atomic_block
        assert connection.get_autocommit()

    def test_an_exception_takes_everything_back_also_what_was_not_waited_for(self) -> None:
        with pytest.raises(Refused):
            insert("piped-1", and_refuse=True)
        assert stored() == []

    def test_a_statement_that_fails_is_raised_where_something_is_waited_for(self) -> None:
        with pytest.raises(IntegrityError):
            insert("piped-1", "piped-1", and_wait=True, and_refuse=True)
        assert stored() == []

    def test_and_at_the_end_when_nothing_is(self) -> None:
        with pytest.raises(IntegrityError):
            insert("piped-1", "piped-1")
        assert stored() == []
        insert("piped-2")
        assert stored() == ["piped-2"]

    def test_what_waits_for_the_end_runs_once_it_is_stored(self) -> None:
        seen: list[list[str]] = []
        with pipelined():
            ask(INSERT, {"slug": "piped-1"})
            transaction.on_commit(lambda: seen.append(stored()))
            assert seen == []
        assert seen == [["piped-1"]]

    def test_one_within_another_is_a_part_of_it(self) -> None:
        with pipelined():
            insert("piped-1")
            with pytest.raises(Refused):
                insert("piped-2", and_refuse=True)
            insert("piped-3")
        assert stored() == ["piped-1", "piped-3"]
        with pipelined():
            insert("piped-4")
            transaction.set_rollback(True)
        assert stored() == ["piped-1", "piped-3"]

    def test_the_orm_may_be_used_in_between(self) -> None:
        with pipelined():
            ask(INSERT, {"slug": "piped-1"})
            Tier.objects.create(slug="piped-2", name="x")
            assert stored() == ["piped-1", "piped-2"]
        assert stored() == ["piped-1", "piped-2"]

    def test_a_connection_that_died_is_an_error_and_the_next_one_works(self) -> None:
        with pytest.raises(OperationalError), pipelined():
            ask("SELECT pg_terminate_backend(pg_backend_pid())", {}).row()
        connection.close_if_unusable_or_obsolete()
        insert("piped-1")
        assert stored() == ["piped-1"]


@pytest.mark.django_db
def test_within_a_transaction_of_somebody_else_it_is_a_part_of_that() -> None:
    insert("piped-1")
    assert stored() == ["piped-1"]
    with pytest.raises(Refused):
        insert("piped-2", and_refuse=True)
    assert stored() == ["piped-1"]
