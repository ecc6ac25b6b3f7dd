"""A request, the same whether Django's handler or an ASGI consumer received it, and the steps that both take with it: choose the
language, check who is asking and how often, parse the body. A test sends every bad input to both."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from random import getrandbits
from typing import Any

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import get_supported_language_variant, parse_accept_lang_header
from rest_framework.serializers import Serializer, ValidationError

from accounts.door import Credentials, authenticate
from accounts.principal import Principal
from chatplatform.contracts.contract import Contract, Rate
from chatplatform.contracts.errors import invalid_input
from chatplatform.contracts.guests import guest_from
from chatplatform.contracts.json_body import parse_json, refuse_repeated_keys
from chatplatform.contracts.negotiation import check_version
from chatplatform.core.errors import InvalidInput, NotSignedIn, UnsupportedMediaType
from chatplatform.core.limits import check_rate
from chatplatform.core.origin import Origin

SCOPE_KEY = "chatplatform"
"""Where an ASGI scope holds its `Arrival`."""

_HEADERS = (
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "forwarded",
    "host",
    "idempotency-key",
    "last-event-id",
    "origin",
    "user-agent",
    "x-api-key",
    "x-conversation-id",
    "x-forwarded-for",
)
_META_NAMES = {name: f"HTTP_{name.upper().replace('-', '_')}" for name in _HEADERS} | {"content-type": "CONTENT_TYPE"}
_WANTED = {name.encode(): name for name in _HEADERS}
UNMATCHED = "unmatched"
LONGEST_USER_AGENT = 300
LONGEST_IDEMPOTENCY_KEY = 200


@dataclass(slots=True)
class Arrival:
    """What is known of a connection before anybody has read its request."""

    origin: Origin
    user: str = ""
    """The public id of the person, as soon as it is known: for the access line."""
    endpoint: str = UNMATCHED
    """The template of the route that answers: what the request is counted as."""
    notices: tuple[tuple[str, str], ...] = ()
    """Headers that its route adds to every answer: that it will go."""


@dataclass(frozen=True, slots=True)
class Incoming:
    method: str
    path: str
    headers: Mapping[str, str]
    """Those of `_HEADERS` that were sent."""
    query: QueryDict
    body: bytes
    arrival: Arrival = field(repr=False)

    @classmethod
    def from_scope(cls, scope: Mapping[str, Any], body: bytes = b"") -> Incoming:
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            if (wanted := _WANTED.get(name)) is not None:
                # One that is repeated counts as WSGI has it: two tokens together are none.
                text = value.decode("latin-1")
                headers[wanted] = f"{headers[wanted]},{text}" if wanted in headers else text
        query = QueryDict(scope["query_string"], mutable=False)
        return cls(scope.get("method", "GET"), scope["path"], headers, query, body, arrival_of(scope))

    @classmethod
    def from_django(cls, request: HttpRequest) -> Incoming:
        meta = request.META
        headers = {name: meta[key] for name, key in _META_NAMES.items() if meta.get(key)}
        scope = meta.get("asgi.scope")
        if scope is not None:
            arrival = arrival_of(scope)
        else:  # behind a plain WSGI server
            agent = headers.get("user-agent", "")[:LONGEST_USER_AGENT]
            arrival = Arrival(Origin(address=meta.get("REMOTE_ADDR", ""), user_agent=agent, request_id=new_request_id()))
        return cls(request.method or "GET", request.path, headers, request.GET, request.body, arrival)

    @property
    def origin(self) -> Origin:
        return self.arrival.origin

    @property
    def credentials(self) -> Credentials:
        scheme, _space, value = self.headers.get("authorization", "").partition(" ")
        return Credentials(
            bearer=value.strip() if scheme.lower() == "bearer" else "",
            api_key=self.headers.get("x-api-key", "").strip(),
        )

    @property
    def names_nobody(self) -> bool:
        """Whether it does not even try to say who is asking."""
        return not self.headers.get("authorization", "").strip() and not self.headers.get("x-api-key", "").strip()


def arrival_of(scope: Mapping[str, Any]) -> Arrival:
    found = scope.get(SCOPE_KEY)
    if found is None:
        client = scope.get("client") or ("", 0)
        found = Arrival(Origin(address=client[0], user_agent="", request_id=new_request_id()))
    return found


def new_request_id() -> str:
    """It names a request and guards nothing, so it need not be asked of the kernel each time."""
    return f"req_{getrandbits(96):024x}"


# --- Language -----------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def language_of(accept_language: str) -> str:
    """Ours that the client likes best; Chinese when it asks for none of them."""
    for language, weight in parse_accept_lang_header(accept_language[:200]):
        if language == "*":
            break
        if not weight:  # anything but this
            continue
        try:
            return get_supported_language_variant(language)
        except LookupError:
            continue
    return settings.LANGUAGE_CODE


def in_language(headers: Mapping[str, str]) -> AbstractContextManager[None]:
    return translation.override(language_of(headers.get("accept-language", "")))


# --- Who is asking, and how often ---------------------------------------------------------------------------------------------


def admit(
    *, incoming: Incoming, contract: Contract, rate: Rate | None, public: bool, credentials: Credentials | None = None
) -> Principal | None:
    """Who is asking; None on a public route. Blocking: it may ask the database and Redis.

    `credentials` are the request's own unless they came another way. What fails to sign in is counted by its address.
    Raises NotSignedIn, RateLimited, NotAcceptable.
    """
    check_version(incoming.headers.get("accept", ""))
    principal: Principal | None = None
    if not public:
        try:
            if contract.guests and incoming.names_nobody:
                principal = guest_from(incoming.headers, incoming.origin)
            else:
                principal = authenticate(credentials or incoming.credentials)
        except NotSignedIn:
            count_request(contract, Rate("unknown", "100/m", by_address=True), None, incoming.origin)
            raise
        incoming.arrival.user = str(principal.user_uuid)
    if rate is not None:
        count_request(contract, rate, principal, incoming.origin)
    return principal


def count_request(contract: Contract, rate: Rate, principal: Principal | None, origin: Origin) -> None:
    """Raises RateLimited. Sends by socket and by HTTP are counted here under the same key. All guests are one account, so they
    are told apart by their addresses."""
    by_address = rate.by_address or principal is None or principal.is_guest
    key = f"address:{origin.address}" if by_address or principal is None else f"user:{principal.user_id}"
    limit = rate.limit if principal is None else rate.limit_for(principal.tier)
    check_rate(group=f"{contract.name}:{rate.group}", key=key, rate=limit)


# --- Parsing ------------------------------------------------------------------------------------------------------------------


def json_object(incoming: Incoming, *, keys_once: bool = False) -> dict[str, Any]:
    """The object that the body holds; an empty body is an empty one. `keys_once` refuses one that gives a key twice.

    Raises UnsupportedMediaType, MalformedBody, InvalidInput.
    """
    if not incoming.body:
        return {}
    media_type = incoming.headers.get("content-type", "").partition(";")[0].strip().lower()
    # Without a type it can only be meant as JSON: nothing else is spoken here.
    if media_type and media_type != "application/json" and not media_type.endswith("+json"):
        raise UnsupportedMediaType
    value = parse_json(incoming.body)
    if not isinstance(value, dict):
        raise InvalidInput(issue=_("The body must be a JSON object."))
    if keys_once:
        refuse_repeated_keys(incoming.body, value)
    return value


def validate(serializer: type[Serializer[Any]], data: Mapping[str, Any]) -> dict[str, Any]:
    """The serializer's validated values. Raises InvalidInput."""
    try:
        return dict(_validator(serializer).run_validation(data))
    except ValidationError as error:
        raise invalid_input(error.detail) from None


@cache
def _validator(serializer: type[Serializer[Any]]) -> Serializer[Any]:
    """One for all requests: to copy its fields for each costs more than to validate, and validating leaves nothing in them."""
    return serializer()


@cache
def _without_parameters(serializer: type[Serializer[Any]]) -> dict[str, Any]:
    """Most reads are asked for without any, and a serializer costs as much as the rest of the read."""
    return validate(serializer, {})


def validate_query(serializer: type[Serializer[Any]], query: QueryDict) -> dict[str, Any]:
    """The same for query parameters. Where one is repeated, the last counts."""
    given = {name: query[name] for name in query if name in serializer._declared_fields}
    return validate(serializer, given) if given else dict(_without_parameters(serializer))


def client_key(incoming: Incoming, in_body: str) -> str:
    """What makes a send idempotent: the header `Idempotency-Key`, or a name in the body. Empty without."""
    key = incoming.headers.get("idempotency-key", "").strip() or in_body
    if len(key) > LONGEST_IDEMPOTENCY_KEY or not key.isprintable():
        raise InvalidInput(field="Idempotency-Key", issue=_("Must be at most 200 printable characters."))
    return key


class Asked:
    """What a view in a thread and one in the loop both do with a request."""

    __slots__ = ()
    incoming: Incoming
    principal: Principal | None

    @property
    def person(self) -> Principal:
        """Who is asking, on a route that is not public."""
        if self.principal is None:
            raise NotSignedIn
        return self.principal

    def parse(self, serializer: type[Serializer[Any]], *, keys_once: bool = False) -> dict[str, Any]:
        """`keys_once`: a key that is given twice is refused."""
        return validate(serializer, json_object(self.incoming, keys_once=keys_once))

    def parse_query(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        return validate_query(serializer, self.incoming.query)
