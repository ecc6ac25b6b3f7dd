"""What this contract calls each domain error, and how an error looks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from chatplatform.contracts.errors import ErrorRow, ErrorTable, WireError
from chatplatform.core import errors as core
from providers.errors import ProviderSwitchedOff
from retrieval.errors import RetrievalFailed, StorageFailed

ERRORS = ErrorTable(
    {
        core.DomainError: ErrorRow(500, "INTERNAL_ERROR"),
        core.InvalidInput: ErrorRow(400, "VALIDATION_ERROR"),
        core.KeyReused: ErrorRow(422, "VALIDATION_ERROR"),
        core.AlreadyTaken: ErrorRow(409, "CONFLICT"),
        core.NotSignedIn: ErrorRow(401, "UNAUTHORIZED"),
        core.NotAllowed: ErrorRow(403, "FORBIDDEN"),
        core.NotFound: ErrorRow(404, "NOT_FOUND"),
        core.Conflict: ErrorRow(409, "CONFLICT"),
        core.RateLimited: ErrorRow(429, "RATE_LIMITED"),
        core.QuotaExceeded: ErrorRow(429, "QUOTA_EXCEEDED"),
        core.ContextTooLong: ErrorRow(400, "VALIDATION_ERROR"),
        core.VendorFailed: ErrorRow(503, "SERVICE_UNAVAILABLE"),
        core.MethodNotAllowed: ErrorRow(405, "METHOD_NOT_ALLOWED"),
        core.NotAcceptable: ErrorRow(406, "NOT_ACCEPTABLE"),
        core.BodyTooLarge: ErrorRow(413, "PAYLOAD_TOO_LARGE"),
        core.BodyTooSlow: ErrorRow(408, "REQUEST_TIMEOUT"),
        core.UnsupportedMediaType: ErrorRow(415, "UNSUPPORTED_MEDIA_TYPE"),
        core.UpgradeRequired: ErrorRow(426, "UPGRADE_REQUIRED"),
        RetrievalFailed: ErrorRow(503, "SERVICE_UNAVAILABLE"),
        StorageFailed: ErrorRow(507, "INSUFFICIENT_STORAGE"),
        core.RetryLater: ErrorRow(503, "SERVICE_UNAVAILABLE"),
        core.Unavailable: ErrorRow(503, "SERVICE_UNAVAILABLE"),
        ProviderSwitchedOff: ErrorRow(503, "SERVICE_UNAVAILABLE"),
    }
)


def moment(when: datetime) -> str:
    """`2025-10-18T10:30:00.000Z`."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def error_object(error: WireError) -> dict[str, Any]:
    """`{type, details, ...}`: `details` is a sentence; what a program wants to know stands beside it."""
    name = error.code.title().replace("_", "")
    found: dict[str, Any] = {
        "type": name if name.endswith("Error") else f"{name}Error",
        "details": f"{error.field}: {error.issue}" if error.field else error.issue or error.message,
    }
    if error.field:
        found["field"] = error.field
    if error.turn_id:
        found["turnId"] = error.turn_id
    if error.text_kept:
        found["textKept"] = True
    if error.retry_after is not None:
        found["retryAfter"] = error.retry_after
    return found


def failure(error: WireError, now: datetime) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "error": error_object(error), "timestamp": moment(now)}
