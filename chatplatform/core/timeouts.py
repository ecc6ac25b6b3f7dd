"""How long a statement may take, and wait for a lock, in a process that answers requests.

Its threads are few: one lock that somebody forgot to give back must not keep them all. Who waited too long gets an
OperationalError, which clients read as "the database is temporarily unavailable", and nothing of the transaction is stored.
Commands are not bounded: a migration may take its time.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

_BOUND = "SELECT set_config('lock_timeout', %s, false), set_config('statement_timeout', %s, false)"


def bound_statements() -> None:
    """From now on, for every new connection of this process."""
    connection_created.connect(_bound, dispatch_uid="bound_statements")


def _bound(connection: BaseDatabaseWrapper, **_more: Any) -> None:
    # Asked for on the connection and not in its address: poolers refuse options there.
    seconds = settings.DATABASE_LOCK_TIMEOUT, settings.DATABASE_STATEMENT_TIMEOUT
    with connection.cursor() as cursor:
        cursor.execute(_BOUND, [str(round(one * 1000)) for one in seconds])
