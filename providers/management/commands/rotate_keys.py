from collections import Counter
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from providers.keys import Rotated, rotate_keys


class Command(BaseCommand):
    help = (
        "Seals every stored vendor key with the newest (first) key of ENCRYPTION_KEYS. After it the older ones may be taken out "
        "of the ring. Safe to stop and to run again. Exit code 1 when a key cannot be opened."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        counts: Counter[Rotated] = Counter()
        for rotation in rotate_keys(dry_run=dry_run):
            counts[rotation.outcome] += 1
            if rotation.outcome is Rotated.UNREADABLE:
                self.stderr.write(f"{rotation.provider_name} (id {rotation.provider_id}): the key cannot be opened")
            if counts.total() % 100 == 0:
                self.stderr.write(f"{counts.total()} looked at")
        would = "would be sealed" if dry_run else "sealed"
        self.stdout.write(
            f"{counts[Rotated.RESEALED]} {would} with the newest key, {counts[Rotated.NEWEST]} were already, "
            f"{counts[Rotated.UNREADABLE]} cannot be opened."
        )
        if counts[Rotated.UNREADABLE]:
            raise CommandError(
                "Put the key that sealed them back into ENCRYPTION_KEYS, or give those providers their keys again."
            )
