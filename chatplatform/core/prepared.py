"""Hot SQL, planned once for each connection.

Django sends every statement as one text with its values written in, so PostgreSQL parses and plans it anew each time; for the
ledger's statements that is four fifths of their cost. A statement on this cursor keeps its values apart, and psycopg
prepares it once it was run `prepare_threshold` times on its connection (`DATABASES` in the settings).

Integers travel in the smallest type that holds them, and each mix of types is a statement of its own: pass them as `Int8`.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper
from psycopg.pq import Format
from psycopg.types.numeric import Int8

__all__ = ["Int8", "fetch_all", "prepared_cursor"]


def prepared_cursor() -> CursorWrapper:
    """Like `connection.cursor()`: Django's errors, broken-transaction check, query log; same parameter style (`%(name)s`)."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    cursor: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]  # as Django itself calls it
    return connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)


_kept = threading.local()


def fetch_all(sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of one prepared statement, for reads: the checks and errors are Django's, too.

    The rows travel in PostgreSQL's binary format, so that UUIDs and times need no parsing. The cursor is kept with its
    connection: making one, and Django's wrapper around it, costs as much as a small read.
    """
    database = connections[DEFAULT_DB_ALIAS]
    database.close_if_health_check_failed()
    database.ensure_connection()
    if database.queries_logged:
        with prepared_cursor() as logged:
            logged.cursor.format = Format.BINARY
            logged.execute(sql, values)
            return logged.fetchall()
    database.validate_no_broken_transaction()
    cursor: Any = getattr(_kept, "cursor", None)
    if cursor is None or cursor.connection is not database.connection:
        cursor = _kept.cursor = ServerBindingCursor(database.connection)  # type: ignore[call-arg]  # as in `prepared_cursor`
        cursor.format = Format.BINARY
        if database.connection.prepare_threshold is not None:
            # PostgreSQL takes a LIMIT that it does not know for a tenth of all rows, so the general plan looks dear to it, and it
            # would plan a list anew each time, at more than what the list itself costs.
            cursor.execute("SET plan_cache_mode = force_generic_plan")
    with database.wrap_database_errors:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
