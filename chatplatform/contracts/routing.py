"""From the contracts' route tables to what Django, the ASGI composition and the OpenAPI document need of them.

A contract is whole at its own base, where Django's URLs and the documents know it, and answers at further bases what nobody
before it in `TABLES` has there. Where several have a path, the client's `Accept` says who answers, else the form of the ids in
the path, else the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.urls import URLPattern, re_path

from chatplatform.contracts.chat_system import urls as chat_system
from chatplatform.contracts.chat_system.contract import CHAT_SYSTEM
from chatplatform.contracts.chatgpt_backend import urls as chatgpt_backend
from chatplatform.contracts.chatgpt_backend.contract import CHATGPT_BACKEND
from chatplatform.contracts.contract import Contract, Route, Runs
from chatplatform.contracts.coze import urls as coze
from chatplatform.contracts.coze.contract import COZE
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.llmchat import urls as llmchat
from chatplatform.contracts.llmchat.contract import LLMCHAT
from chatplatform.contracts.lyss import urls as lyss
from chatplatform.contracts.lyss.contract import LYSS
from chatplatform.contracts.native import NativeConsumer
from chatplatform.contracts.negotiation import contract_asked
from chatplatform.contracts.openai import urls as openai
from chatplatform.contracts.openai.contract import OPENAI
from chatplatform.contracts.registry import contract_for, owner_of
from chatplatform.contracts.socket import SocketConsumer

TABLES: tuple[tuple[Contract, tuple[Route, ...]], ...] = (
    (CHATGPT_BACKEND, chatgpt_backend.ROUTES),
    (LYSS, lyss.ROUTES),
    (LLMCHAT, llmchat.ROUTES),
    (CHAT_SYSTEM, chat_system.ROUTES),
    (OPENAI, openai.ROUTES),
    (COZE, coze.ROUTES),  # the last: at the root it would have what is LLMChat's too
)
SOCKETS: dict[str, type[SocketConsumer]] = {
    contract.base + path: consumer
    for contract, sockets in ((CHATGPT_BACKEND, chatgpt_backend.SOCKETS), (CHAT_SYSTEM, chat_system.SOCKETS))
    for path, consumer in sockets.items()
}
"""By the template of their path. Each has a route there too, which answers a plain GET."""


@dataclass(frozen=True, slots=True)
class Place:
    """A path of a contract with all that answers there."""

    contract: Contract
    path: str
    """As in the contract's table."""
    addresses: tuple[str, ...]
    """Where it answers: at the contract's own base, as it is described, then at the others."""
    names: tuple[str, ...]
    """Of the parts of the path that are handed to the view."""
    routes: Mapping[str, Route]
    """By method."""
    consumers: Mapping[str, NativeConsumer]
    """By method, of those that run in the event loop."""

    def runs(self, method: str) -> Runs:
        route = self.routes.get("GET" if method == "HEAD" else method)
        return route.runs if route else Runs.FAST

    def notices(self, method: str) -> tuple[tuple[str, str], ...]:
        """Headers of every answer to this method."""
        route = self.routes.get("GET" if method == "HEAD" else method)
        return route.deprecated.headers() if route and route.deprecated else ()

    def address(self, parts: Mapping[str, str]) -> str:
        """The path at the contract's own base."""
        return self.addresses[0].format(**parts)


@cache
def places() -> tuple[Place, ...]:
    found: list[Place] = []
    for contract, routes in TABLES:
        paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            paths.setdefault(route.path, {})[route.method] = route
        for path, by_method in paths.items():
            _check(path, by_method)
            consumers = {
                method: NativeConsumer(route, contract) for method, route in by_method.items() if route.runs is Runs.NATIVE
            }
            route = next(iter(by_method.values()))
            bases = () if route.at_root else contract.also_at
            addresses = (contract.address(route), *(base + path for base in bases))
            found.append(Place(contract, path, addresses, route.names, by_method, consumers))
    return tuple(found)


def _check(path: str, routes: Mapping[str, Route]) -> None:
    if len({route.view for route in routes.values()}) != 1:
        raise ValueError(f"{path}: one viewset owns all methods of a path")
    for route in routes.values():
        if route.runs is Runs.HOT and route.method != "GET":
            raise ValueError(f"{route.method} {path}: only reads are hot")
        if hasattr(getattr(route.view, route.action), "native") is not (route.runs is Runs.NATIVE):
            raise ValueError(f"{route.method} {path}: NATIVE in the table and @native at the view go together")


# --- Finding ------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Node:
    """What may follow a part of a path. A part that is written out comes before one that is any id."""

    literal: dict[str, _Node] = field(default_factory=dict)
    any: _Node | None = None
    places: list[Place] = field(default_factory=list)

    def add(self, parts: Sequence[str], place: Place) -> None:
        node = self
        for part in parts:
            if part.startswith("{"):
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.literal.setdefault(part, _Node())
        node.places.append(place)

    def find(self, parts: Sequence[str]) -> tuple[list[Place], list[str]] | None:
        """Whoever has this path, and the ids in it."""
        node = self
        ids: list[str] = []
        for part in parts:
            following = node.literal.get(part)
            if following is None:
                following = node.any if part else None
                if following is None:
                    return self._search(parts)  # nobody, unless what was taken for a written part is an id
                ids.append(part)
            node = following
        return (node.places, ids) if node.places else self._search(parts)

    def _search(self, parts: Sequence[str], at: int = 0) -> tuple[list[Place], list[str]] | None:
        """The same with all ways tried."""
        if at == len(parts):
            return (self.places, []) if self.places else None
        part = parts[at]
        literal = self.literal.get(part)
        if literal is not None and (found := literal._search(parts, at + 1)) is not None:
            return found
        if self.any is None or not part or (found := self.any._search(parts, at + 1)) is None:
            return None
        return found[0], [part, *found[1]]


@cache
def _tree(only: str | None = None) -> _Node:
    """Of all contracts, or of the one with this name."""
    root = _Node()
    for place in places():
        if only is None or place.contract.name == only:
            for address in place.addresses:
                root.add(_parts(address), place)
    return root


def _parts(path: str) -> list[str]:
    """With or without a slash at its end, a path is the same."""
    return path.removesuffix("/").split("/")


def find_place(path: str, accept: str = "") -> tuple[Place, dict[str, str]] | None:
    """What answers at `path`, with or without a slash at its end, and the parts of the path that it names."""
    parts = _parts(path)
    asked = contract_asked(accept)
    found = (_tree(asked.name).find(parts) if asked is not None else None) or _tree().find(parts)
    if found is None:
        return None
    place = _meant(*found)
    if found[1] and owner_of("/".join(parts)) not in (None, place.contract):
        return None  # what was taken for an id is a word of another contract's
    return place, dict(zip(place.names, found[1], strict=True))


def _meant(having: list[Place], ids: list[str]) -> Place:
    if len(having) > 1 and ids:
        for place in having:
            if all(map(place.contract.id_form.fullmatch, ids)):
                return place
    return having[0]


def dialect_for(path: str, accept: str = "") -> Contract:
    """Who speaks at `path` when no view gets to."""
    found = find_place(path, accept)
    if found is not None:
        return found[0].contract
    asked = contract_asked(accept)
    if asked is not None and any(path.startswith(f"{base}/") for base in (asked.base, *asked.also_at) if base):
        return asked
    return contract_for(path)


# --- For Django and the documents ---------------------------------------------------------------------------------------------


def django_patterns(contract: Contract | None = None) -> Iterator[URLPattern]:
    """Every path with its viewset, the native ones included: they answer 405 to other methods, and describe themselves."""
    for place in places():
        if contract is not None and place.contract is not contract:
            continue
        route = next(iter(place.routes.values()))
        view: type[ContractViewSet] = route.view
        actions: dict[str, Any] = {method.lower(): route.action for method, route in place.routes.items()}
        handler = view.as_view(actions, contract=place.contract, routes=place.routes)
        yield re_path("^" + route.pattern(place.addresses[0]), handler)


def written_paths(endpoints: list[Any]) -> list[Any]:
    """For the OpenAPI document: paths as they are written, without the slash that they may also end in."""
    return [(path.rstrip("/") or "/", regex, method, callback) for path, regex, method, callback in endpoints]
