"""What this contract calls each domain error, and how an error looks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chatplatform.contracts.contract import utc
from chatplatform.contracts.errors import ErrorRow, ErrorTable, WireError, coded_error
from chatplatform.core import errors as core
from conversations.errors import ConversationNotFound
from providers.errors import ProviderNotAccessible, ProviderSwitchedOff
from retrieval.errors import RetrievalFailed, StorageFailed

ERRORS = ErrorTable(
    {
        core.DomainError: ErrorRow(500, "INTERNAL_ERROR"),
        core.InvalidInput: ErrorRow(400, "VALIDATION_ERROR"),
        core.KeyReused: ErrorRow(422, "VALIDATION_ERROR"),
        core.AlreadyTaken: ErrorRow(409, "USER_ALREADY_EXISTS"),
        core.NotSignedIn: ErrorRow(401, "UNAUTHORIZED"),
        core.TokenExpired: ErrorRow(401, "TOKEN_EXPIRED"),
        core.WrongCredentials: ErrorRow(401, "INVALID_CREDENTIALS"),
        core.NotAllowed: ErrorRow(403, "FORBIDDEN"),
        ProviderNotAccessible: ErrorRow(403, "PROVIDER_NOT_ACCESSIBLE"),
        core.NotFound: ErrorRow(404, "NOT_FOUND"),
        ConversationNotFound: ErrorRow(404, "CONVERSATION_NOT_FOUND"),
        core.Conflict: ErrorRow(409, "CONFLICT"),
        core.RateLimited: ErrorRow(429, "RATE_LIMITED"),
        core.QuotaExceeded: ErrorRow(403, "INSUFFICIENT_QUOTA"),
        core.ContextTooLong: ErrorRow(400, "VALIDATION_ERROR"),
        core.VendorFailed: ErrorRow(502, "AI_API_ERROR"),
        core.MethodNotAllowed: ErrorRow(405, "METHOD_NOT_ALLOWED"),
        core.NotAcceptable: ErrorRow(406, "NOT_ACCEPTABLE"),
        core.BodyTooLarge: ErrorRow(413, "PAYLOAD_TOO_LARGE"),
        core.BodyTooSlow: ErrorRow(408, "REQUEST_TIMEOUT"),
        core.UnsupportedMediaType: ErrorRow(415, "UNSUPPORTED_MEDIA_TYPE"),
        core.UpgradeRequired: ErrorRow(426, "UPGRADE_REQUIRED"),
        RetrievalFailed: ErrorRow(502, "RETRIEVAL_ERROR"),
        StorageFailed: ErrorRow(507, "INSUFFICIENT_STORAGE"),
        core.RetryLater: ErrorRow(503, "SERVICE_UNAVAILABLE"),
        core.Unavailable: ErrorRow(503, "SERVICE_UNAVAILABLE"),
        ProviderSwitchedOff: ErrorRow(400, "PROVIDER_INACTIVE"),
    }
)


def error_object(error: WireError) -> dict[str, Any]:
    return coded_error(error, issue="reason")


def failure(error: WireError, now: datetime) -> dict[str, Any]:
    return {"success": False, "error": error_object(error), "timestamp": utc(now)}
