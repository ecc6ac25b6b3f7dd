"""`manage.py prepare`: what the database must hold before anyone is served. Safe at every start, and by several at once."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from accounts.guests import make_guest_account
from accounts.models import User
from chatplatform.core import audit
from providers import seed as providers_seed
from providers.errors import BadProvidersFile
from providers.reloading import apply_file

LOCK = 0x63686174  # any number, the same for all who prepare


class Command(BaseCommand):
    help = "Migrates the database, seeds providers, and makes the first operator. Its last line is JSON."
    requires_system_checks = "__all__"  # wrong settings stop the start here, before anything is served

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            self._migrate()
            providers_seed.seed()
            warnings = self._read_providers_file()
            if settings.GUEST_ACCESS != "off":
                make_guest_account()
            operator = make_first_operator()
        finally:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        self.stdout.write(json.dumps({"operator": operator} | ({"warnings": warnings} if warnings else {})))

    def _read_providers_file(self) -> list[str]:
        """What is wrong in it: that stops no start, and what was there before goes on."""
        path = Path(settings.PROVIDERS_FILE)
        try:
            for line in apply_file(path).changes if path.is_file() else ():
                self.stdout.write(line)
        except BadProvidersFile as error:
            return [f"{path.name}: {problem}" for problem in (*error.problems, error.message)]
        return []

    def _migrate(self) -> None:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", interactive=False, verbosity=1, stdout=self.stderr)


def make_first_operator() -> dict[str, str] | None:
    """An account that may do everything, made when there is none. Its password is shown once and stored nowhere."""
    if User.objects.filter(role=User.Role.ADMIN).exists():
        return None
    username = "operator" if not User.objects.filter(username="operator").exists() else f"operator-{secrets.token_hex(3)}"
    password = secrets.token_urlsafe(12)
    user = User.objects.create_superuser(username, f"{username}@localhost.localdomain", password)
    audit.record(action="user.created", target=f"user:{user.uuid}", details={"role": user.role, "by": "prepare"})
    return {"username": username, "password": password}
