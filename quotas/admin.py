"""Operators edit tiers. What the ledger wrote they can only read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from quotas.models import ENTERPRISE, STANDARD, VIP, Allowance, Reservation, Tier, Usage


@admin.register(Tier)
class TierAdmin(admin.ModelAdmin):
    list_display = ("name", "slug", "daily_requests", "monthly_requests", "daily_tokens", "monthly_tokens")
    fields = (*list_display, "created_at", "updated_at")
    readonly_fields = ("created_at", "updated_at")
    search_fields = ("name", "slug")

    def get_readonly_fields(self, request: HttpRequest, obj: Tier | None = None) -> tuple[str, ...]:
        # Users carry the slug, so it stays what it is.
        return self.readonly_fields if obj is None else (*self.readonly_fields, "slug")

    def has_delete_permission(self, request: HttpRequest, obj: Tier | None = None) -> bool:
        return (obj is None or obj.slug not in (STANDARD, VIP, ENTERPRISE)) and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        # Deleting in bulk would pass by the tiers that must stay.
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}


class _WrittenByTheLedger:
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Allowance)
class AllowanceAdmin(_WrittenByTheLedger, admin.ModelAdmin):
    list_display = ("user_id", "key", "requests_used", "requests_reserved", "tokens_used", "tokens_reserved")
    list_filter = ("period",)
    search_fields = ("=user_id", "=key")
    ordering = ("-id",)


@admin.register(Reservation)
class ReservationAdmin(_WrittenByTheLedger, admin.ModelAdmin):
    list_display = ("turn_id", "user_id", "state", "requests", "prompt_tokens", "output_tokens", "tokens", "created_at")
    list_filter = ("state",)
    search_fields = ("=turn_id", "=user_id")
    ordering = ("-created_at",)


@admin.register(Usage)
class UsageAdmin(_WrittenByTheLedger, admin.ModelAdmin):
    list_display = (
        "created_at",
        "user_id",
        "kind",
        "provider_name",
        "model_answered",
        "prompt_tokens",
        "completion_tokens",
        "charged_tokens",
        "source",
        "cost_micros",
    )
    list_filter = ("kind", "source", "provider_name", "created_at")
    search_fields = ("=user_id", "=turn_id", "=message_id", "model_answered")
    ordering = ("-id",)
