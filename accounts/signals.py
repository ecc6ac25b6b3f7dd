"""Log-ins to the admin site, which Django starts and ends itself with its cookie session."""

from typing import Any

from django.http import HttpRequest

from accounts.backends import origin_of
from accounts.models import User
from chatplatform.core import audit


def record_log_in(sender: type[User], request: HttpRequest | None, user: User, **_: Any) -> None:
    audit.record(
        action="session.started", actor_id=user.pk, target=str(user.uuid), origin=origin_of(request), details={"site": "admin"}
    )


def record_log_out(sender: type[User], request: HttpRequest | None, user: User | None, **_: Any) -> None:
    if user is not None:
        audit.record(
            action="session.ended", actor_id=user.pk, target=str(user.uuid), origin=origin_of(request), details={"site": "admin"}
        )
