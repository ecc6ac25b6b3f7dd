"""`manage.py create_api_key USERNAME --name NAME`: the key alone goes to standard output, so that a script can take it."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts import services
from accounts.models import User
from chatplatform.core.errors import Conflict, InvalidInput, NotSignedIn
from chatplatform.core.origin import Origin

LONGEST_DAYS = 3650


class Command(BaseCommand):
    help = (
        "Makes an API key for an account and prints it. It is shown this once only. "
        "Exit code: 0 done, 1 refused (unknown or suspended account, bad value), 2 wrong usage."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username", metavar="USERNAME", help="Whose key it is: a username or an email address.")
        parser.add_argument("--name", required=True, help="What the key is for, 1 to 100 characters.")
        parser.add_argument("--expires-days", type=int, metavar="D", help="The key ends after D days. Default: it does not end.")

    def handle(self, *args: Any, **options: Any) -> None:
        days: int | None = options["expires_days"]
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"--expires-days must be 1 to {LONGEST_DAYS}.")
        user = User.objects.called(options["username"])
        if user is None or not user.is_active:
            raise CommandError(f"There is no active account {options['username']!r}.")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        try:
            created = services.issue_api_key(
                user_id=user.id, name=options["name"], expires_at=expires_at, origin=Origin(user_agent="manage.py create_api_key")
            )
        except (Conflict, InvalidInput, NotSignedIn) as error:
            raise CommandError(getattr(error, "issue", error.message)) from error
        until = f"until {expires_at:%Y-%m-%d %H:%M} UTC" if expires_at else "until it is revoked"
        self.stderr.write(f"A key of {user.username}, good {until}. It is not shown again:")
        self.stdout.write(created.plaintext)
