"""The mail server of those who have none: mails for whoever looks at the screen of `up`.

A mail can hold a link that opens an account, so it must not stay in a log file. Under `up` each line is marked, and `up` shows
such lines without writing them down. Elsewhere it is printed on a terminal only; what is no terminal is somebody's log.
"""

import os
import sys
from collections.abc import Sequence

import structlog
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from chatplatform.embedded.processes import PART_MARK, SCREEN_ONLY

log = structlog.get_logger(__name__)


class ScreenBackend(BaseEmailBackend):
    """Prints mails as readable text. Which ones were printed, or were not, is in the log without what they say."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many were printed. Those that nobody could see are a warning in the log: they are not sent later."""
        mark = SCREEN_ONLY if os.environ.get(PART_MARK) else ""
        shown = 0
        for message in email_messages:
            if not mark and not sys.stdout.isatty():
                log.warning("mail_not_sent", why="EMAIL_HOST is not set and there is no screen to show it on")
                continue
            for line in _readable(message):
                # One write for each line: writes of several processes into one pipe do not mix when they are short.
                sys.stdout.write(f"{mark}{line}\n")
            sys.stdout.flush()
            log.info("mail_shown_on_the_screen")
            shown += 1
        return shown


def _readable(message: EmailMessage) -> list[str]:
    head = [f"From: {message.from_email}", f"To: {', '.join(message.recipients())}", f"Subject: {message.subject}"]
    rule = "-" * 72
    return [rule, *(" ".join(line.splitlines()) for line in head), "", *str(message.body).splitlines(), rule]
