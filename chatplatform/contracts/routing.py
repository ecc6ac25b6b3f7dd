"""From the contracts' route tables to what Django, the ASGI composition and the OpenAPI document need of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, re_path

from chatplatform.contracts.chatgpt_backend import urls as chatgpt_backend
from chatplatform.contracts.chatgpt_backend.contract import CHATGPT_BACKEND
from chatplatform.contracts.contract import Contract, Route, Runs
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.native import NativeConsumer
from chatplatform.contracts.socket import SocketConsumer

TABLES: tuple[tuple[Contract, tuple[Route, ...]], ...] = ((CHATGPT_BACKEND, chatgpt_backend.ROUTES),)
SOCKETS: dict[str, type[SocketConsumer]] = {
    CHATGPT_BACKEND.base + path: consumer for path, consumer in chatgpt_backend.SOCKETS.items()
}


@dataclass(frozen=True, slots=True)
class Place:
    """A path with all that answers there."""

    contract: Contract
    path: str
    routes: Mapping[str, Route]
    """By method."""
    regex: re.Pattern[str]
    consumers: Mapping[str, NativeConsumer]
    """By method, of those that run in the event loop."""

    def runs(self, method: str) -> Runs:
        route = self.routes.get("GET" if method == "HEAD" else method)
        return route.runs if route else Runs.FAST


@cache
def places() -> tuple[Place, ...]:
    found: list[Place] = []
    for contract, routes in TABLES:
        paths: dict[str, dict[str, Route]] = {}
        for route in routes:
            paths.setdefault(route.path, {})[route.method] = route
        for path, by_method in paths.items():
            _check(path, by_method)
            found.append(
                Place(
                    contract=contract,
                    path=path,
                    routes=by_method,
                    regex=re.compile(contract.base + next(iter(by_method.values())).pattern()),
                    consumers={
                        method: NativeConsumer(route, contract)
                        for method, route in by_method.items()
                        if route.runs is Runs.NATIVE
                    },
                )
            )
    return tuple(found)


def _check(path: str, routes: Mapping[str, Route]) -> None:
    if len({route.view for route in routes.values()}) != 1:
        raise ValueError(f"{path}: one viewset owns all methods of a path")
    for route in routes.values():
        if route.runs is Runs.HOT and route.method != "GET":
            raise ValueError(f"{route.method} {path}: only reads are hot")
        if hasattr(getattr(route.view, route.action), "native") is not (route.runs is Runs.NATIVE):
            raise ValueError(f"{route.method} {path}: NATIVE in the table and @native at the view go together")


@cache
def _literal_places() -> dict[str, Place]:
    return {place.contract.base + place.path: place for place in places() if "{" not in place.path}


def find_place(path: str) -> tuple[Place, dict[str, str]] | None:
    """What answers at `path`, with or without a slash at its end, and the parts of the path that it names."""
    literal = _literal_places().get(path.rstrip("/") if path.endswith("/") and not path.endswith("//") else path)
    if literal is not None:
        return literal, {}
    for place in places():
        if "{" in place.path and (match := place.regex.match(path)) is not None:
            return place, match.groupdict()
    return None


def django_patterns(contract: Contract | None = None) -> Iterator[URLPattern]:
    """Every path with its viewset, the native ones included: they answer 405 to other methods, and describe themselves."""
    for place in places():
        if contract is not None and place.contract is not contract:
            continue
        view: type[ContractViewSet] = next(iter(place.routes.values())).view
        actions: dict[str, Any] = {method.lower(): route.action for method, route in place.routes.items()}
        handler = view.as_view(actions, contract=place.contract, routes=place.routes)
        base = place.contract.base.lstrip("/")
        yield re_path("^" + base + next(iter(place.routes.values())).pattern(), handler)


def written_paths(endpoints: list[Any]) -> list[Any]:
    """For the OpenAPI document: paths as they are written, without the slash that they may also end in."""
    return [(path.rstrip("/"), regex, method, callback) for path, regex, method, callback in endpoints]
