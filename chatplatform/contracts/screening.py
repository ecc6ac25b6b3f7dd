"""What is wrong with a request whatever it asks for, and is refused before anybody looks at its path: native routes, Django's,
sockets and static files alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.translation import gettext as _

from chatplatform.contracts.incoming import in_language
from chatplatform.core.errors import InvalidInput, UnknownHost


def screen(scope: Mapping[str, Any]) -> None:
    """Raises UnknownHost, and InvalidInput for a query that nobody could read."""
    problem: Callable[[Mapping[str, Any]], InvalidInput]
    query: bytes = scope["query_string"]
    if not _is_allowed(named_host(scope), tuple(settings.ALLOWED_HOSTS)):
        problem = _foreign_host
    elif query.count(b"&") >= settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:  # Django's parser raises beyond it
        problem = _too_many_parameters
    elif b"%00" in query or b"\0" in query:  # PostgreSQL takes none
        problem = _nul_in_query
    else:
        return
    with in_language({"accept-language": dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")}):
        raise problem(scope)


def named_host(scope: Mapping[str, Any]) -> str:
    """The host and port that the client asked for. A request that names none (HTTP/1.0) means the address it was sent to."""
    named = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    if named:
        return ",".join(named)  # several are no name at all
    address = (scope.get("server") or ("localhost", None))[0]
    return f"[{address}]" if ":" in address else address


@lru_cache(maxsize=1024)
def _is_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)


def _foreign_host(_scope: Mapping[str, Any]) -> InvalidInput:
    return UnknownHost(field="Host")


def _too_many_parameters(_scope: Mapping[str, Any]) -> InvalidInput:
    return InvalidInput(issue=_("There are too many query parameters."))


def _nul_in_query(scope: Mapping[str, Any]) -> InvalidInput:
    parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    field = next((name for name, value in parameters if "\0" in value and "\0" not in name), "")
    return InvalidInput(field=field[:200], issue=_("The character NUL is not allowed."))
