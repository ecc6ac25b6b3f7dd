"""A forgotten password: a link by mail, good for an hour and once.

The link's token is not stored and does not travel through the queue. It is HMAC-SHA256 of the row's nonce under the server's
key, so whoever has only the database or only the queue cannot make it; the row keeps its hash.

A request does not look whether somebody has the address: it leaves a row, an event and a task in any case, in the same time.
The task looks.
"""

import base64
import hashlib
import os
from datetime import timedelta

import structlog
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts import names, passwords, sessions
from accounts.models import PasswordReset, User
from accounts.principal import GUEST
from chatplatform.core import audit
from chatplatform.core.errors import InvalidInput
from chatplatform.core.origin import Origin

MAILS_AN_HOUR = 3
"""To one account, whoever asks for them."""

log = structlog.get_logger(__name__)


def request_password_reset(*, email: str, origin: Origin) -> None:
    """Mails a link to the account that has this address. Says nothing about whether there is one.

    Raises InvalidInput (`email`) for what is no address at all.
    """
    try:
        address = names.clean_email(email)
    except ValidationError as error:
        raise InvalidInput(field="email", issue=error.messages[0]) from error
    nonce = os.urandom(32)
    with transaction.atomic():
        reset = PasswordReset.objects.create(
            email=address,
            nonce=nonce,
            token_hash=_hash(_token(nonce)),
            language=translation.get_language() or settings.LANGUAGE_CODE,
            expires_at=timezone.now() + settings.PASSWORD_RESET_LIFETIME,
        )
        audit.record(action="password.reset_requested", origin=origin)
        transaction.on_commit(lambda: _enqueue(reset.id))


def mail_reset(*, reset_id: int) -> bool:
    """Sends the mail of one request, at most once and at most `MAILS_AN_HOUR` to an account; whether it did.

    Raises OSError when the mail server does not take it; then it may be called again.
    """
    reset = _claim(reset_id)
    if reset is None or reset.user is None:
        return False
    token = _token(bytes(reset.nonce))
    if _hash(token) != bytes(reset.token_hash):
        log.error("password_reset_key_changed", reset_id=reset_id)
        return False
    # In the fragment: it is sent to no server, so it stands in no access log and no Referer header.
    link = f"{settings.PUBLIC_BASE_URL.rstrip('/')}/app/reset-password#token={token}"
    context = {"user": reset.user, "link": link, "token": token, "minutes": _minutes()}
    try:
        with translation.override(reset.language or settings.LANGUAGE_CODE):
            subject = render_to_string("accounts/password_reset_subject.txt", context).strip()
            body = render_to_string("accounts/password_reset_body.txt", context)
            send_mail(subject, body, None, [reset.user.email])
    except Exception:
        PasswordReset.objects.filter(id=reset_id).update(sent_at=None)
        raise
    audit.record(action="password.reset_mailed", actor_id=reset.user_id, target=str(reset.user.uuid))
    return True


def reset_password(*, token: str, new_password: str, origin: Origin) -> None:
    """Sets a new password and ends all sessions. Raises InvalidInput (`token`, `new_password`).

    A password that is refused does not use the token up. Of many at once, one succeeds.
    """
    open_resets = PasswordReset.objects.filter(closed_at=None, expires_at__gt=Now(), user__is_active=True)
    reset = open_resets.select_related("user").filter(token_hash=_hash(token)).first()
    if reset is None or reset.user is None:
        audit.record(action="password.reset", outcome="failed", origin=origin)
        raise _not_good()
    user = reset.user
    passwords.check_new(new_password, user=user, field="new_password")
    encoded = make_password(new_password)  # slow, so before the transaction
    with transaction.atomic():
        closed = PasswordReset.objects.filter(id=reset.id, closed_at=None).update(closed_at=Now())
        if closed:
            User.objects.filter(id=user.id).update(password=encoded)
            void_resets(user_id=user.id)
            sessions.end_all_sessions(user_id=user.id, why="password_reset")
            audit.record(action="password.reset", actor_id=user.id, target=str(user.uuid), origin=origin)
    if not closed:
        raise _not_good()


def void_resets(*, user_id: int) -> None:
    """What was mailed works no more: she knows her password, or has another password or address by now."""
    PasswordReset.objects.filter(user_id=user_id, closed_at=None).update(closed_at=Now())


def purge() -> int:
    """Deletes requests that ended a day ago; the last hour's are needed to count mails."""
    deleted, _kinds = PasswordReset.objects.filter(expires_at__lt=timezone.now() - timedelta(days=1)).delete()
    return deleted


def _claim(reset_id: int) -> PasswordReset | None:
    """The request, if its mail is to be sent and this caller is the one to send it."""
    now = timezone.now()
    unsent = PasswordReset.objects.filter(id=reset_id, sent_at=None, closed_at=None, expires_at__gt=now)
    with transaction.atomic():
        reset = unsent.first()
        user = User.objects.called(reset.email) if reset else None
        if reset is None or user is None or not user.is_active or user.uuid == GUEST:
            return None
        User.objects.select_for_update(no_key=True).get(id=user.id)  # so that mails to her are counted one by one
        sent = PasswordReset.objects.filter(user_id=user.id, sent_at__gt=now - timedelta(hours=1)).count()
        if sent >= MAILS_AN_HOUR:
            audit.record(action="password.reset_mailed", actor_id=user.id, outcome="refused", details={"sent": sent})
            return None
        reset.user = user
        return reset if unsent.update(sent_at=now, user=user) else None


def _enqueue(reset_id: int) -> None:
    from accounts.tasks import send_password_reset  # it imports this file

    try:
        send_password_reset.apply_async(args=[reset_id], retry=False)
    except Exception:
        # The answer must be the same whatever happens to the mail, and so must the time: it is not tried again here.
        log.exception("password_reset_not_enqueued", reset_id=reset_id)


def _token(nonce: bytes) -> str:
    digest = salted_hmac("accounts.resets", nonce, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _minutes() -> int:
    return round(settings.PASSWORD_RESET_LIFETIME.total_seconds() / 60)


def _not_good() -> InvalidInput:
    return InvalidInput(field="token", issue=_("The reset token is not valid, was used, or has expired."))
