"""What a vendor's refusal means in our words: from a status, from an error object, from a connection that failed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp

from providers.addresses import AddressRefused
from providers.base import ProviderError, ProviderFault
from providers.hygiene import redact
from providers.retry import parse_retry_after

_STATUS_FAULTS = {
    401: (ProviderFault.AUTH, False),
    403: (ProviderFault.AUTH, False),
    408: (ProviderFault.UNAVAILABLE, True),
    409: (ProviderFault.UNAVAILABLE, True),
    425: (ProviderFault.UNAVAILABLE, True),
    429: (ProviderFault.BUSY, True),
    501: (ProviderFault.UNAVAILABLE, False),
    505: (ProviderFault.UNAVAILABLE, False),
    529: (ProviderFault.BUSY, True),  # Anthropic's "overloaded", passed on by gateways
}


def error_message(body: Any) -> tuple[str, str]:
    """The words and the machine's name of an error object: `{"error": {...}}`, `{"error": "..."}`, `{"message": ...}`, ..."""
    if not isinstance(body, dict):
        return "", ""
    error = body.get("error", body)
    if isinstance(error, str):
        return error, ""
    if not isinstance(error, dict):
        return "", ""
    message = error.get("message") or error.get("detail") or error.get("msg") or ""
    name = " ".join(str(error[key]) for key in ("code", "type") if error.get(key) is not None)
    return str(message), name


def error_of_status(
    status: int, *, words: str, name: str, headers: Mapping[str, str], keys: tuple[str, ...] = ()
) -> ProviderError:
    """What a status other than 200 means; `words` and `name` as of `error_message`."""
    detail = redact(f"HTTP {status} {name}: {words}" if words else f"HTTP {status} {name}", keys=keys)
    fault, retryable = _STATUS_FAULTS.get(status, (ProviderFault.REJECTED, False))
    if status not in _STATUS_FAULTS and status >= 500:
        fault, retryable = ProviderFault.UNAVAILABLE, True
    if status < 400:
        fault = ProviderFault.PROTOCOL  # redirects are not followed: the key would go along
    if "insufficient_quota" in name:
        retryable = False  # OpenAI's 429 for an unpaid bill
    retry_after = parse_retry_after(headers.get("Retry-After"), now=datetime.now(UTC))
    return ProviderError(fault, detail, retryable=retryable, retry_after=retry_after)


def error_in_answer(body: Any, *, keys: tuple[str, ...]) -> ProviderError:
    """An error that came inside a 200, known by its words alone."""
    message, name = error_message(body)
    detail = redact(f"{name}: {message}" if name else message, keys=keys)
    words = f"{name} {message}".lower()
    if any(word in words for word in ("401", "403", "invalid_api_key", "authentication", "permission")):
        return ProviderError(ProviderFault.AUTH, detail)
    if any(word in words for word in ("429", "rate_limit", "rate limit", "overloaded", "529", "too many")):
        return ProviderError(ProviderFault.BUSY, detail, retryable=True)
    if any(word in words for word in ("400", "invalid_request", "context_length", "not_found", "content_policy")):
        return ProviderError(ProviderFault.REJECTED, detail)
    return ProviderError(ProviderFault.UNAVAILABLE, detail, retryable=True)


@contextmanager
def connecting() -> Iterator[None]:
    """Makes a ProviderError of everything that can go wrong up to the response's head."""
    try:
        yield
    except aiohttp.ServerTimeoutError:
        raise ProviderError(ProviderFault.UNAVAILABLE, "no connection in time", retryable=True) from None
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError) as error:
        raise ProviderError(ProviderFault.UNAVAILABLE, type(error).__name__) from error
    except aiohttp.ClientResponseError as error:
        # Headers that are too long or no HTTP at all.
        raise ProviderError(ProviderFault.PROTOCOL, type(error).__name__) from error
    except (aiohttp.InvalidURL, ValueError) as error:
        # ValueError: a key or an address with a line break in it.
        raise ProviderError(ProviderFault.REJECTED, type(error).__name__) from None
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, AddressRefused):
            raise ProviderError(ProviderFault.REJECTED, str(error.os_error)) from None
        raise ProviderError(ProviderFault.UNAVAILABLE, type(error).__name__, retryable=True) from error
    except (aiohttp.ClientError, ConnectionError) as error:
        raise ProviderError(ProviderFault.UNAVAILABLE, type(error).__name__, retryable=True) from error
