"""Names and addresses in one written form, so that two people never look the same to the database.

Each function takes what a person typed, returns what is stored, and raises Django's ValidationError, so that the services, the
admin site and `createsuperuser` refuse the same things.
"""

import re
import secrets
import unicodedata

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.utils.translation import gettext as _

NAME_MIN, NAME_MAX = 3, 50
ADDRESS_MAX = 254
DISPLAY_NAME_MAX = 100

_JOINERS = "\u200c\u200d"
"""Invisible, but part of the spelling of some languages and of emoji."""
_is_address = EmailValidator()


def clean_username(text: str) -> str:
    """3 to 50 letters, digits and `. _ + -` of any script. No `@`: a name is never somebody's address."""
    name = _one_line(text)
    if not NAME_MIN <= len(name) <= NAME_MAX:
        raise ValidationError(_("The username must have 3 to 50 characters."), code="length")
    if not re.fullmatch(r"[\w.+-]+", name):
        raise ValidationError(_("The username may only hold letters, digits and . _ + -"), code="invalid")
    return name


def username_from(email: str, *, distinct: bool = False) -> str:
    """A username for somebody who gave only an address, which is in its written form. `distinct` when that one is taken: with
    some characters of chance."""
    name = re.sub(r"[^\w.+-]", "-", email.rpartition("@")[0])[: NAME_MAX - 10]
    if len(name) < NAME_MIN:
        name = f"user-{name}"
    return f"{name}-{secrets.token_hex(4)}" if distinct else name


def clean_email(text: str) -> str:
    """The address with its domain in lower case. The part before the @ keeps its case, since mail is sent to what is stored."""
    address = _one_line(text)
    if len(address) > ADDRESS_MAX:
        raise ValidationError(_("The email address is too long."), code="length")
    try:
        _is_address(address)
    except ValidationError:
        raise ValidationError(_("The email address is not valid."), code="invalid") from None
    local, _at, domain = address.rpartition("@")
    if not local.isascii():  # the validator ignores case, and so takes ı and ſ for letters of ASCII
        raise ValidationError(_("The email address is not valid."), code="invalid")
    return f"{local}@{domain.lower()}"


def clean_display_name(text: str) -> str:
    """Any one line of up to 100 characters; empty is none."""
    name = _one_line(text)
    if len(name) > DISPLAY_NAME_MAX:
        raise ValidationError(_("The display name may have at most 100 characters."), code="length")
    return name


def check_username(text: str) -> None:
    """`clean_username` as a validator of a model's field."""
    clean_username(text)


def check_email(text: str) -> None:
    """`clean_email` as a validator of a model's field."""
    clean_email(text)


def check_display_name(text: str) -> None:
    """`clean_display_name` as a validator of a model's field."""
    clean_display_name(text)


def as_typed_elsewhere(identifier: str) -> str:
    """The written form of a name or address that somebody logs in with; it need not belong to anybody. Empty for nonsense."""
    try:
        return _one_line(identifier)[:ADDRESS_MAX]
    except ValidationError:
        return ""


CLEANERS = {"username": clean_username, "email": clean_email, "display_name": clean_display_name}
"""By the name of the field of `accounts.User`."""


def _one_line(text: str) -> str:
    """NFKC, so that full-width and half-width letters are the same, without space around it, and only what can be seen."""
    if len(text) > 1000:  # before NFKC, which makes some letters eighteen
        raise ValidationError(_("This is too long."), code="length")
    normal = unicodedata.normalize("NFKC", text).strip(" ")
    for character in normal:
        # Cc: control characters with NUL and line ends; Cs: lone surrogates; Cf: invisible, turns the writing around.
        if unicodedata.category(character) in {"Cc", "Cs", "Cf", "Zl", "Zp"} and character not in _JOINERS:
            raise ValidationError(_("Control characters and line breaks are not allowed."), code="control_characters")
    return normal
