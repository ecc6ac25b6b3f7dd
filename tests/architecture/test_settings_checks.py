"""Wrong settings stop the boot with an id and a hint."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import override_settings

from chatplatform import variables


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
        ({"LLMCHAT_SESSION_DAYS": -1}, "E007"),
        ({"COZE_SESSION_DAYS": 100_000}, "E007"),
        ({"LOG_LEVEL": "LOUD"}, "E008"),
        ({"REDIS_URL": "http://localhost"}, "E009"),
        ({"EXTRACT_SECONDS": 0}, "E007"),
        ({"SEARCH_THREADS": 0}, "E007"),
        ({"STORAGES": {**settings.STORAGES, "documents": {"BACKEND": "storages.backends.s3.S3Storage"}}}, "E013"),
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


@pytest.mark.parametrize("given", ["20", "20 per minute", "0/m", "-1/m", "20/w", "1000000000/m", "٢٠/m"])
def test_a_rate_is_a_number_in_a_time(monkeypatch: pytest.MonkeyPatch, given: str):
    monkeypatch.setenv("RATE_SENDS", given)
    try:
        assert variables.rate("RATE_SENDS", "20/m") == "20/m"
        assert ids() == {"chatplatform.E011"}
    finally:
        del variables.unreadable["RATE_SENDS"]


def test_a_choice_is_one_of_its_words_in_whatever_case(monkeypatch: pytest.MonkeyPatch):
    for given, expected in (("", "auto"), (" ON ", "on"), ("off", "off")):
        monkeypatch.setenv("GUEST_ACCESS", given)
        assert variables.choice("GUEST_ACCESS", "auto", "on", "off") == expected
    monkeypatch.setenv("GUEST_ACCESS", "everybody")
    try:
        assert variables.choice("GUEST_ACCESS", "auto", "on", "off") == "auto"
        assert ids() == {"chatplatform.E011"}
    finally:
        del variables.unreadable["GUEST_ACCESS"]


def test_a_rate_can_be_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RATE_SENDS", "5/h")
    assert variables.rate("RATE_SENDS", "20/m") == "5/h"
