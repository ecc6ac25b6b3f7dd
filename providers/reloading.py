"""Bringing the database to what providers.toml says: all of it in one transaction, or nothing.

Rows know their table in the file by `key`. What the file no longer has is switched off, not deleted, and its key is forgotten:
conversations and usage go on naming it, and who had it has it again when it comes back. What was made by hand or by environment
variables is left alone, and so is what people were handed. The file says everything about its own rows: what an operator changed
in them since comes back with the next reload.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.dispatch import Signal
from django.utils.translation import gettext as _

from accounts.principal import Principal
from chatplatform.core import audit, secrets
from chatplatform.core.origin import NOWHERE, Origin
from providers.errors import BadProvidersFile, Problem
from providers.file import Declared, DeclaredAgent, DeclaredProvider, read_file
from providers.keys import forget_key, put_key
from providers.models import Agent, Fallback, ManagedBy, Model, Provider, Scope
from providers.writing import one_at_a_time, refuse

MOST_LINES_IN_THE_RECORD = 50
agents_declared = Signal()
"""Sent within a reload's transaction: `agents`, each agent of the file as its row and what was declared, and `lines` of the file.

Whoever keeps what agents are linked with (their topics) brings that to what the file says, returns its lines of the diff, and may
refuse the file by BadProvidersFile.
"""


@dataclass(frozen=True, slots=True)
class Reload:
    """What a reload changed, or would have changed."""

    changes: tuple[str, ...]
    """A line each: `+` made, `~` changed, `-` switched off. No keys in them."""
    providers: int
    """How many the file declares."""
    agents: int


def reload_from_file(*, principal: Principal, origin: Origin) -> Reload:
    """Applies `settings.PROVIDERS_FILE`. Administrators only. Raises NotAllowed, BadProvidersFile; then nothing has changed."""
    if not principal.is_admin:
        refuse(principal=principal, action="providers.reloaded", origin=origin)
    return apply_file(Path(settings.PROVIDERS_FILE), actor_id=principal.user_id, origin=origin)


def apply_file(path: Path, *, dry_run: bool = False, actor_id: int | None = None, origin: Origin = NOWHERE) -> Reload:
    """As `reload_from_file`, for whoever may. `dry_run`: everything is done and taken back."""
    declared = read_file(path)
    with one_at_a_time():
        changes = tuple(_Applying(declared).apply())
        if dry_run:
            transaction.set_rollback(True)
        elif changes:
            details = {"file": path.name, "changes": changes[:MOST_LINES_IN_THE_RECORD]}
            audit.record(action="providers.reloaded", actor_id=actor_id, origin=origin, details=details)
    return Reload(changes, len(declared.providers), len(declared.agents))


class _Applying:
    """One run. Each step returns its lines of the diff."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._rows = {row.key: row for row in Provider.objects.filter(managed_by=ManagedBy.FILE)}
        self._others: dict[str, list[Provider]] = {}
        for row in Provider.objects.filter(scope=Scope.ORGANIZATION).exclude(managed_by=ManagedBy.FILE):
            self._others.setdefault(row.name, []).append(row)

    def apply(self) -> list[str]:
        self._check_names()
        changes: list[str] = []
        for provider in self._declared.providers:
            changes += self._provider(provider)
        for provider in self._declared.providers:  # once all of them are there
            changes += self._fallbacks(provider)
        changes += self._switch_off_providers()
        agents = {row.key: row for row in Agent.objects.filter(managed_by=ManagedBy.FILE)}
        declared: list[tuple[Agent, DeclaredAgent]] = []
        for agent in self._declared.agents:
            row = agents.get(agent.key) or Agent(key=agent.key, managed_by=ManagedBy.FILE)
            changes += self._agent(agent, row)
            declared.append((row, agent))
        for _receiver, said in agents_declared.send(type(self), agents=declared, lines=self._declared.lines):
            changes += said or []
        return changes + self._switch_off_agents(agents.values())

    def _check_names(self) -> None:
        """Everything is known before anything is written."""
        tables = {provider.key for provider in self._declared.providers}
        asked = [
            *(("providers", one.key, "fallbacks", name) for one in self._declared.providers for name in one.fallbacks),
            *(("agents", one.key, "provider", one.provider) for one in self._declared.agents if one.provider),
        ]
        problems = []
        for group, key, field, name in asked:
            reason = ""
            if name not in tables and len(self._others.get(name, ())) != 1:
                reason = _("there is no provider %(name)s, or more than one of that name.") % {"name": name}
            elif group == "providers" and name == key:
                reason = _("A provider is no fallback of itself.")
            if reason:
                line = self._declared.lines.line_of((group, key, field))
                problems.append(Problem(line, f"{group}.{key}: {field}: {reason}"))
        if problems:
            raise BadProvidersFile(problems)

    def _named(self, name: str) -> Provider:
        return self._rows[name] if name in self._rows else self._others[name][0]

    def _provider(self, declared: DeclaredProvider) -> list[str]:
        row = self._rows.get(declared.key)
        fresh = row is None
        if row is None:
            row = self._rows[declared.key] = Provider(key=declared.key, managed_by=ManagedBy.FILE, scope=Scope.ORGANIZATION)
        said = _put(row, declared.fields)
        if _plain_key(row) != declared.api_key:
            said.append(_("key set") if declared.api_key else _("key cleared"))
            put_key(row, declared.api_key)
        if fresh or said:
            row.save()
        said += _put_models(row, declared.models)
        if fresh:
            return [f"+ provider {declared.key} ({row.kind}, {row.base_url or '-'}, {row.default_model or '-'})"]
        return _line("provider", declared.key, said)

    def _fallbacks(self, declared: DeclaredProvider) -> list[str]:
        row = self._rows[declared.key]
        wanted = [self._named(name).pk for name in declared.fallbacks]
        there = list(Fallback.objects.filter(provider=row).order_by("position", "id").values_list("fallback_id", flat=True))
        if wanted == there:
            return []
        Fallback.objects.filter(provider=row).delete()
        Fallback.objects.bulk_create(
            Fallback(provider=row, fallback_id=one, position=position) for position, one in enumerate(wanted)
        )
        return _line("provider", declared.key, [_("falls back on: %(names)s") % {"names": ", ".join(declared.fallbacks) or "-"}])

    def _switch_off_providers(self) -> list[str]:
        declared = {provider.key for provider in self._declared.providers}
        gone = [row for key, row in self._rows.items() if key not in declared and (row.is_active or row.has_key)]
        for row in gone:
            row.is_active = False
            forget_key(provider=row)
            row.save()
        return [f"- provider {row.key}" for row in gone]

    def _agent(self, declared: DeclaredAgent, row: Agent) -> list[str]:
        fresh = row.pk is None
        provider = self._named(declared.provider) if declared.provider else None
        said = _put(row, {**declared.fields, "provider_id": provider and provider.pk})
        if fresh or said:
            row.save()
        return [f"+ agent {declared.key} ({row.name})"] if fresh else _line("agent", declared.key, said)

    def _switch_off_agents(self, rows: Iterable[Agent]) -> list[str]:
        declared = {agent.key for agent in self._declared.agents}
        gone = [row for row in rows if row.key not in declared and row.status == Agent.Status.ACTIVE]
        for row in gone:
            row.status = Agent.Status.INACTIVE
            row.save()
        return [f"- agent {row.key}" for row in gone]


def _put(row: Provider | Agent, fields: Mapping[str, Any]) -> list[str]:
    """Puts what differs into the row; what was said of it, without long texts."""
    said = []
    for name, value in fields.items():
        before = getattr(row, name)
        if before != value:
            setattr(row, name, value)
            said.append(f"{name} {_short(before)} → {_short(value)}")
    return said


def _put_models(row: Provider, names: tuple[str, ...]) -> list[str]:
    """The models that the file lists, beside those that operators listed."""
    there = {model.name: model for model in Model.objects.filter(provider=row)}
    missing = [name for name in names if name not in there]
    gone = [model.pk for name, model in there.items() if model.managed_by == ManagedBy.FILE and name not in names]
    Model.objects.bulk_create(Model(provider=row, name=name, managed_by=ManagedBy.FILE) for name in missing)
    if gone:
        Model.objects.filter(pk__in=gone).delete()
    return [_("models: %(names)s") % {"names": ", ".join(names) or "-"}] if missing or gone else []


def _plain_key(row: Provider) -> str | None:
    """The key as it is stored; None when it cannot be opened."""
    if not row.sealed_key:
        return ""
    try:
        return secrets.unseal(row.sealed_key, bound_to=row.key_binding)
    except secrets.CannotUnseal:
        return None


def _line(kind: str, key: str, said: list[str]) -> list[str]:
    return [f"~ {kind} {key}: {'; '.join(said)}"] if said else []


def _short(value: Any) -> str:
    text = repr(str(value)) if isinstance(value, str) else repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"
