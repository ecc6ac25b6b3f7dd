"""People who are signed in, many at once: `python -m bench.enrol 100`, in the environment of a platform.

Accounts and sessions are made as the services make them, but without a password, whose hash would be most of the work. Standard
output gets JSON: `[[user id, access token], …]`.
"""

import sys
import uuid

import django
import orjson

django.setup()

from accounts import sessions  # noqa: E402
from accounts.models import User  # noqa: E402
from chatplatform.core.origin import Origin  # noqa: E402


def main() -> None:
    mark = uuid.uuid4().hex[:8]
    users = User.objects.bulk_create(
        User(username=f"bench-{mark}-{n}", email=f"bench-{mark}-{n}@example.com", password="!", tier="enterprise")
        for n in range(int(sys.argv[1]))
    )
    here = Origin(address="127.0.0.1", user_agent="bench", request_id="bench")
    made = [[user.pk, sessions.start(user=user, origin=here).access_token] for user in users]
    sys.stdout.buffer.write(orjson.dumps(made))


if __name__ == "__main__":
    main()
