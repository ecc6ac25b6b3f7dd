"""What this contract calls each domain error, and how an error looks: OpenAI's statuses and codes, since its clients go by them.

InvalidInput
└── UnsupportedParameter    a parameter, or a value of one, that would change the answer and does nothing here
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chatplatform.contracts.errors import ErrorRow, ErrorTable, WireError
from chatplatform.core import errors as core
from conversations.errors import AnswerFailed
from providers.errors import ProviderSwitchedOff, UnknownModel
from quotas.errors import AllowanceUsedUp
from retrieval.errors import RetrievalFailed, StorageFailed


class UnsupportedParameter(core.InvalidInput):
    """This parameter is not supported here."""


_IN_VAIN = (("x-should-retry", "false"),)
"""Tells the official clients, which try again after every 429 and 5xx, that they would do so in vain."""

ERRORS = ErrorTable(
    {
        core.DomainError: ErrorRow(500, "internal_error"),
        core.InvalidInput: ErrorRow(400, "invalid_value"),
        core.MalformedBody: ErrorRow(400, "invalid_json"),
        core.KeyReused: ErrorRow(422, "idempotency_key_reused"),
        core.AlreadyTaken: ErrorRow(409, "conflict"),
        UnsupportedParameter: ErrorRow(400, "unsupported_parameter"),
        UnknownModel: ErrorRow(404, "model_not_found"),
        core.NotSignedIn: ErrorRow(401, "invalid_api_key"),
        core.NotAllowed: ErrorRow(403, "insufficient_permissions"),
        core.NotFound: ErrorRow(404, "not_found"),
        core.Conflict: ErrorRow(409, "conflict"),
        core.RateLimited: ErrorRow(429, "rate_limit_exceeded"),
        core.QuotaExceeded: ErrorRow(429, "insufficient_quota"),
        AllowanceUsedUp: ErrorRow(429, "insufficient_quota", headers=_IN_VAIN),
        core.ContextTooLong: ErrorRow(400, "context_length_exceeded"),
        core.VendorFailed: ErrorRow(502, "vendor_failed"),
        AnswerFailed: ErrorRow(502, "vendor_failed", headers=_IN_VAIN),  # it was charged, or would be in the history twice
        core.MethodNotAllowed: ErrorRow(405, "method_not_allowed"),
        core.NotAcceptable: ErrorRow(406, "not_acceptable"),
        core.BodyTooLarge: ErrorRow(413, "request_too_large"),
        core.BodyTooSlow: ErrorRow(408, "request_timeout"),
        core.UnsupportedMediaType: ErrorRow(415, "unsupported_media_type"),
        core.UpgradeRequired: ErrorRow(426, "upgrade_required"),
        RetrievalFailed: ErrorRow(502, "retrieval_failed"),
        StorageFailed: ErrorRow(507, "insufficient_storage", headers=_IN_VAIN),
        core.RetryLater: ErrorRow(503, "service_unavailable"),
        core.Unavailable: ErrorRow(503, "service_unavailable"),
        ProviderSwitchedOff: ErrorRow(503, "service_unavailable"),
    }
)

_TYPES = {"rate_limit_exceeded": "requests", "insufficient_quota": "insufficient_quota"}


def error_object(error: WireError) -> dict[str, Any]:
    """`{message, type, param, code}`, with what else there is to know."""
    found: dict[str, Any] = {
        "message": error.issue or error.message,
        "type": _TYPES.get(error.code, "server_error" if error.status >= 500 else "invalid_request_error"),
        "param": error.field or None,
        "code": error.code,
    }
    if error.turn_id:
        found["turn_id"] = error.turn_id
    if error.retry_after is not None:
        found["retry_after"] = error.retry_after
    return found


def failure(error: WireError, _now: datetime) -> dict[str, Any]:
    return {"error": error_object(error)}
