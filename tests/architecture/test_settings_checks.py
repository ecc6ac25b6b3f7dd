"""Wrong settings stop the boot with an id and a hint."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings


def ids(**changed) -> set[str]:
    with override_settings(**changed):
        found = [finding for finding in run_checks() if (finding.id or "").startswith("chatplatform.")]
        assert all(finding.hint for finding in found)
        return {str(finding.id) for finding in found}


def test_the_settings_of_this_run_are_fine():
    assert ids() == set()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"SECRET_KEY": "short"}, "E001"),
        ({"SECRET_KEY": "a" * 64}, "E001"),
        ({"SIMPLE_JWT": {"SIGNING_KEY": "x"}}, "E001"),
        ({"ENCRYPTION_KEYS": ""}, "E002"),
        ({"ENCRYPTION_KEYS": "k1:not base64"}, "E002"),
        ({"ENCRYPTION_KEYS": "k1:c2hvcnQ="}, "E002"),
        ({"TRUSTED_PROXIES": ["10.0.0.0/8", "proxy"]}, "E003"),
        ({"METRICS_ALLOWED_ADDRESSES": ["localhost"]}, "E012"),
        ({"CORS_ALLOWED_ORIGINS": ["example.org"]}, "E004"),
        ({"CORS_ALLOWED_ORIGINS": ["https://example.org/"]}, "E004"),
        ({"PUBLIC_BASE_URL": "example.org"}, "E005"),
        ({"TIME_ZONE": "Mars/Olympus"}, "E006"),
        ({"WEB_THREADS": 0}, "E007"),
        ({"TURN_DB_THREADS": 1000}, "E007"),
        ({"DRAIN_SECONDS": 60}, "E007"),
        ({"LOG_LEVEL": "LOUD"}, "E008"),
        ({"REDIS_URL": "http://localhost"}, "E009"),
    ],
)
def test_a_wrong_setting_has_its_id(changed, expected):
    if "TIME_ZONE" in changed:  # Django itself refuses to take it on
        from chatplatform.checks import _zone

        original, settings.TIME_ZONE = settings.TIME_ZONE, changed["TIME_ZONE"]
        try:
            assert {finding.id for finding in _zone()} == {f"chatplatform.{expected}"}
        finally:
            settings.TIME_ZONE = original
        return
    assert f"chatplatform.{expected}" in ids(**changed)
