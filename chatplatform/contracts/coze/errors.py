"""With what status this contract answers each domain error, and how an error looks. It has no codes: a sentence is all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chatplatform.contracts.errors import ErrorRow, ErrorTable, WireError
from chatplatform.core import errors as core
from providers.errors import ProviderSwitchedOff
from retrieval.errors import RetrievalFailed, StorageFailed

ERRORS = ErrorTable(
    {
        core.DomainError: ErrorRow(500, ""),
        core.InvalidInput: ErrorRow(400, ""),
        core.KeyReused: ErrorRow(422, ""),
        core.NotSignedIn: ErrorRow(401, ""),
        core.NotAllowed: ErrorRow(403, ""),
        core.NotFound: ErrorRow(404, ""),
        core.Conflict: ErrorRow(409, ""),
        core.RateLimited: ErrorRow(429, ""),
        core.QuotaExceeded: ErrorRow(429, ""),
        core.ContextTooLong: ErrorRow(400, ""),
        core.VendorFailed: ErrorRow(503, ""),
        core.MethodNotAllowed: ErrorRow(405, ""),
        core.NotAcceptable: ErrorRow(406, ""),
        core.BodyTooLarge: ErrorRow(413, ""),
        core.BodyTooSlow: ErrorRow(408, ""),
        core.UnsupportedMediaType: ErrorRow(415, ""),
        core.UpgradeRequired: ErrorRow(426, ""),
        RetrievalFailed: ErrorRow(503, ""),
        StorageFailed: ErrorRow(507, ""),
        core.RetryLater: ErrorRow(503, ""),
        core.Unavailable: ErrorRow(503, ""),
        ProviderSwitchedOff: ErrorRow(503, ""),
    }
)


def sentence(error: WireError) -> str:
    """What a person reads, with what is wrong where something is."""
    if error.field and error.issue:
        return f"{error.field}: {error.issue}"
    return error.issue or error.message


def failure(error: WireError, now: datetime) -> dict[str, Any]:
    found: dict[str, Any] = {"detail": sentence(error)}
    return found | {"turn_id": error.turn_id} if error.turn_id else found
