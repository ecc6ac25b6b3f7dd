from typing import Any

from django.core.management.base import BaseCommand, CommandError

from quotas.selectors import check_books


class Command(BaseCommand):
    help = "Compares the counters of the ledger with its reservations and usage rows. Exit code 1 when they disagree."

    def handle(self, *args: Any, **options: Any) -> None:
        wrong = check_books()
        for line in wrong:
            self.stdout.write(line)
        if wrong:
            raise CommandError(f"the ledger disagrees with itself in {len(wrong)} places", returncode=1)
        self.stdout.write(self.style.SUCCESS("The books are right."))
