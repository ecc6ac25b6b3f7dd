"""Who may come in: people, their sessions, their API keys, and the resets of their passwords.

Times that other processes compare (`revoked_at`, `User.updated_at`) come from the database's clock: see `accounts.feed`.
"""

import uuid
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from accounts import names, passwords

STANDARD_TIER = "standard"


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, email: str, password: str | None = None, **fields: Any) -> "User":
        """For commands and fixtures: raises Django's ValidationError. People come in by `services.register`."""
        user = self.model(username=username, email=email, **fields)
        user.clean()
        if password is not None:
            passwords.validate(password, user=user)
        user.set_password(password)
        user.full_clean()
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(username, email, password, **(fields | {"role": User.Role.ADMIN}))

    def called(self, identifier: str) -> "User | None":
        """Whose username or address this is, without regard to case. A name never holds an @, so at most one fits."""
        identifier = names.as_typed_elsewhere(identifier)
        if not identifier:
            return None
        column = "email" if "@" in identifier else "username"
        # The same lower() on both sides, the database's own: the index is on it, and Python's knows other letters.
        return self.alias(folded=Lower(column)).filter(folded=Lower(Value(identifier))).first()

    def get_by_natural_key(self, username: str | None) -> "User":
        user = self.called(username or "")
        if user is None:
            raise User.DoesNotExist
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `role` says what she may operate, `tier` (a slug that `quotas` knows) how much she may use."""

    class Role(models.TextChoices):
        USER = "user", _("user")
        OPERATOR = "operator", _("operator")
        ADMIN = "admin", _("administrator")

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    username = models.CharField(
        _("username"), max_length=names.NAME_MAX, unique=True, validators=[names.check_username],
        help_text=_("3 to 50 letters, digits and . _ + -"),
    )  # fmt: skip
    email = models.EmailField(_("email address"), max_length=names.ADDRESS_MAX, validators=[names.check_email])
    display_name = models.CharField(
        _("display name"), max_length=names.DISPLAY_NAME_MAX, blank=True, validators=[names.check_display_name]
    )
    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.USER)
    tier = models.SlugField(_("tier"), max_length=50, default=STANDARD_TIER, db_index=False)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Off: the account is suspended, and everything of it is signed out.")
    )
    is_superuser = models.BooleanField(_("superuser"), default=False, editable=False)
    """Follows `role`: Django's own permission checks read it."""
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("changed"), db_default=Now(), editable=False)
    """Set by a trigger on every change but that of `last_login`, so that no way of writing can forget it."""

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ("username",)
        constraints = (
            models.UniqueConstraint(
                Lower("username"), name="accounts_user_username_lower",
                violation_error_message=_("This username is already taken."),
            ),
            models.UniqueConstraint(
                Lower("email"), name="accounts_user_email_lower",
                violation_error_message=_("This email address is already taken."),
            ),
            models.CheckConstraint(
                condition=Q(is_superuser=True, role="admin") | (Q(is_superuser=False) & ~Q(role="admin")),
                name="accounts_user_admin_is_superuser",
            ),
        )  # fmt: skip
        indexes = (models.Index(fields=["updated_at"], name="accounts_user_updated_at"),)

    @property
    def is_staff(self) -> bool:
        """Whether the admin site opens at all; what is in it is a matter of permissions."""
        return self.role != self.Role.USER

    def clean(self) -> None:
        """Brings names and address into their written form. What has none is told by the fields' validators."""
        for field, cleaned in names.CLEANERS.items():
            with suppress(ValidationError):
                setattr(self, field, cleaned(getattr(self, field) or ""))
        self._keep_superuser_in_step()

    def _keep_superuser_in_step(self) -> None:
        """`role` decides, except that a row which begins as a superuser begins as an admin."""
        if self._state.adding and self.is_superuser:
            self.role = self.Role.ADMIN
        self.is_superuser = self.role == self.Role.ADMIN

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        self._keep_superuser_in_step()
        if update_fields is not None and "role" in update_fields:
            update_fields = {*update_fields, "is_superuser"}
        super().save(*args, update_fields=update_fields, **kwargs)

    def get_full_name(self) -> str:
        return self.display_name or self.username

    def get_short_name(self) -> str:
        return self.username


class Session(models.Model):
    """A family of refresh tokens: one log-in and what was refreshed from it. One refresh token of it is good at a time."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    """`sid` in the tokens."""
    user = models.ForeignKey(User, models.CASCADE, related_name="sessions", verbose_name=_("user"))
    refresh_jti = models.UUIDField(editable=False)
    """The id of the refresh token that is good now."""
    created_at = models.DateTimeField(_("started"), db_default=Now(), editable=False)
    refreshed_at = models.DateTimeField(_("last refreshed"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires"), editable=False)
    """When the refresh token that is good now ends."""
    ends_at = models.DateTimeField(_("ends at the latest"), editable=False)
    """However often it is refreshed."""
    revoked_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    revoked_why = models.CharField(_("why it ended"), max_length=32, blank=True, editable=False)
    address = models.CharField(_("address"), max_length=64, blank=True, editable=False)
    user_agent = models.CharField(_("user agent"), max_length=300, blank=True, editable=False)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["revoked_at"], name="accounts_session_revoked_at", condition=Q(revoked_at__isnull=False)),
            models.Index(fields=["expires_at"], name="accounts_session_expires_at"),
        )

    def __str__(self) -> str:
        return str(self.uuid)


class ApiKey(models.Model):
    """A long-lived key of a person's own programs. Only its SHA-256 is kept: the secret is random, so that is enough."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="api_keys", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100)
    prefix = models.CharField(_("prefix"), max_length=16, unique=True, editable=False)
    """The public part, by which a person knows the key again."""
    secret_hash = models.BinaryField(max_length=32, editable=False)
    created_at = models.DateTimeField(_("created"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    """To the minute."""
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-id",)
        indexes = (models.Index(fields=["revoked_at"], name="accounts_apikey_revoked_at", condition=Q(revoked_at__isnull=False)),)

    def __str__(self) -> str:
        return f"{self.name} (cp_{self.prefix}_…)"


class PasswordReset(models.Model):
    """One request to reset a password, for whoever has the address. Who that is, is looked up when the mail is sent."""

    id = models.BigAutoField(primary_key=True)
    email = models.EmailField(_("email address"), max_length=names.ADDRESS_MAX)
    user = models.ForeignKey(User, models.CASCADE, related_name="password_resets", null=True, verbose_name=_("user"))
    """Whom it was mailed to; nobody before that, so that asking for a known and an unknown address is the same work."""
    nonce = models.BinaryField(max_length=32, editable=False)
    """With the server's key it makes the token again, so that no queue has to carry it."""
    token_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    language = models.CharField(max_length=16, blank=True)
    """Of the request, for the mail."""
    created_at = models.DateTimeField(_("requested"), db_default=Now(), editable=False)
    expires_at = models.DateTimeField(_("expires"), editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True, editable=False)
    closed_at = models.DateTimeField(_("closed"), null=True, editable=False)
    """Used, or made void by a log-in, a new password or a new address."""

    class Meta:
        verbose_name = _("password reset")
        verbose_name_plural = _("password resets")
        ordering = ("-id",)
        indexes = (models.Index(fields=["expires_at"], name="accounts_reset_expires_at"),)

    def __str__(self) -> str:
        return str(self.pk)
