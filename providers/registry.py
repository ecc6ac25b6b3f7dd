"""From the name of a model to somebody who answers.

Routes are looked up in a picture of the providers' tables that each process keeps. Triggers stamp `CatalogueVersion` anew in the
transaction of every change, so one look at that one row (about 0.1 ms, next to nothing in a pipeline) tells whether the picture
still holds: a provider that was switched off or deleted anywhere is gone from the next turn everywhere.
"""

import threading
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from accounts.principal import Principal
from chatplatform import environment
from chatplatform.core import secrets
from chatplatform.core.pipeline import ask
from providers import base
from providers.adapters.anthropic_messages import AnthropicMessages
from providers.adapters.coze import Coze
from providers.adapters.dify import Dify
from providers.adapters.fastgpt import FastGPT
from providers.adapters.ollama import Ollama
from providers.adapters.openai_compatible import OpenAICompatible
from providers.base import Endpoint, Limits
from providers.catalogue import Price
from providers.directory import Directory, Route, default_model, read_directory
from providers.errors import ProviderNotAccessible, ProviderSwitchedOff, UnknownModel
from providers.models import Kind, Provider, Scope

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ADAPTERS",
    "Directory",
    "Look",
    "Price",
    "Route",
    "current_directory",
    "default_model",
    "find_route",
    "find_routes",
    "open_found",
    "open_provider",
]

ADAPTERS: "dict[str, Callable[[Endpoint], base.Provider]]" = {
    Kind.OPENAI: OpenAICompatible,
    Kind.ANTHROPIC: AnthropicMessages,
    Kind.OLLAMA: Ollama,
    Kind.FASTGPT: FastGPT,
    Kind.DIFY: Dify,
    Kind.COZE: Coze,
    Kind.CUSTOM: OpenAICompatible,
    Kind.LOCAL: OpenAICompatible,
}
"""By kind. An adapter is made from an `Endpoint`."""

_directory: Directory | None = None
_reading = threading.Lock()


class Look:
    """At the stamp: one small query. In a pipeline it is asked when this is made, and waited for by `directory()`."""

    def __init__(self) -> None:
        self._answer = ask("SELECT stamp FROM providers_catalogueversion WHERE id = 1", {})

    def directory(self) -> Directory:
        """The tables as they were at this look. Once for each."""
        global _directory
        row = self._answer.row()
        stamp: UUID | None = row[0] if row else None
        found = _directory
        if found is not None and stamp is not None and found.stamp == stamp:
            return found
        with _reading:
            if _directory is None or stamp is None or _directory.stamp != stamp:
                # The stamp was read before the rows: a change in between makes the next look read them again.
                _directory = _read_directory(stamp)
            return _directory


def current_directory() -> Directory:
    """The tables as they are now."""
    return Look().directory()


def _read_directory(stamp: UUID | None) -> Directory:
    return read_directory(stamp=stamp, before=_directory)


def find_route(*, principal: Principal, model: str | None) -> Route:
    """The first of `find_routes`."""
    return find_routes(principal=principal, model=model)[0]


def find_routes(
    *,
    principal: Principal,
    model: str | None = None,
    provider_id: int | None = None,
    conversation_provider_id: int | None = None,
    agent_provider_id: int | None = None,
    directory: Directory | None = None,
) -> tuple[Route, ...]:
    """Who answers this person, and who is asked next if that one fails before its first token.

    Who answers: `provider_id`, the one asked for; else the conversation's; else the agent's; else her default; else the first
    that is available. With `model` (an alias or a vendor's name; None: whatever is the default) the first of these who has it.
    What she may no longer use, or is switched off, is passed over, unless it is the one asked for. `directory`: of a look in the
    same transaction, instead of another one.

    Raises ProviderNotAccessible (asked for, but unknown or not hers), UnknownModel, and ProviderSwitchedOff when the one asked
    for or the only ones who know the model may not be asked now.
    """
    directory = directory or current_directory()
    if provider_id is not None:
        chosen = _asked_for(directory, principal, provider_id)
        name = directory.vendors_name(chosen, model) if model else default_model(chosen)
        if name is None:
            raise UnknownModel(model or "")
    else:
        chosen, name = _choose(directory, principal, model, (conversation_provider_id, agent_provider_id))
    return _with_fallbacks(directory, principal, chosen, asked=model or "", name=name)


def _asked_for(directory: Directory, principal: Principal, provider_id: int) -> Provider:
    provider = next((one for one in directory.reachable_by(principal) if one.pk == provider_id), None)
    if provider is None:
        raise ProviderNotAccessible
    if not provider.is_active:
        raise ProviderSwitchedOff
    return provider


def _choose(directory: Directory, principal: Principal, model: str | None, first: tuple[int | None, ...]) -> tuple[Provider, str]:
    """Who answers, and what it calls the model."""
    candidates = in_order(directory, principal, first)
    if not model:
        if not candidates:
            raise ProviderSwitchedOff
        return candidates[0], default_model(candidates[0])
    reachable = directory.reachable_by(principal)
    if alias := directory.aliases.get(model):
        # An organization's alias takes its name from the organization's models, but not from what was chosen or is her own.
        chosen = directory.person(principal).chosen | {*first}
        target = [provider for provider in reachable if provider.pk == alias.provider_id]
        before = [provider for provider in candidates if provider.pk in chosen]
        candidates = [*before, *target, *candidates]
    for provider in candidates:
        name = directory.vendors_name(provider, model)
        if name is not None:
            if not provider.is_active:
                raise ProviderSwitchedOff
            return provider, name
    if any(directory.vendors_name(provider, model) for provider in reachable):
        raise ProviderSwitchedOff
    raise UnknownModel(model)


def in_order(directory: Directory, principal: Principal | None, first: tuple[int | None, ...] = ()) -> list[Provider]:
    """Those that this person may use now, in the order in which they are asked: `first` by their ids, then her default."""
    usable = {provider.pk: provider for provider in directory.reachable_by(principal) if provider.is_active}
    wanted = [one for one in (*first, directory.person(principal).preferred) if one is not None and one in usable]
    return [usable[one] for one in dict.fromkeys((*wanted, *usable))]


def _with_fallbacks(directory: Directory, principal: Principal, chosen: Provider, *, asked: str, name: str) -> tuple[Route, ...]:
    usable = {provider.pk: provider for provider in directory.reachable_by(principal) if provider.is_active}
    routes = [directory.route(chosen, asked=asked, model=name, principal=principal)]
    for provider_id, fallback_id in directory.person(principal).fallbacks:
        provider = usable.get(fallback_id)
        if provider_id == chosen.pk and provider is not None:
            model = (asked and directory.vendors_name(provider, asked)) or default_model(provider)
            routes.append(directory.route(provider, asked=asked, model=model, principal=principal))
    return tuple(routes)


def open_provider(route: Route) -> base.Provider:
    """Somebody to ask, ready for the event loop. Looks at the database: call it in a database thread.

    Raises ProviderError when the provider was switched off, deleted or taken back since the route was found, when its key cannot
    be opened, or when the local model is not running.
    """
    return _open(route, current_directory())


def open_found(route: Route) -> base.Provider:
    """The same without another look, for a route that was found in this very visit to the database."""
    return _open(route, route.found_in or current_directory())


def _open(route: Route, directory: Directory) -> base.Provider:
    reachable = directory.reachable_by(route.principal)
    provider = next((one for one in reachable if one.pk == route.provider_id), None)
    if provider is None or not provider.is_active:
        raise base.ProviderError(base.ProviderFault.UNAVAILABLE, "the provider was switched off, deleted or taken back")
    return open_row(provider)


def open_row(provider: Provider) -> base.Provider:
    """As `open_provider`, for whoever has the row already."""
    base_url, api_key = _address(provider)
    trusted = provider.scope == Scope.ORGANIZATION
    endpoint = Endpoint(base_url=base_url, api_key=api_key, trusted=trusted, limits=_limits(), config=provider.config)
    return ADAPTERS[provider.kind](endpoint)


def _address(provider: Provider) -> tuple[str, str]:
    """Base URL and key. Those of the local model change with every start and are stored nowhere."""
    if provider.kind == Kind.LOCAL:
        running = environment.local_model()
        if running is None:
            raise base.ProviderError(base.ProviderFault.UNAVAILABLE, "the local model is not running")
        return running["url"], running["api_key"]
    if not provider.sealed_key:
        return provider.base_url, ""
    try:
        return provider.base_url, secrets.unseal(provider.sealed_key, bound_to=provider.key_binding)
    except secrets.CannotUnseal as error:
        raise base.ProviderError(base.ProviderFault.AUTH, f"the provider's key cannot be opened: {error}") from None


def _limits() -> Limits:
    return Limits(
        connect=settings.PROVIDER_CONNECT_TIMEOUT,
        first_token=settings.PROVIDER_FIRST_TOKEN_TIMEOUT,
        silence=settings.PROVIDER_SILENCE_TIMEOUT,
        total=settings.PROVIDER_TOTAL_TIMEOUT,
    )
