"""Operators edit tiers and only read what the ledger wrote."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.http import HttpRequest
from django.test import RequestFactory

from quotas.models import Allowance, Reservation, Tier, Usage

pytestmark = pytest.mark.django_db


@pytest.fixture
def request_of_an_admin(rf: RequestFactory) -> HttpRequest:
    request = rf.get("/admin/")
    request.user = get_user_model()(username="alice", is_superuser=True, is_active=True)
    return request


@pytest.mark.parametrize("model", [Allowance, Reservation, Usage])
def test_the_books_are_read_only(model: type[Model], request_of_an_admin: HttpRequest) -> None:
    shown = admin.site.get_model_admin(model)

    assert shown.has_view_permission(request_of_an_admin)
    assert not shown.has_add_permission(request_of_an_admin)
    assert not shown.has_change_permission(request_of_an_admin)
    assert not shown.has_delete_permission(request_of_an_admin)


def test_a_tiers_limits_can_be_edited_and_left_empty(request_of_an_admin: HttpRequest) -> None:
    shown = admin.site.get_model_admin(Tier)
    vip = Tier.objects.get(slug="vip")
    form_class = shown.get_form(request_of_an_admin, vip, change=True)
    form = form_class(
        {"name": "VIP", "daily_requests": "0", "monthly_requests": "", "daily_tokens": "7", "monthly_tokens": ""},
        instance=vip,
    )

    assert form.is_valid(), form.errors
    form.save()
    vip.refresh_from_db()
    assert (vip.daily_requests, vip.monthly_requests, vip.daily_tokens, vip.monthly_tokens) == (0, None, 7, None)
    assert vip.slug == "vip"


def test_a_limit_below_zero_is_refused(request_of_an_admin: HttpRequest) -> None:
    vip = Tier.objects.get(slug="vip")
    form = admin.site.get_model_admin(Tier).get_form(request_of_an_admin, vip, change=True)(
        {"name": "VIP", "daily_requests": "-1"}, instance=vip
    )

    assert "daily_requests" in form.errors


def test_the_tiers_of_the_documents_cannot_be_deleted(request_of_an_admin: HttpRequest) -> None:
    shown = admin.site.get_model_admin(Tier)
    own = Tier.objects.create(slug="school", name="School")

    assert not shown.has_delete_permission(request_of_an_admin, Tier.objects.get(slug="standard"))
    assert shown.has_delete_permission(request_of_an_admin, own)
    assert "delete_selected" not in shown.get_actions(request_of_an_admin)
