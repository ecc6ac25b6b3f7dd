"""Where people come from, how they come in, and how to do a thing many times at once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connection

from accounts import door, services
from accounts.door import Credentials
from accounts.models import User
from accounts.principal import Principal
from accounts.services import SignedIn
from chatplatform.core.origin import Origin
from tests.factories import PASSWORD

T = TypeVar("T")
HOME = Origin(address="192.0.2.1", user_agent="tests", request_id="req_1")
CAFE = Origin(address="198.51.100.7", user_agent="tests", request_id="req_2")


def sign_in(user: User, password: str = PASSWORD) -> SignedIn:
    return services.log_in(identifier=user.username, password=password, origin=HOME)


def enter(signed_in: SignedIn) -> Principal:
    return door.authenticate(Credentials(bearer=signed_in.access_token))


def all_at_once(times: int, call: Callable[[], T]) -> list[T | Exception]:
    """What `times` calls give, or raise, when they begin together in threads with connections of their own."""
    together = Barrier(times)

    def one(_number: int) -> T | Exception:
        try:
            connection.ensure_connection()
            together.wait(30)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))
