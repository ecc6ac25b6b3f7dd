from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from providers.errors import BadProvidersFile
from providers.reloading import apply_file


class Command(BaseCommand):
    help = (
        "Brings providers and agents to what providers.toml says, all of it or nothing, and prints what changed. "
        "Every running process sees it with its next request. Exit code 1 when the file cannot be used."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", help="instead of PROVIDERS_FILE", metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="only print what would change")

    def handle(self, *args: Any, file: str | None, dry_run: bool, **options: Any) -> None:
        path = Path(file) if file else Path(settings.PROVIDERS_FILE)
        try:
            done = apply_file(path, dry_run=dry_run)
        except BadProvidersFile as error:
            problems = "\n".join(f"{path}: {problem}" for problem in error.problems)
            raise CommandError(f"{problems}\nNothing was changed.") from None
        for line in done.changes:
            self.stdout.write(line)
        what = f"{len(done.changes)} changes" if done.changes else "nothing to change"
        if dry_run:
            what += ", none of them made"
        self.stdout.write(self.style.SUCCESS(f"{done.providers} providers, {done.agents} agents: {what}."))
