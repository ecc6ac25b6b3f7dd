"""What this contract calls each domain error, and how an error looks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chatplatform.contracts.contract import utc
from chatplatform.contracts.errors import ErrorRow, ErrorTable, WireError, coded_error
from chatplatform.core import errors as core
from conversations.errors import ConversationBusy
from providers.errors import ProviderSwitchedOff
from retrieval.errors import RetrievalFailed, StorageFailed

ERRORS = ErrorTable(
    {
        core.DomainError: ErrorRow(500, "INTERNAL_SERVER_ERROR"),
        core.InvalidInput: ErrorRow(422, "VALIDATION_ERROR"),
        core.MalformedBody: ErrorRow(400, "VALIDATION_ERROR"),
        core.UnknownHost: ErrorRow(400, "VALIDATION_ERROR"),
        core.AlreadyTaken: ErrorRow(422, "VALIDATION_ERROR"),
        core.NotSignedIn: ErrorRow(401, "AUTHENTICATION_ERROR"),
        core.NotAllowed: ErrorRow(403, "AUTHORIZATION_ERROR"),
        core.NotFound: ErrorRow(404, "RESOURCE_NOT_FOUND"),
        core.Conflict: ErrorRow(409, "CONFLICT"),
        ConversationBusy: ErrorRow(409, "CONVERSATION_BUSY"),
        core.RateLimited: ErrorRow(429, "RATE_LIMIT_EXCEEDED"),
        core.QuotaExceeded: ErrorRow(429, "QUOTA_EXCEEDED"),
        core.ContextTooLong: ErrorRow(422, "CONTEXT_TOO_LONG"),
        core.VendorFailed: ErrorRow(502, "OPENAI_API_ERROR"),
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
        ProviderSwitchedOff: ErrorRow(503, "OPENAI_API_ERROR"),
        core.DatabaseAway: ErrorRow(503, "DATABASE_ERROR"),
        core.CacheAway: ErrorRow(503, "DATABASE_ERROR"),
    }
)


def error_object(error: WireError) -> dict[str, Any]:
    return coded_error(error, issue="issue")


def failure(error: WireError, now: datetime) -> dict[str, Any]:
    return {"success": False, "error": error_object(error), "timestamp": utc(now)}
