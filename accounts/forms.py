"""The admin site's forms for passwords: what they save ends sessions as the API's way does."""

from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.db import transaction

from accounts import resets, sessions
from accounts.models import User


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("username", "email", "display_name", "role", "tier")


class ChangeUserForm(UserChangeForm):
    class Meta:
        model = User
        fields = ("username", "email", "display_name", "role", "tier", "is_active", "groups", "user_permissions", "password")


class SetPasswordForm(AdminPasswordChangeForm):
    def save(self, commit: bool = True) -> User:
        with transaction.atomic():
            user: User = super().save(commit=commit)
            if commit:
                sessions.end_all_sessions(user_id=user.id, why="password_changed")
                resets.void_resets(user_id=user.id)
        return user
