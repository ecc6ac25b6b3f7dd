"""People for tests. The password is hashed once in a run: Argon2 is slow on purpose."""

from functools import cache
from typing import Any

from django.contrib.auth.hashers import make_password

from accounts.models import User

PASSWORD = "correct horse battery"


@cache
def _hashed(password: str) -> str:
    return make_password(password)


def make_user(username: str = "alice", *, email: str = "", password: str = PASSWORD, **fields: Any) -> User:
    """A stored user, active and of the standard tier unless `fields` say otherwise."""
    user = User(username=username, email=email or f"{username}@example.com", password=_hashed(password), **fields)
    user.full_clean()
    user.save()
    return user
