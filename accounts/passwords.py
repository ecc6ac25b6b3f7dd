"""Passwords: what a new one must be, and how one is compared without telling a stranger anything."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from chatplatform.core.errors import InvalidInput

if TYPE_CHECKING:
    from accounts.models import User

LONGEST = 1000
"""Characters. Longer ones are refused before they are hashed: hashing must cost us no more than it costs the sender."""


class NotTheNameOrAddress:
    """A validator for AUTH_PASSWORD_VALIDATORS: the password is neither the username nor the email address."""

    def validate(self, password: str, user: Any = None) -> None:
        own = {str(getattr(user, name, "") or "").casefold() for name in ("username", "email")}
        if password.casefold() in own - {""}:
            raise ValidationError(_("The password must not be your username or email address."), code="password_is_name")

    def get_help_text(self) -> str:
        return _("The password must not be your username or email address.")


def check_length(password: str, *, field: str) -> None:
    """Raises InvalidInput for what is too long to look at, or is no text. Says nothing about whether it is right."""
    if len(password) > LONGEST:
        raise InvalidInput(field=field, issue=_("The password may have at most 1000 characters."))
    try:
        password.encode()
    except UnicodeEncodeError:
        raise InvalidInput(field=field, issue=_("The password holds characters that cannot be stored.")) from None
    if "\x00" in password:
        raise InvalidInput(field=field, issue=_("The password holds characters that cannot be stored."))


def check_new(password: str, *, user: "User", field: str) -> None:
    """Raises InvalidInput when `user` may not have this password."""
    check_length(password, field=field)
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(field=field, issue=error.messages[0]) from error


def validate(password: str, *, user: "User") -> None:
    """As `check_new`, but with all reasons at once: raises Django's ValidationError, which commands print."""
    try:
        check_length(password, field="password")
    except InvalidInput as error:
        raise ValidationError(str(error.issue)) from error
    validate_password(password, user)


def is_right(password: str, user: "User | None") -> bool:
    """Whether it is the password of `user`. For nobody it is wrong, and takes as long."""
    if user is None:
        return check_password(password, _nobodys()) and False
    return user.check_password(password)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    return make_password("the password of nobody")
