"""What can go wrong.

ChatPlatformError
├─ APIConnectionError           the platform was not reached, or was lost on the way
│  └─ APITimeoutError           it took too long
├─ TurnFailed                   an answer that had begun could not be finished; what there is of it is kept
└─ APIError                     the platform refused: status, code, message, details
   ├─ ValidationError           400, 406, 413, 415, 422
   ├─ AuthenticationError       401
   ├─ PermissionDeniedError     403
   ├─ NotFoundError             404
   ├─ ConflictError             409: `turn_id` is the answer that is being written there already
   ├─ RateLimitError            429: too many requests, or the quota is used up
   └─ ServerError               5xx
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class ChatPlatformError(Exception):
    """The base of all errors of this package."""


class APIConnectionError(ChatPlatformError):
    """`sent`: whether the platform may have got the request."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


class APITimeoutError(APIConnectionError):
    """The platform, or the way to it, was silent for too long."""


class TurnFailed(ChatPlatformError):
    """An answer failed after it had begun. `retry_after` (seconds) says when to ask again, where somebody knows."""

    def __init__(self, message: str, *, code: str, turn_id: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.turn_id = turn_id
        self.details = details
        self.retry_after: float | None = _seconds(details.get("retry_after", details.get("retryAfter")))


class APIError(ChatPlatformError):
    """`code` is the contract's word for it, `details` what else it says; `request_id` is its name in the platform's logs."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        details: Mapping[str, Any] | None = None,
        request_id: str = "",
        retry_after: float | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}" if code else f"{status}: {message}")
        self.message = message
        self.status = status
        self.code = code
        self.details: Mapping[str, Any] = details or {}
        self.request_id = request_id
        self.retry_after = retry_after
        self.body = body

    @property
    def turn_id(self) -> str:
        """The answer that this is about: one that is being written already, or one whose vendor failed. Empty: none."""
        return str(self.details.get("turn_id") or self.details.get("turnId") or "")


class ValidationError(APIError): ...


class AuthenticationError(APIError): ...


class PermissionDeniedError(APIError): ...


class NotFoundError(APIError): ...


class ConflictError(APIError): ...


class RateLimitError(APIError): ...


class ServerError(APIError): ...


_BY_STATUS: Mapping[int, type[APIError]] = {
    400: ValidationError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    406: ValidationError,
    409: ConflictError,
    413: ValidationError,
    415: ValidationError,
    422: ValidationError,
    429: RateLimitError,
}
_SIGNED_OUT = frozenset({"AUTHENTICATION_ERROR", "AUTHENTICATION_FAILED", "UNAUTHORIZED", "TOKEN_EXPIRED"})


def is_signed_out(code: str) -> bool:
    """Whether any of the platform's contracts says "not signed in" with this code."""
    return code in _SIGNED_OUT


def api_error(status: int, text: str, headers: Mapping[str, str]) -> APIError:
    """The error that a refusal is, whichever contract words it."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    code, message, details = read_error(body)
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else APIError)
    return kind(
        message or "the platform gave no reason",
        status=status,
        code=code,
        details=details,
        request_id=headers.get("x-request-id", ""),
        retry_after=_seconds(headers.get("retry-after")),
        body=text if body is None else body,
    )


def read_error(body: Any) -> tuple[str, str, Mapping[str, Any]]:
    """Code, message and details of an error object in any contract's shape: as a body, or as the data of an event."""
    if not isinstance(body, dict):
        return "", "", {}
    inner = body.get("error")
    if not isinstance(inner, dict):
        return str(body.get("code", "")), str(body.get("message") or body.get("detail") or ""), body
    details = inner.get("details")
    return (
        str(inner.get("code") or body.get("code") or ""),
        str(inner.get("message") or body.get("message") or ""),
        details if isinstance(details, dict) else inner,
    )


def _seconds(value: Any) -> float | None:
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        return None  # a date: nobody of ours sends one


def socket_refusal(frame: Mapping[str, Any]) -> APIError:
    """The error that an `error` frame of a socket is: as the same refusal by HTTP."""
    code, message, details = read_error(frame)
    status = _STATUS_OF.get(code, 500)
    kind = _BY_STATUS.get(status, ServerError)
    return kind(message, status=status, code=code, details=details, retry_after=_seconds(details.get("retry_after")), body=frame)


_STATUS_OF: Mapping[str, int] = {
    "VALIDATION_ERROR": 422,
    "CONTEXT_TOO_LONG": 422,
    "AUTHENTICATION_ERROR": 401,
    "AUTHORIZATION_ERROR": 403,
    "RESOURCE_NOT_FOUND": 404,
    "CONFLICT": 409,
    "CONVERSATION_BUSY": 409,
    "RATE_LIMIT_EXCEEDED": 429,
    "QUOTA_EXCEEDED": 429,
    "OPENAI_API_ERROR": 502,
    "RETRIEVAL_ERROR": 502,
    "SERVICE_UNAVAILABLE": 503,
    "DATABASE_ERROR": 503,
}
"""What the contract of the socket answers by HTTP where it says the same."""
