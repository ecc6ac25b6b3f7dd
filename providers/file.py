"""What providers.toml may say: from its text to plain values, or to every problem in it with its line. Changes nothing.

    [providers.acme]                      [agents.writer]
    kind = "openai"                       name = "Writer"
    api_key_env = "ACME_API_KEY"          provider = "acme"
    model = "gpt-4o-mini"                 system_prompt = "..."
                                          topics = ["Handbook"]

The table's name is how the file knows a provider or agent again: under another name it is another one. A key stands in the
environment, never in the file. `providers.example.toml` explains every line; `reloading.py` brings the database to what it says.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from chatplatform import environment
from chatplatform.core.errors import InvalidInput
from providers import agents
from providers.addresses import check_base_url
from providers.catalogue import vendor_of
from providers.config import ADDRESSES, apply_config
from providers.errors import BadProvidersFile, Problem
from providers.keys import check_key
from providers.lines import Lines
from providers.models import Agent, Kind, Provider, Scope
from providers.writing import clean_name

LARGEST_FILE = 1_000_000
"""Bytes."""
LONGEST_TOPIC = 400
"""Characters: a name, perhaps with its owner's before it."""
_TABLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,199}")
_NOT_FOR_VENDORS = frozenset({*environment.SECRET_NAMES, "DATABASE_URL", "REDIS_URL", "EMAIL_HOST_PASSWORD"})
"""Secrets of ours, which a slip must not send to a vendor."""

Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeclaredProvider:
    key: str
    """The table's name."""
    fields: Mapping[str, Any]
    """Of `models.Provider`."""
    api_key: str
    models: tuple[str, ...]
    """Beyond the default model."""
    fallbacks: tuple[str, ...]
    """Names of tables, or of organization providers that are not in the file."""


@dataclass(frozen=True, slots=True)
class DeclaredAgent:
    key: str
    fields: Mapping[str, Any]
    """Of `models.Agent`, but for its provider."""
    provider: str
    """The name of a table, or of an organization provider that is not in the file; empty: whoever answers the person."""
    topics: tuple[str, ...] = ()
    """Names of the topics that it answers from. Whether there are such topics, who keeps them says."""


@dataclass(frozen=True, slots=True)
class Declared:
    providers: tuple[DeclaredProvider, ...]
    agents: tuple[DeclaredAgent, ...]
    lines: Lines


def read_file(path: Path) -> Declared:
    """Raises BadProvidersFile with all that is wrong."""
    try:
        if path.is_file() and path.stat().st_size > LARGEST_FILE:
            raise BadProvidersFile([Problem(None, _("The file is too large."))])
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = _("%(name)s cannot be read: %(why)s.") % {"name": path.name, "why": error.strerror or ""}
        raise BadProvidersFile([Problem(None, reason)]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadProvidersFile([Problem(line, _("This is no text in UTF-8."))]) from None
    return read_text(text)


def read_text(text: str) -> Declared:
    """As `read_file`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadProvidersFile([_syntax_problem(str(error), text)]) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets thousands deep
        raise BadProvidersFile([Problem(None, _("This cannot be read."))]) from None
    return _Reader(document, Lines(text)).read()


def _syntax_problem(message: str, text: str) -> Problem:
    place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    line = int(place[1]) if place and place[1] else len(text.splitlines()) or 1
    return Problem(line, message[: place.start()] if place else message)


class _Reader:
    """Walks through the document and collects problems instead of stopping at the first."""

    def __init__(self, document: Table, lines: Lines) -> None:
        self._document = document
        self._lines = lines
        self._problems: list[Problem] = []

    def read(self) -> Declared:
        for name in self._document:
            if name not in {"providers", "agents"}:
                self._complain((name,), _("Only tables of [providers] and [agents] are known."))
        providers = self._tables("providers", _PROVIDER, self._provider)
        agents = self._tables("agents", _AGENT, self._agent)
        if self._problems:
            raise BadProvidersFile(sorted(self._problems, key=lambda problem: problem.line or 0))
        return Declared(tuple(providers), tuple(agents), self._lines)

    def _tables(self, group: str, known: Mapping[str, type | tuple[type, ...]], read: Callable[[str, Table], Any]) -> list[Any]:
        tables = self._document.get(group, {})
        if not isinstance(tables, Mapping):
            self._complain((group,), _("This must be a table."))
            return []
        found = []
        for key, table in tables.items():
            if not _TABLE_NAME.fullmatch(key):
                self._complain((group, key), _("A table's name is made of letters, digits, - and _."))
            elif not isinstance(table, Mapping):
                self._complain((group, key), _("This must be a table."))
            elif self._fits((group, key), table, known):
                found.append(self._try((group, key), read, key, table))
        return [one for one in found if one is not None]

    def _fits(self, path: tuple[str, ...], table: Table, known: Mapping[str, type | tuple[type, ...]]) -> bool:
        before = len(self._problems)
        for name, value in table.items():
            if name == "api_key":
                self._complain((*path, name), _("A key does not stand in this file: api_key_env names its variable."))
            elif name not in known:
                self._complain((*path, name), _("%(name)s is not known here.") % {"name": name})
            elif not isinstance(value, known[name]) or (isinstance(value, bool) and known[name] is int):
                self._complain((*path, name), _("%(name)s is of the wrong type.") % {"name": name})
        return len(self._problems) == before

    def _try(self, path: tuple[str, ...], read: Callable[[str, Table], Any], key: str, table: Table) -> Any:
        try:
            return read(key, table)
        except InvalidInput as error:
            name = _NAMES_OF_FIELDS.get(error.field, error.field)
            self._complain((*path, *name.split(".")), f"{name}: {error.issue}")
            return None

    def _provider(self, key: str, table: Table) -> DeclaredProvider:
        kind = table.get("kind", "")
        if kind not in Kind.values:
            raise InvalidInput(field="kind", issue=_("One of these is needed: %(kinds)s.") % {"kinds": ", ".join(Kind.values)})
        provider = Provider(kind=kind, scope=Scope.ORGANIZATION, name=clean_name(table.get("name", key)))
        if kind != Kind.LOCAL:
            address = table.get("base_url") or ADDRESSES.get(kind) or ""
            if not address:
                raise InvalidInput(field="base_url", issue=_("This is needed."))
            provider.base_url = check_base_url(address, trusted=True)
        apply_config(provider, {**table.get("config", {}), **({"model": table["model"]} if "model" in table else {})})
        fields = {
            "name": provider.name,
            "kind": kind,
            "base_url": provider.base_url,
            "default_model": provider.default_model,
            "config": provider.config,
            "is_active": table.get("active", True),
            "is_default": table.get("for_everyone", False),
            "position": _position(table),
            "price_vendor": _price_list(table, provider.base_url),
        }
        return DeclaredProvider(key, fields, _api_key(table), _names(table, "models"), _names(table, "fallbacks"))

    def _agent(self, key: str, table: Table) -> DeclaredAgent:
        agent = Agent(name=key)
        wanted = {
            name: table[name]
            for name in ("name", "description", "category", "avatar", "capabilities", "system_prompt", "config")
            if name in table
        }
        agents.put_changes(agent, wanted)
        fields = {
            name: getattr(agent, name)
            for name in ("name", "description", "category", "avatar", "capabilities", "system_prompt", "config")
        }
        fields["status"] = Agent.Status.ACTIVE if table.get("active", True) else Agent.Status.INACTIVE
        fields["position"] = _position(table)
        return DeclaredAgent(key, fields, table.get("provider", ""), _names(table, "topics", longest=LONGEST_TOPIC))

    def _complain(self, path: tuple[str, ...], reason: str) -> None:
        self._problems.append(Problem(self._lines.line_of(path), f"{'.'.join(path[:2])}: {reason}"))


_PROVIDER: Mapping[str, type | tuple[type, ...]] = {
    "name": str, "kind": str, "base_url": str, "api_key_env": str, "model": str, "models": list, "config": dict,
    "for_everyone": bool, "active": bool, "position": int, "price_list": str, "fallbacks": list,
}  # fmt: skip
_AGENT: Mapping[str, type | tuple[type, ...]] = {
    "name": str, "description": str, "category": str, "provider": str, "avatar": str, "capabilities": list,
    "system_prompt": str, "config": dict, "active": bool, "position": int, "topics": list,
}  # fmt: skip
_NAMES_OF_FIELDS = {"api_base_url": "base_url", "api_key": "api_key_env", "provider_type": "kind"}


def _api_key(table: Table) -> str:
    variable = table.get("api_key_env", "")
    if not variable:
        return ""
    if not _VARIABLE.fullmatch(variable) or variable.removesuffix("_FILE") in _NOT_FOR_VENDORS:
        raise InvalidInput(field="api_key_env", issue=_("This is not the name of a variable for a vendor's key."))
    try:
        key = environment.read(variable).strip()
    except environment.EnvironmentProblem as problem:
        raise InvalidInput(field="api_key_env", issue=str(problem)) from None
    if not key:
        issue = _("The environment variable %(name)s is not set.") % {"name": variable}
        raise InvalidInput(field="api_key_env", issue=issue)
    check_key(key)
    return key


def _price_list(table: Table, base_url: str) -> str:
    """An empty one is no price list at all, and not the vendor's."""
    if not table.get("price_list", ""):
        return "" if "price_list" in table else vendor_of(base_url)
    return clean_name(table["price_list"], field="price_list", longest=50)


def _names(table: Table, field: str, *, longest: int = 200) -> tuple[str, ...]:
    return tuple(dict.fromkeys(clean_name(one, field=field, longest=longest) for one in table.get(field, ())))


def _position(table: Table) -> int:
    position = table.get("position", 100)
    if not 0 <= position <= 32_767:
        raise InvalidInput(field="position", issue=_("A number from 0 to 32767 is needed."))
    return int(position)
