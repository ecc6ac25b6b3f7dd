#!/usr/bin/env python
"""`manage.py up` starts the whole platform; every other command finds its database, started if need be."""

import os
import sys

# These need no database; everything else does.
WITHOUT_SERVICES = {
    "check", "collectstatic", "compilemessages", "diffsettings", "help", "makemessages", "spectacular",
    "startapp", "startproject", "version", "--help", "-h", "--version",
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run one command; returns its exit code. What must be changed outside first is one line and code 2."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatplatform.settings")
    if arguments[:1] == ["up"]:  # it starts others and needs no Django of its own
        from chatplatform import supervisor

        return supervisor.main(arguments[1:])

    from chatplatform.environment import EnvironmentProblem

    try:
        if _needs_services(arguments):
            from chatplatform.embedded.services import embedded_services

            with embedded_services():
                _run_django(arguments)
        else:
            _run_django(arguments)
    except EnvironmentProblem as problem:
        print(f"manage.py: {problem}", file=sys.stderr)
        return 2
    return 0


def _needs_services(arguments: list[str]) -> bool:
    from chatplatform.embedded.processes import PART_MARK

    if PART_MARK in os.environ:  # started by `up`, which holds them
        return False
    return bool(arguments) and arguments[0] not in WITHOUT_SERVICES and not {"--help", "-h"} & set(arguments)


def _run_django(arguments: list[str]) -> None:
    from django.core.management import execute_from_command_line

    execute_from_command_line([sys.argv[0], *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
