"""What this contract calls each domain error, and how an error looks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from django.utils.translation import gettext as _

from chatplatform.contracts.contract import utc
from chatplatform.contracts.errors import ErrorRow, ErrorTable, WireError
from chatplatform.core import errors as core
from conversations.errors import ConversationBusy, ConversationNotFound, MessageNotFound
from providers.errors import ProviderNotAccessible, ProviderSwitchedOff
from retrieval.errors import RetrievalFailed, StorageFailed

ERRORS = ErrorTable(
    {
        core.DomainError: ErrorRow(500, "INTERNAL_ERROR"),
        core.InvalidInput: ErrorRow(400, "VALIDATION_ERROR"),
        core.SocketProtocolError: ErrorRow(400, "WEBSOCKET_ERROR"),
        core.KeyReused: ErrorRow(422, "VALIDATION_ERROR"),
        core.AlreadyTaken: ErrorRow(409, "CONFLICT"),
        core.NotSignedIn: ErrorRow(401, "AUTHENTICATION_FAILED"),
        core.NotAllowed: ErrorRow(403, "PERMISSION_DENIED"),
        ProviderNotAccessible: ErrorRow(403, "PERMISSION_DENIED"),
        core.NotFound: ErrorRow(404, "NOT_FOUND"),
        ConversationNotFound: ErrorRow(404, "SESSION_NOT_FOUND"),
        MessageNotFound: ErrorRow(404, "MESSAGE_NOT_FOUND"),
        core.Conflict: ErrorRow(409, "CONFLICT"),
        ConversationBusy: ErrorRow(409, "SESSION_BUSY"),
        core.RateLimited: ErrorRow(429, "RATE_LIMIT_EXCEEDED"),
        core.QuotaExceeded: ErrorRow(429, "QUOTA_EXCEEDED"),
        core.ContextTooLong: ErrorRow(422, "CONTEXT_TOO_LONG"),
        core.VendorFailed: ErrorRow(502, "LLM_SERVICE_ERROR"),
        core.MethodNotAllowed: ErrorRow(405, "METHOD_NOT_ALLOWED"),
        core.NotAcceptable: ErrorRow(406, "NOT_ACCEPTABLE"),
        core.BodyTooLarge: ErrorRow(413, "PAYLOAD_TOO_LARGE"),
        core.BodyTooSlow: ErrorRow(408, "REQUEST_TIMEOUT"),
        core.UnsupportedMediaType: ErrorRow(415, "UNSUPPORTED_MEDIA_TYPE"),
        core.UpgradeRequired: ErrorRow(426, "UPGRADE_REQUIRED"),
        core.RetryLater: ErrorRow(503, "SERVICE_UNAVAILABLE"),
        core.Unavailable: ErrorRow(503, "SERVICE_UNAVAILABLE"),
        ProviderSwitchedOff: ErrorRow(503, "LLM_SERVICE_ERROR"),
        RetrievalFailed: ErrorRow(502, "RETRIEVAL_ERROR"),
        StorageFailed: ErrorRow(507, "INSUFFICIENT_STORAGE"),
    }
)


def meta(now: datetime) -> dict[str, str]:
    """What every answer carries. The request's id is the one of the header and of the logs."""
    request_id = structlog.contextvars.get_contextvars().get("request_id", "")
    return {"timestamp": utc(now), "request_id": request_id, "version": "v1"}


def error_object(error: WireError) -> dict[str, Any]:
    """`details` is a sentence here; what is wrong with which field has a place of its own."""
    found: dict[str, Any] = {
        "code": error.code,
        "details": error.message if error.field or not error.issue else error.issue,
        "field_errors": {name: list(issues) for name, issues in error.fields.items() if name},
    }
    if error.turn_id:
        found["turn_id"] = error.turn_id
    if error.text_kept:
        found["text_kept"] = True
    if error.retry_after is not None:
        found["retry_after"] = error.retry_after
    return found


def failure(error: WireError, now: datetime) -> dict[str, Any]:
    return {
        "success": False,
        "data": None,
        "message": _("The operation failed."),
        "error": error_object(error),
        "meta": meta(now),
    }
