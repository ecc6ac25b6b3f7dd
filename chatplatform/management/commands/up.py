"""`manage.py up` as Django lists it. manage.py itself goes straight to the supervisor, which needs no Django."""

import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand

from chatplatform import supervisor


class Command(BaseCommand):
    help = "Runs the whole platform on this machine: database, cache, local model, web, worker and periodic jobs."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        supervisor.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(supervisor.run(Namespace(**options)))
