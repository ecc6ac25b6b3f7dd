"""Hot SQL, planned once for each connection.

Django sends every statement as one text with its values written in, so PostgreSQL parses and plans it anew each time; for the
ledger's statements that is four fifths of their cost. A statement on this cursor keeps its values apart, and psycopg
prepares it once it was run `prepare_threshold` times on its connection (`DATABASES` in the settings).

Integers travel in the smallest type that holds them, and each mix of types is a statement of its own: pass them as `Int8`.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper
from psycopg.types.numeric import Int8

__all__ = ["Int8", "prepared_cursor"]


def prepared_cursor() -> CursorWrapper:
    """Like `connection.cursor()`: Django's errors, broken-transaction check, query log; same parameter style (`%(name)s`)."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    cursor: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]  # as Django itself calls it
    return connection.make_debug_cursor(cursor) if connection.queries_logged else connection.make_cursor(cursor)
