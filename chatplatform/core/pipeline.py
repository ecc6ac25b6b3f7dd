"""A transaction of several statements in as few round trips as it has questions.

    with pipelined():
        room = ask(_LOCK, {...})
        history = ask(_HISTORY, {...})      # nothing is waited for yet
        if not room.rows():                 # BEGIN and both statements have gone out together, and come back
            raise ConversationNotFound
        ask(_INSERT, {...})                 # goes out with COMMIT

PostgreSQL runs the statements one after the other, exactly as if each had been waited for: each sees what others committed
before it. The first that fails is raised by whatever is waited for next, at the latest by the end of the block, and ends it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format

from chatplatform.core.prepared import prepared_cursor


class Answer:
    """Of one statement, once it is there."""

    __slots__ = ("_cursor",)

    def __init__(self, cursor: CursorWrapper) -> None:
        self._cursor = cursor

    def rows(self) -> list[tuple[Any, ...]]:
        """All of them, once. Waits for this statement and for those before it."""
        return self._cursor.fetchall()

    def row(self) -> tuple[Any, ...] | None:
        """The next one."""
        return self._cursor.fetchone()


def ask(sql: str, values: Mapping[str, Any]) -> Answer:
    """Sends a prepared statement (see `prepared.py`), within `pipelined()` without waiting. Rows travel in binary format."""
    cursor = prepared_cursor()
    cursor.cursor.format = Format.BINARY
    cursor.execute(sql, values)
    return Answer(cursor)


@contextmanager
def pipelined() -> Iterator[None]:
    """Like `transaction.atomic()`, also within another one; but what is asked in it does not wait for what was asked before."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        driver = connection.connection
        if is_outermost:
            # Else psycopg would begin the transaction by itself, and wait for that. Django takes part in it all the same: it
            # rolls back what was left open by an exception, and finds nothing left to be committed otherwise.
            driver.autocommit = True
        with connection.wrap_database_errors, driver.pipeline():
            if is_outermost:
                driver.execute("BEGIN", prepare=True)
            yield
            if is_outermost and not connection.needs_rollback:
                driver.execute("COMMIT", prepare=True)
