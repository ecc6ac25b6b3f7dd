"""Alice and Bob. Counts of wrong passwords are gone before every test.

Models are imported inside: pytest loads this file before Django is set up.
"""

from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import settings

if TYPE_CHECKING:
    from accounts.models import User


@pytest.fixture(autouse=True)
def _nothing_counted() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    for key in client.scan_iter("lockout:*"):
        client.delete(key)


@pytest.fixture
def alice(db: None) -> "User":
    from tests.factories import make_user

    return make_user("alice")


@pytest.fixture
def bob(db: None) -> "User":
    from tests.factories import make_user

    return make_user("bob")
