"""The documents: one of each contract, and one of all."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
import structlog
from django.conf import settings
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import build_root_object, normalize_result_object

from chatplatform.contracts.contract import Contract
from chatplatform.contracts.routing import TABLES, django_patterns
from chatplatform.core.errors import NotFound

_DESCRIPTION = (
    "Everything that this platform answers, in the dialects of all its contracts. Each contract has a document of its own, too:"
)
_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class Published:
    body: bytes
    etag: str


@cache
def _published(name: str) -> Published:
    return published_as(orjson.dumps(whole_document() if not name else contract_document(_contract_of(name))))


def published_as(body: bytes) -> Published:
    return Published(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def published(name: str = "") -> Published:
    """A contract's document as it is served, or the one of all; made once for each process. Raises NotFound."""
    with _making:  # two requests at once would both make it, out of one registry of warnings
        return _published(name)


def document_names() -> tuple[str, ...]:
    return tuple(contract.document.name for contract, _routes in TABLES)


def _contract_of(name: str) -> Contract:
    for contract, _routes in TABLES:
        if contract.document.name == name:
            return contract
    raise NotFound


class PlatformGenerator(SchemaGenerator):
    """What `manage.py spectacular` makes: the document of all, or with `--api-version NAME` a contract's."""

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        return contract_document(_contract_of(self.api_version)) if self.api_version else whole_document()


class _ContractGenerator(SchemaGenerator):
    def __init__(self, contract: Contract) -> None:
        super().__init__(patterns=list(django_patterns(contract)))
        self._contract = contract

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        """Like the base's, which would forget the warnings about the contracts before."""
        paths = self.parse(request, public=True)
        components = self.registry.build(settings.SPECTACULAR_SETTINGS["APPEND_COMPONENTS"])
        root = build_root_object(paths=paths, components=components, webhooks=None, version=None)
        made: dict[str, Any] = normalize_result_object(root)
        return made


def contract_document(contract: Contract) -> dict[str, Any]:
    routes = next(routes for known, routes in TABLES if known is contract)
    # Whoever asks first has it made: nothing of the request may be in it.
    with translation.override("en"), structlog.contextvars.bound_contextvars(request_id="req_123456789"):
        made = _without_marks(_ContractGenerator(contract).get_schema())
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:  # in the order of the table, which is the document's
        path = contract.address(route)
        paths.setdefault(path, {})[route.method.lower()] = made["paths"][path][route.method.lower()]
    document = contract.document
    return made | {
        "info": made["info"] | {"title": contract.title, "description": document.description},
        "tags": [{"name": name, "description": text} for name, text in document.tags.items()],
        "paths": paths,
    }


def whole_document() -> dict[str, Any]:
    """All contracts' operations. What two contracts may both name carries its contract's name here."""
    found: dict[str, Any] = {}
    for contract, _routes in TABLES:
        name = contract.document.name
        made = _in_company(contract_document(contract), name)
        if not found:
            found = made | {"paths": {}, "tags": [], "components": {}}
            links = "".join(f"\n* [{other.title}](/openapi/{other.document.name}.json)" for other, _routes in TABLES)
            found["info"] = made["info"] | {"title": settings.SPECTACULAR_SETTINGS["TITLE"], "description": _DESCRIPTION + links}
        found["tags"] += made["tags"]
        for path, methods in made["paths"].items():
            # Where several contracts answer at one address the client's `Accept` decides; the first is the usual one.
            found["paths"][path] = methods | found["paths"].get(path, {})
        for kind, components in made["components"].items():
            found["components"][kind] = found["components"].get(kind, {}) | components
    return found


_SHARED = ("securitySchemes",)


def _in_company(document: dict[str, Any], name: str) -> dict[str, Any]:
    """`Message` becomes `chatgpt-backend.Message`, its operations and chapters likewise."""
    renamed: dict[str, Any] = _with_references(document, f"{name}.")
    renamed["components"] = {
        kind: components if kind in _SHARED else {f"{name}.{key}": value for key, value in components.items()}
        for kind, components in renamed["components"].items()
    }
    title = document["info"]["title"]
    renamed["tags"] = [tag | {"name": f"{title}: {tag['name']}"} for tag in renamed["tags"]]
    for operation in _operations(renamed):
        operation["tags"] = [f"{title}: {tag}" for tag in operation["tags"]]
        links = [link for response in operation["responses"].values() for link in response.get("links", {}).values()]
        for named in (operation, *links):
            named["operationId"] = f"{name.replace('-', '_')}_{named['operationId']}"
    return renamed


def _with_references(value: Any, prefix: str) -> Any:
    if isinstance(value, dict):
        return {key: _with_references(inner, prefix) for key, inner in value.items()}
    if isinstance(value, list):
        return [_with_references(inner, prefix) for inner in value]
    if isinstance(value, str) and value.startswith("#/components/"):
        kind, _slash, name = value.removeprefix("#/components/").partition("/")
        return f"#/components/{kind}/{prefix}{name}"
    return value


def _operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for methods in document["paths"].values():
        yield from methods.values()


def _without_marks(value: Any) -> Any:
    """Without what spectacular marks enumerations with, for a step that names them."""
    if isinstance(value, dict):
        return {key: _without_marks(inner) for key, inner in value.items() if key != "x-spec-enum-id"}
    if isinstance(value, list):
        return [_without_marks(inner) for inner in value]
    return value
