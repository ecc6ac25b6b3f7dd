"""The tiers that the platform starts with."""

from __future__ import annotations

from typing import Any

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import DEFAULT_DB_ALIAS, router

from quotas.models import ENTERPRISE, GUEST, STANDARD, VIP

TIERS: dict[str, dict[str, Any]] = {
    STANDARD: {
        "name": "Standard",
        "daily_requests": 50,
        "monthly_requests": 1_000,
        "daily_tokens": 10_000,
        "monthly_tokens": 100_000,
    },
    VIP: {
        "name": "VIP",
        "daily_requests": 200,
        "monthly_requests": 5_000,
        "daily_tokens": 50_000,
        "monthly_tokens": 500_000,
    },
    GUEST: {
        # Of all guests together: they are one account.
        "name": "Guest",
        "daily_requests": 50,
        "monthly_requests": 500,
        "daily_tokens": 10_000,
        "monthly_tokens": 50_000,
    },
    ENTERPRISE: {
        "name": "Enterprise",
        "daily_requests": None,
        "monthly_requests": None,
        "daily_tokens": None,
        "monthly_tokens": None,
    },
}


def seed_tiers_after_migrate(*, apps: Apps = current_apps, using: str = DEFAULT_DB_ALIAS, **_: Any) -> None:
    """Adds the tiers that are missing and leaves what an operator changed.

    Not a data migration, because emptying a database (`flush`) must bring them back, as it does Django's permissions.
    """
    try:
        tier = apps.get_model("quotas", "Tier")
    except LookupError:  # migrated backwards, to before there were tiers
        return
    if router.allow_migrate_model(using, tier):
        tier._default_manager.using(using).bulk_create(
            [tier(slug=slug, **limits) for slug, limits in TIERS.items()], ignore_conflicts=True
        )
