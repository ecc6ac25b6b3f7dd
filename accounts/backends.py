"""How the admin site's own log-in page comes to the same checks, counts and records as the API."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts import services
from accounts.models import User
from chatplatform.core.errors import InvalidInput, RetryLater, WrongCredentials
from chatplatform.core.origin import NOWHERE, Origin


class PasswordBackend(ModelBackend):
    """ModelBackend for permissions; `services.check_credentials` for the password, with its lock-out."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if username is None or password is None:
            return None
        try:
            return services.check_credentials(identifier=username, password=password, origin=origin_of(request))
        except (WrongCredentials, InvalidInput):
            return None
        except RetryLater as error:
            raise PermissionDenied from error  # the form then says what it says for a wrong password


def origin_of(request: HttpRequest | None) -> Origin:
    """What a middleware found out about the origin, else the socket's own peer."""
    if request is None:
        return NOWHERE
    origin = getattr(request, "origin", None)
    if isinstance(origin, Origin):
        return origin
    return Origin(address=request.META.get("REMOTE_ADDR", ""), user_agent=request.headers.get("User-Agent", ""))
