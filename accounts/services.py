"""All that changes an account. Sessions, resets and API keys have their own files; they are named here so that there is one door.

Registration tells whether a name or address is taken: the documented contracts ask for that. Log-in and reset tell nothing.
"""

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import names, passwords, resets, selectors, sessions
from accounts.api_keys import CreatedKey, create_api_key, issue_api_key, revoke_api_key
from accounts.feed import feed
from accounts.models import User
from accounts.principal import Principal
from accounts.resets import request_password_reset, reset_password
from accounts.sessions import SignedIn, end_all_sessions, log_out, refresh, renew
from chatplatform.core import audit
from chatplatform.core.errors import AlreadyTaken, Conflict, InvalidInput, LockedOut, NotAllowed, WrongCredentials
from chatplatform.core.limits import lockout
from chatplatform.core.origin import Origin

__all__ = [
    "CreatedKey",
    "SignedIn",
    "change_password",
    "create_api_key",
    "end_all_sessions",
    "issue_api_key",
    "log_in",
    "log_out",
    "refresh",
    "register",
    "renew",
    "request_password_reset",
    "reset_password",
    "revoke_api_key",
    "set_active",
    "update_profile",
]


def register(*, username: str | None = None, email: str, password: str, display_name: str = "", origin: Origin) -> SignedIn:
    """A new account, signed in. Without a username it gets one that is made from its address.

    Raises InvalidInput and AlreadyTaken (`username`, `email`, `password`, `display_name`).
    """
    name = None if username is None else _clean("username", username)
    address = _clean("email", email)
    user = User(
        username=name or names.username_from(address),
        email=address,
        display_name=_clean("display_name", display_name),
        last_login=timezone.now(),
    )
    passwords.check_new(password, user=user, field="password")
    user.password = make_password(password)  # slow, so before the transaction
    try:
        return _registered(user, origin)
    except AlreadyTaken as taken:
        if name is not None or taken.field != "username":
            raise
    user.username = names.username_from(address, distinct=True)
    return _registered(user, origin)


def _registered(user: User, origin: Origin) -> SignedIn:
    """Raises AlreadyTaken."""
    try:
        with transaction.atomic():
            user.save()
            signed_in = sessions.start(user=user, origin=origin)
            audit.record(action="user.registered", actor_id=user.id, target=str(user.uuid), origin=origin)
    except IntegrityError as error:
        raise _taken(error) from error
    return signed_in


def log_in(*, identifier: str, password: str, origin: Origin) -> SignedIn:
    """`identifier` is a username or an email address. Raises WrongCredentials, alike in message and time for an unknown name, a
    wrong password and a suspended account; LockedOut after too many; InvalidInput for a password too long to look at."""
    user = check_credentials(identifier=identifier, password=password, origin=origin)
    with transaction.atomic():
        signed_in = sessions.start(user=user, origin=origin)
        User.objects.filter(id=user.id).update(last_login=timezone.now())
        resets.void_resets(user_id=user.id)
        audit.record(action="session.started", actor_id=user.id, target=str(user.uuid), origin=origin)
    return signed_in


def check_credentials(*, identifier: str, password: str, origin: Origin) -> User:
    """The active user whose name and password these are. Counts, records and raises as `log_in` does; starts nothing."""
    passwords.check_length(password, field="password")
    user = User.objects.called(identifier)
    # Her name and her address are guesses at one password. In both cases one query and one count, so nobody learns which it was.
    typed = (names.as_typed_elsewhere(identifier) or identifier).casefold()
    name = f"user {user.uuid}" if user else f"typed {typed}"
    _count_attempt(name=name, user_id=None, action="session.started", origin=origin)
    right = passwords.is_right(password, user)
    if user is None or not right or not user.is_active:
        # What was typed is not kept when it names nobody: now and then it is a password in the wrong field.
        actor_id, target = (user.id, str(user.uuid)) if user else (None, "")
        audit.record(action="session.started", actor_id=actor_id, target=target, outcome="failed", origin=origin)
        raise WrongCredentials
    lockout.clear(name, origin.network)
    return user


def change_password(*, principal: Principal, current_password: str, new_password: str, origin: Origin) -> None:
    """Sets a new password and ends all sessions but the caller's. API keys stay; they cannot do this themselves (NotAllowed).

    Raises InvalidInput (`current_password`, `new_password`), LockedOut, and Conflict when it was changed at the same moment.
    """
    _only_with_session(principal, action="password.changed", origin=origin)
    user = selectors.get_user(principal=principal)
    _check_current(user=user, password=current_password, origin=origin)
    passwords.check_new(new_password, user=user, field="new_password")
    encoded = make_password(new_password)
    with transaction.atomic():
        if not User.objects.filter(id=user.id, password=user.password).update(password=encoded):
            raise Conflict
        end_all_sessions(user_id=user.id, why="password_changed", but=principal.session_id)
        resets.void_resets(user_id=user.id)
        audit.record(action="password.changed", actor_id=user.id, target=str(user.uuid), origin=origin)


def update_profile(
    *,
    principal: Principal,
    username: str | None = None,
    email: str | None = None,
    display_name: str | None = None,
    origin: Origin,
) -> User:
    """Changes what is not None. Raises InvalidInput and AlreadyTaken as `register` does."""
    user = selectors.get_user(principal=principal)
    wanted = {"username": username, "email": email, "display_name": display_name}
    cleaned = {field: _clean(field, value) for field, value in wanted.items() if value is not None}
    changed = {field: value for field, value in cleaned.items() if value != getattr(user, field)}
    if not changed:
        return user
    try:
        with transaction.atomic():
            User.objects.filter(id=user.id).update(**changed)
            if "email" in changed:
                resets.void_resets(user_id=user.id)
            audit.record(
                action="user.changed", actor_id=user.id, target=str(user.uuid), origin=origin, details={"fields": sorted(changed)}
            )
            transaction.on_commit(feed.ask_soon)
    except IntegrityError as error:
        raise _taken(error) from error
    return selectors.get_user(principal=principal)


def set_active(*, user_id: int, active: bool, actor_id: int | None, origin: Origin) -> None:
    """Suspends an account, which ends its sessions and stops its API keys, or restores it."""
    with transaction.atomic():
        if not User.objects.filter(id=user_id).exclude(is_active=active).update(is_active=active):
            return
        if not active:
            end_all_sessions(user_id=user_id, why="suspended")
            resets.void_resets(user_id=user_id)
        action = "user.restored" if active else "user.suspended"
        audit.record(action=action, actor_id=actor_id, target=str(user_id), origin=origin)
        transaction.on_commit(feed.ask_soon)


def _check_current(*, user: User, password: str, origin: Origin) -> None:
    """A stolen token must not become a way to guess the password, so this counts as log-ins do."""
    passwords.check_length(password, field="current_password")
    name = f"current password of {user.uuid}"
    _count_attempt(name=name, user_id=user.id, action="password.changed", origin=origin)
    if not passwords.is_right(password, user):
        audit.record(action="password.changed", actor_id=user.id, target=str(user.uuid), outcome="failed", origin=origin)
        raise InvalidInput(field="current_password", issue=_("The current password is wrong."))
    lockout.clear(name, origin.network)


def _count_attempt(*, name: str, user_id: int | None, action: str, origin: Origin) -> None:
    try:
        lockout.attempt(name, origin.network)
    except LockedOut as error:
        if error.first:
            audit.record(action=action, actor_id=user_id, outcome="refused", origin=origin, details={"why": "locked_out"})
        raise


def _only_with_session(principal: Principal, *, action: str, origin: Origin) -> None:
    if principal.session_id is None:
        audit.record(action="access.refused", actor_id=principal.user_id, target=action, outcome="refused", origin=origin)
        raise NotAllowed


def _clean(field: str, value: str) -> str:
    try:
        return names.CLEANERS[field](value)
    except ValidationError as error:
        raise InvalidInput(field=field, issue=error.messages[0]) from error


def _taken(error: IntegrityError) -> Exception:
    """The constraint that was violated says which; anything else is not for a person to read."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    for field in ("username", "email"):
        if constraint.startswith(f"accounts_user_{field}"):
            messages = {"username": _("This username is already taken."), "email": _("This email address is already taken.")}
            return AlreadyTaken(field=field, issue=messages[field])
    return error
