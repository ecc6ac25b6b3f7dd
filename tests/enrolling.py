"""People who are signed in, made many at once: hashing a password costs more than most tests do. (What is about signing up or in
does so itself.)

    python -m tests.enrolling 100 standard       in the environment of a platform; tells their tier

Accounts and sessions are made as the services make them. Standard output gets JSON: a list of what `Enrolled` has.
"""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections import deque
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import orjson

from tests.client import PASSWORD

if TYPE_CHECKING:
    from tests.running import RunningPlatform

AT_ONCE = 100
FRESH_SECONDS = 15 * 60.0
"""Half of what an access token lives."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    id: int
    username: str
    """The password is `PASSWORD`, the address `<username>@example.com`."""
    access_token: str
    refresh_token: str


def enrol(platform: RunningPlatform, count: int, *, tier: str = "standard") -> list[Enrolled]:
    from tests.running import PROJECT_DIR

    done = subprocess.run(
        [sys.executable, "-m", "tests.enrolling", str(count), tier],
        cwd=PROJECT_DIR,
        env={"DJANGO_SETTINGS_MODULE": "chatplatform.settings"} | platform.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    return [Enrolled(**person) for person in orjson.loads(done.stdout)]


class People:
    """Of one platform: everybody comes out once."""

    def __init__(self, platform: RunningPlatform) -> None:
        self._platform = platform
        self._waiting: deque[Enrolled] = deque()
        self._made_at = 0.0

    def next(self) -> Enrolled:
        if not self._waiting or time.monotonic() - self._made_at > FRESH_SECONDS:
            self._waiting, self._made_at = deque(enrol(self._platform, AT_ONCE)), time.monotonic()
        return self._waiting.popleft()


def main() -> None:
    import django

    django.setup()

    from django.contrib.auth.hashers import make_password

    from accounts import sessions
    from accounts.models import User
    from chatplatform.core.origin import Origin

    count, tier = int(sys.argv[1]), sys.argv[2]
    mark, password = uuid.uuid4().hex[:8], make_password(PASSWORD)
    names = [f"person{number}-{mark}" for number in range(count)]
    users = User.objects.bulk_create(
        User(username=name, email=f"{name}@example.com", password=password, tier=tier) for name in names
    )
    here = Origin(address="127.0.0.1", user_agent="enrolling", request_id="enrolling")
    made = [(user, sessions.start(user=user, origin=here)) for user in users]
    found = [Enrolled(user.pk, user.username, session.access_token, session.refresh_token) for user, session in made]
    sys.stdout.buffer.write(orjson.dumps([asdict(person) for person in found]))


if __name__ == "__main__":
    main()
