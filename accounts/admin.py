"""Accounts on the stock admin site. Accounts are suspended, not deleted: the ledger and the audit log go on naming them."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as StockUserAdmin
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import services, sessions
from accounts.backends import origin_of
from accounts.forms import ChangeUserForm, NewUserForm, SetPasswordForm
from accounts.models import ApiKey, Session, User
from chatplatform.core import audit

ONLY_FOR_ADMINS = ("role", "groups", "user_permissions")
"""What gives powers. Whoever may edit accounts without being an administrator must not give them to herself."""


class ReadOnlyAdmin(admin.ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(StockUserAdmin):
    form = ChangeUserForm
    add_form = NewUserForm
    change_password_form = SetPasswordForm
    list_display = ("username", "email", "display_name", "role", "tier", "is_active", "created_at", "last_login")
    list_filter = ("role", "tier", "is_active", "groups")
    search_fields = ("username", "email", "display_name", "=uuid")
    readonly_fields = ("uuid", "created_at", "updated_at", "last_login")
    actions = ("suspend", "restore", "end_sessions")
    fieldsets = (
        (None, {"fields": ("username", "email", "display_name", "password")}),
        (_("Permissions"), {"fields": ("is_active", "role", "tier", "groups", "user_permissions")}),
        (_("Important dates"), {"fields": ("uuid", "created_at", "updated_at", "last_login")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("username", "email", "display_name", "role", "tier", "usable_password", "password1", "password2"),
            },
        ),
    )

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields = tuple(super().get_readonly_fields(request, obj))
        return fields if request.user.is_superuser else (*fields, *ONLY_FOR_ADMINS)

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and "is_active" in form.changed_data and not obj.is_active:
            sessions.end_all_sessions(user_id=obj.pk, why="suspended")
        details = {"site": "admin", "fields": form.changed_data, "role": obj.role, "tier": obj.tier, "is_active": obj.is_active}
        action = "user.changed" if change else "user.created"
        origin = origin_of(request)
        audit.record(action=action, actor_id=request.user.pk, target=str(obj.uuid), origin=origin, details=details)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:
        response = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == 302:
            origin = origin_of(request)
            audit.record(action="password.changed", actor_id=request.user.pk, target=id, origin=origin, details={"site": "admin"})
        return response

    @admin.action(description=_("Suspend the selected accounts"), permissions=["change"])
    def suspend(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._set_active(request, queryset, active=False)

    @admin.action(description=_("Restore the selected accounts"), permissions=["change"])
    def restore(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        self._set_active(request, queryset, active=True)

    def _set_active(self, request: HttpRequest, queryset: QuerySet[User], *, active: bool) -> None:
        """Not oneself, who could not take it back; and an administrator is suspended by administrators only."""
        for user in queryset:
            if user.pk != request.user.pk and self.has_change_permission(request, user):
                services.set_active(user_id=user.pk, active=active, actor_id=request.user.pk, origin=origin_of(request))

    @admin.action(description=_("End all sessions of the selected accounts"), permissions=["change"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        _end(self, request, Session.objects.filter(user__in=queryset))


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("uuid", "user", "created_at", "refreshed_at", "expires_at", "revoked_at", "revoked_why", "address")
    list_filter = ("revoked_why", "created_at")
    search_fields = ("=uuid", "=user__username", "=user__email", "=address")
    list_select_related = ("user",)
    fields = ("uuid", "user", "created_at", "refreshed_at", "expires_at", "ends_at", "revoked_at", "revoked_why", "address", "user_agent")  # fmt: skip  # noqa: E501
    actions = ("end_sessions",)

    def has_end_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("accounts.change_session")

    @admin.action(description=_("End the selected sessions"), permissions=["end"])
    def end_sessions(self, request: HttpRequest, queryset: QuerySet[Session]) -> None:
        _end(self, request, queryset)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("created_at", "expires_at", "revoked_at")
    search_fields = ("=prefix", "name", "=user__username", "=user__email")
    list_select_related = ("user",)
    fields = ("uuid", "user", "name", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at")


def _end(site: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Session]) -> None:
    # The list's queryset is ordered and joined, which an UPDATE cannot be.
    chosen = Session.objects.filter(pk__in=queryset.order_by().values("pk"))
    people = list(chosen.filter(revoked_at=None).order_by().values_list("user_id", flat=True).distinct())
    ended = sessions.end(chosen, why="operator")
    for user_id in people:
        audit.record(
            action="session.ended",
            actor_id=request.user.pk,
            target=str(user_id),
            origin=origin_of(request),
            details={"site": "admin"},
        )
    site.message_user(request, ngettext("%d session ended.", "%d sessions ended.", ended) % ended, messages.SUCCESS)
