"""A zone that the database does not know stops the start with a hint."""

from __future__ import annotations

import pytest

from quotas.checks import database_knows_the_zone

pytestmark = pytest.mark.django_db


def test_a_zone_that_the_database_knows_is_fine(settings) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"

    assert database_knows_the_zone(databases=["default"]) == []


def test_a_zone_that_the_database_does_not_know_is_an_error(settings) -> None:
    settings.TIME_ZONE = "Mars/Olympus"
    (error,) = database_knows_the_zone(databases=["default"])

    assert error.id == "quotas.E001"
    assert "Mars/Olympus" in error.msg
    assert error.hint


def test_without_the_database_nothing_is_asked() -> None:
    assert database_knows_the_zone(databases=None) == []
