"""System checks of the quotas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import DataError, connections, transaction


@register(Tags.database)
def database_knows_the_zone(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Periods are computed in SQL, so the database must know the instance's zone as Python does."""
    if "default" not in (databases or ()):
        return []
    try:
        with transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute("SELECT now() AT TIME ZONE %s", [settings.TIME_ZONE])
    except DataError:
        return [
            Error(
                f"PostgreSQL does not know the time zone {settings.TIME_ZONE!r}.",
                hint="Set TIME_ZONE to a name that is listed in pg_timezone_names, such as Asia/Shanghai or UTC.",
                id="quotas.E001",
            )
        ]
    return []
