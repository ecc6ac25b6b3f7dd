"""The audit log, to read."""

from django.contrib import admin
from django.http import HttpRequest

from chatplatform.core.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin):
    list_display = ("at", "action", "outcome", "actor_id", "target", "address", "request_id")
    list_filter = ("outcome", "action", "at")
    search_fields = ("=actor_id", "=target", "=address", "=request_id")
    date_hierarchy = "at"
    ordering = ("-id",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False
