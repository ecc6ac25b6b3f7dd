"""How the admin site's own log-in page comes to the same checks, counts and records as the API."""

from typing import Any

import structlog
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
    """REMOTE_ADDR is believable: the outermost middleware has looked at the trusted proxies and put the client there."""
    if request is None:
        return NOWHERE
    return Origin(
        address=request.META.get("REMOTE_ADDR", ""),
        user_agent=request.headers.get("User-Agent", ""),
        request_id=str(structlog.contextvars.get_contextvars().get("request_id", "")),
    )
