"""Changing an agent. Made they are by the file, by the admin site, or by the start."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.errors import InvalidInput
from chatplatform.core.origin import Origin
from providers import selectors
from providers.config import check_agent_config
from providers.errors import AgentNotFound
from providers.models import Agent, Provider, Scope
from providers.writing import clean_name, one_at_a_time, refuse

LONGEST_DESCRIPTION = 2_000
LONGEST_PROMPT = 20_000
LONGEST_AVATAR = 500
MOST_CAPABILITIES = 50


def update_agent(*, principal: Principal, agent_id: UUID, changes: Mapping[str, Any], origin: Origin) -> Agent:
    """Changes what `changes` names: name, description, category, avatar, status, capabilities, config, system_prompt or
    provider_id.

    `config` replaces the old one, but the model that it does not name stays. Administrators only. What providers.toml declares
    comes back with the next reload. Raises AgentNotFound, NotAllowed, InvalidInput.
    """
    seen = selectors.get_agent(principal=principal, agent_id=agent_id)
    if not principal.is_admin:
        refuse(principal=principal, action="agent.changed", target=str(seen.uuid), origin=origin)
    with one_at_a_time():
        agent = Agent.objects.select_related("provider").filter(uuid=agent_id).first()
        if agent is None:
            raise AgentNotFound
        put_changes(agent, changes)
        agent.save()
        details = {"fields": sorted(changes)}
        audit.record(action="agent.changed", actor_id=principal.user_id, target=str(agent.uuid), origin=origin, details=details)
    return agent


def put_changes(agent: Agent, changes: Mapping[str, Any]) -> None:
    """Puts checked values into the row, not saved. Raises InvalidInput with the field's name."""
    for field, value in changes.items():
        if field == "provider_id":
            agent.provider = _provider(value)
        elif field == "config":
            model = {"model": agent.config["model"]} if "model" in agent.config else {}
            agent.config = check_agent_config(model | dict(value) if isinstance(value, Mapping) else value)
        elif field in CLEANERS:
            setattr(agent, field, CLEANERS[field](value))
        else:
            raise InvalidInput(field=str(field)[:50], issue=_("There is no such setting."))


def _provider(provider_id: Any) -> Provider | None:
    if provider_id is None:
        return None
    found = Provider.objects.filter(pk=provider_id, scope=Scope.ORGANIZATION).first() if type(provider_id) is int else None
    if found is None:
        raise InvalidInput(field="provider_id", issue=_("There is no such provider of the organization."))
    return found


def _long_text(field: str, longest: int) -> Callable[[Any], str]:
    def clean(value: Any) -> str:
        if not isinstance(value, str) or "\x00" in value:
            raise InvalidInput(field=field, issue=_("A text is needed."))
        if len(value) > longest:
            raise InvalidInput(field=field, issue=_("This is too long."))
        return value.strip()

    return clean


def _category(value: Any) -> str:
    return clean_name(value, field="category") if value != "" else ""


def _avatar(value: Any) -> str:
    """A path of our own or an address that a browser may load a picture from; `javascript:` is neither."""
    address = _long_text("avatar", LONGEST_AVATAR)(value)
    try:
        scheme = urlsplit(address).scheme
    except ValueError:  # [ without ]
        scheme = ""
    if address and (not address.isprintable() or not (address.startswith("/") or scheme in {"http", "https"})):
        raise InvalidInput(field="avatar", issue=_("An address is needed that begins with https:// or /."))
    return address


def _status(value: Any) -> str:
    if value not in Agent.Status.values:
        raise InvalidInput(field="status", issue=_("It is active or inactive."))
    return str(value)


def _capabilities(value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > MOST_CAPABILITIES:
        raise InvalidInput(field="capabilities", issue=_("A list of names is needed."))
    return [clean_name(one, field="capabilities") for one in value]


CLEANERS: Mapping[str, Callable[[Any], Any]] = {
    "name": clean_name,
    "description": _long_text("description", LONGEST_DESCRIPTION),
    "category": _category,
    "avatar": _avatar,
    "status": _status,
    "capabilities": _capabilities,
    "system_prompt": _long_text("system_prompt", LONGEST_PROMPT),
}
