"""A web process without limits on requests, access log and metrics: what those cost is the difference. `--fd` is its socket.

It is for measuring only, and so not a setting: nobody should run the platform blind. That a token is still good is asked as ever,
since that is one query each half second for all people together.
"""

import os
import sys

os.environ |= {"RATE_LIMITS": "off", "LOG_LEVEL": "WARNING", "DJANGO_SETTINGS_MODULE": "chatplatform.settings"}

import django

django.setup()

from django.core.management import execute_from_command_line  # noqa: E402

from chatplatform.contracts import middleware  # noqa: E402


def main() -> None:
    middleware.count_http = lambda **_facts: None
    execute_from_command_line(["manage.py", "web", *sys.argv[1:]])


if __name__ == "__main__":
    main()
