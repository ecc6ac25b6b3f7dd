"""Every domain error has a name and a status in every contract, and a message in both languages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from chatplatform.contracts.error_messages import ERROR_MESSAGES
from chatplatform.contracts.errors import SOON, WireError
from chatplatform.contracts.registry import CONTRACTS
from chatplatform.core.errors import DomainError, RetryLater, VendorFailed

OURS = ("accounts", "providers", "quotas", "retrieval", "conversations", "chatplatform")


def every_error() -> list[type[DomainError]]:
    """Those of all our modules, whoever imports them."""
    for package in OURS:
        root = importlib.import_module(package)
        for module in pkgutil.walk_packages(root.__path__, f"{package}."):
            if ".migrations" not in module.name and ".embedded." not in module.name and not module.name.endswith("asgi"):
                importlib.import_module(module.name)

    def below(kind: type[DomainError]) -> Iterator[type[DomainError]]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    return [kind for kind in below(DomainError) if not kind.__module__.startswith("tests")]


def test_every_domain_error_has_a_row_of_its_own_or_of_an_ancestor_below_the_root():
    errors = every_error()
    assert len(errors) > 25
    for contract in CONTRACTS:
        for kind in errors:
            assert contract.errors.stated_for(kind) is not DomainError, f"{contract.name}: {kind.__name__}"


def test_every_error_that_is_answered_with_429_or_503_says_when_to_come_back():
    for contract in CONTRACTS:
        for kind in every_error():
            if contract.errors.row_for(kind).status in (429, 503):
                assert issubclass(kind, RetryLater | VendorFailed), f"{contract.name}: {kind.__name__} has no retry_after"


def test_a_vendor_that_did_not_say_when_to_come_back_is_tried_again_soon_where_the_status_promises_an_answer():
    promised = {contract.name: WireError.of(VendorFailed(), contract.errors).retry_after for contract in CONTRACTS}
    assert promised == {"chatgpt_backend": None, "lyss": None, "llmchat": SOON, "chat_system": None, "openai": None, "coze": SOON}
    assert {WireError.of(VendorFailed(retry_after=30), contract.errors).retry_after for contract in CONTRACTS} == {30}


DOCUMENTED = {
    "chatgpt_backend": {
        ("VALIDATION_ERROR", 422),
        ("VALIDATION_ERROR", 400),
        ("AUTHENTICATION_ERROR", 401),
        ("AUTHORIZATION_ERROR", 403),
        ("RESOURCE_NOT_FOUND", 404),
        ("CONVERSATION_BUSY", 409),
        ("QUOTA_EXCEEDED", 429),
        ("RATE_LIMIT_EXCEEDED", 429),
        ("OPENAI_API_ERROR", 502),
        ("RETRIEVAL_ERROR", 502),
        ("CONTEXT_TOO_LONG", 422),
        ("DATABASE_ERROR", 503),
        ("INTERNAL_SERVER_ERROR", 500),
        ("PAYLOAD_TOO_LARGE", 413),
        ("UNSUPPORTED_MEDIA_TYPE", 415),
    },
    "lyss": {
        ("VALIDATION_ERROR", 400),
        ("UNAUTHORIZED", 401),
        ("FORBIDDEN", 403),
        ("NOT_FOUND", 404),
        ("CONFLICT", 409),
        ("RATE_LIMITED", 429),
        ("INTERNAL_ERROR", 500),
        ("USER_ALREADY_EXISTS", 409),
        ("INVALID_CREDENTIALS", 401),
        ("TOKEN_EXPIRED", 401),
        ("PROVIDER_NOT_ACCESSIBLE", 403),
        ("PROVIDER_INACTIVE", 400),
        ("CONVERSATION_NOT_FOUND", 404),
        ("AI_API_ERROR", 502),
        ("RETRIEVAL_ERROR", 502),
        ("INSUFFICIENT_QUOTA", 403),
    },
    "chat_system": {
        ("VALIDATION_ERROR", 400),
        ("AUTHENTICATION_FAILED", 401),
        ("PERMISSION_DENIED", 403),
        ("SESSION_NOT_FOUND", 404),
        ("MESSAGE_NOT_FOUND", 404),
        ("SESSION_BUSY", 409),
        ("RATE_LIMIT_EXCEEDED", 429),
        ("LLM_SERVICE_ERROR", 502),
        ("LLM_SERVICE_ERROR", 503),
        ("RETRIEVAL_ERROR", 502),
        ("CONTEXT_TOO_LONG", 422),
        ("WEBSOCKET_ERROR", 400),
        ("INTERNAL_ERROR", 500),
        ("SERVICE_UNAVAILABLE", 503),
    },
    "llmchat": {
        ("VALIDATION_ERROR", 400),
        ("UNAUTHORIZED", 401),
        ("FORBIDDEN", 403),
        ("NOT_FOUND", 404),
        ("CONFLICT", 409),
        ("RATE_LIMITED", 429),
        ("INTERNAL_ERROR", 500),
        ("SERVICE_UNAVAILABLE", 503),
    },
    "coze": {("", status) for status in (400, 401, 403, 404, 409, 429, 500, 503)},  # its errors have no codes
    "openai": {
        ("invalid_value", 400),
        ("unsupported_parameter", 400),
        ("context_length_exceeded", 400),
        ("invalid_api_key", 401),
        ("insufficient_permissions", 403),
        ("model_not_found", 404),
        ("rate_limit_exceeded", 429),
        ("insufficient_quota", 429),
        ("internal_error", 500),
        ("service_unavailable", 503),
    },
}


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.name)
def test_the_documented_codes_have_their_documented_statuses(contract):
    kinds = [*every_error(), DomainError]
    rows = {(row.code, row.status) for row in (contract.errors.row_for(kind) for kind in kinds)}
    assert DOCUMENTED[contract.name] <= rows


def test_the_list_for_translators_is_whole():
    written = {(kind.__doc__ or "").strip() for kind in [*every_error(), DomainError]}
    assert written - set(ERROR_MESSAGES) == set(), "add these to contracts/error_messages.py and the catalogue"
    assert set(ERROR_MESSAGES) - written == set(), "nobody says these any more"


@pytest.mark.parametrize("message", ERROR_MESSAGES)
def test_every_error_has_a_chinese_message(message):
    with translation.override("zh-hans"):
        assert not gettext(message).isascii()
    with translation.override("en"):
        assert gettext(message) == message


def test_the_catalogue_has_no_holes():
    catalogue = Path(settings.LOCALE_PATHS[0]) / "zh_Hans" / "LC_MESSAGES" / "django.po"
    entries = catalogue.read_text(encoding="utf-8").split("\n\n")[1:]
    empty = [entry for entry in entries if entry.rstrip().endswith(('msgstr ""', 'msgstr[0] ""'))]
    assert not empty
    assert len(entries) > 200
    assert all(apps.is_installed(name) for name in ("accounts", "conversations"))
