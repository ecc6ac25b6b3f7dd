"""A contract as one frozen value, and a route of one.

What differs between contracts and is not a view is here: who it is, where it lives, how success and failure are wrapped, what
errors are called, how pages are asked for, how a turn's events become frames.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chatplatform.contracts.deprecation import Deprecation
from chatplatform.contracts.errors import ErrorTable, WireError

if TYPE_CHECKING:
    from chatplatform.contracts.encoder import EncoderFactory
    from chatplatform.contracts.http import ContractViewSet
    from chatplatform.contracts.openapi.describing import Document


@dataclass(frozen=True, slots=True)
class Paging:
    """What the query parameters of a list are called."""

    number: str
    size: str
    default_size: int = 20


@dataclass(frozen=True, slots=True)
class Contract:
    name: str
    """As stored with the conversations and turns that began through it."""
    title: str
    vendor: str
    """Its name in `Accept: application/vnd.<vendor>.v1+json`."""
    base: str
    """The path that all its routes begin with, without a slash at the end."""
    id_form: re.Pattern[str]
    """What its ids look like: where several contracts have a path, the ids in it may tell who is meant."""
    errors: ErrorTable
    envelope: Callable[[Any, str, datetime], dict[str, Any]]
    """Data, message and time to the body of a success."""
    failure: Callable[[WireError, datetime], dict[str, Any]]
    """The body of a failure."""
    paging: Paging
    stream_encoder: EncoderFactory
    """Makes the encoder of one turn's server-sent events."""
    document: Document
    """What its OpenAPI document says beside its operations."""
    guests: bool = False
    """Its clients know no accounts: who sends no credentials is a guest, where the operators let guests in."""
    also_at: tuple[str, ...] = ()
    """Further bases where it answers what nobody before it has, and whatever its clients ask for by `Accept`."""

    def address(self, route: Route) -> str:
        """The whole path of a route of this contract, as it is described."""
        return route.path if route.at_root else self.base + route.path

    def wire_error(self, error: Any) -> tuple[WireError, dict[str, Any]]:
        wire = WireError.of(error, self.errors)
        return wire, self.failure(wire, datetime.now(UTC))


class Runs(StrEnum):
    """Where a route runs. A web process has few threads, so what waits or computes must not hold one of the fast ones."""

    FAST = "in the threads of ordinary REST"
    SLOW = "in the threads for what takes over 50 ms: password hashing"
    NATIVE = "in the event loop, because it waits on a turn or on other services"
    HOT = "in the threads of ordinary REST, without Django's handler: a read that is asked for all the time"


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in a time. Counted by user, or by address where nobody is signed in."""

    group: str
    limit: str
    """As `5/m`."""
    by_address: bool = False
    by_tier: tuple[tuple[str, str], ...] = ()
    """Other limits for some tiers."""

    def limit_for(self, tier: str) -> str:
        return next((limit for named, limit in self.by_tier if named == tier), self.limit)


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    """Below the contract's base, with `{name}` for a part that is handed to the view."""
    view: type[ContractViewSet]
    action: str
    """The view's method."""
    runs: Runs
    rate: Rate | None
    """None: never refused for being asked too often. It costs next to nothing, and answers while Redis is away."""
    public: bool = False
    """Open without an account."""
    at_root: bool = False
    """Its path is the whole path, whatever the contract's base is."""
    deprecated: Deprecation | None = None
    """It will go, and says so in every answer."""
    names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(re.findall(r"{(\w+)}", self.path)))

    def pattern(self, address: str) -> str:
        """Its whole path as Django writes it: a regular expression, without the slash at its beginning, with or without one at
        its end."""
        parts = re.split(r"{(\w+)}", address.strip("/"))
        written = "".join(f"(?P<{part}>[^/]+)" if odd % 2 else part.replace(".", r"\.") for odd, part in enumerate(parts))
        return written + r"/?\Z" if written else r"\Z"


UUID_FORM = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
INTEGER_FORM = re.compile(r"[0-9]+")


def utc(moment: datetime) -> str:
    """`2024-01-15T10:30:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def utc_now() -> str:
    """The same of this moment. Every frame of a socket carries it, so it is written once a second and not a thousand times."""
    return _second(int(time.time()))


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return utc(datetime.fromtimestamp(seconds, UTC))
