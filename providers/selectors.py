"""Reads. Providers and agents are fetched through the person who asks: what is not hers does not exist."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts.principal import Principal
from chatplatform.core.errors import NotAllowed
from chatplatform.core.pages import Page, PageRequest
from providers.catalogue import Price
from providers.directory import Directory, default_model
from providers.errors import AgentNotFound, ProviderNotFound
from providers.models import Agent, Distribution, ManagedBy, Provider, Scope
from providers.registry import current_directory, in_order


def visible_to(principal: Principal) -> QuerySet[Provider]:
    """Her own, and of the organization's those for everyone or handed to her; an administrator sees all of the organization's."""
    shared = Q(scope=Scope.ORGANIZATION)
    if not principal.is_admin:
        given = Distribution.objects.filter(user_id=principal.user_id, is_active=True)
        shared &= Q(is_default=True) | Q(pk__in=given.values("provider_id"))
    return Provider.objects.filter(Q(owner_id=principal.user_id) | shared)


def get_provider(*, principal: Principal, provider_id: int) -> Provider:
    """Raises ProviderNotFound."""
    provider = visible_to(principal).filter(pk=provider_id).first()
    if provider is None:
        raise ProviderNotFound
    return provider


def may_manage(principal: Principal, provider: Provider) -> bool:
    """Whether she may see its address and change it: the owner of a personal one, administrators for the organization's."""
    if provider.scope == Scope.PERSONAL:
        return provider.owner_id == principal.user_id
    return principal.is_admin


def available_to(principal: Principal) -> list[Provider]:
    """Those that she may use now, in the order in which they would answer. Shared with other requests: only to be read."""
    return in_order(current_directory(), principal)


def provider_of_the_environment(*, kind: str) -> int | None:
    """The id of the provider of this kind that the environment configures, if it does and the operators left it on."""
    for provider in current_directory().providers:
        if provider.managed_by == ManagedBy.ENVIRONMENT and provider.kind == kind and provider.is_active:
            return provider.pk
    return None


def distributions_of(*, principal: Principal, provider_id: int) -> QuerySet[Distribution]:
    """To whom an organization's provider was handed, those that were taken back included. Raises ProviderNotFound and, for all
    but administrators, NotAllowed."""
    provider = get_provider(principal=principal, provider_id=provider_id)
    if not principal.is_admin:
        raise NotAllowed
    return Distribution.objects.filter(provider=provider).select_related("user", "distributed_by").order_by("id")


def list_agents(
    *, principal: Principal, category: str | None = None, provider: str | None = None, page: PageRequest
) -> Page[Agent]:
    """The agents that she may talk to; an administrator sees all. `provider` is a kind (`fastgpt`) or a provider's name."""
    agents = [
        agent
        for agent in current_directory().agents_of(principal)
        if (not category or agent.category == category) and (not provider or provider in _names_of_provider(agent))
    ]
    items = agents[page.offset : page.offset + page.size]
    return Page(items=items, number=page.number, size=page.size, total=len(agents))


def get_agent(*, principal: Principal, agent_id: UUID) -> Agent:
    """With its provider, at the cost of one small query: to be read only. Raises AgentNotFound."""
    for agent in current_directory().agents_of(principal):
        if agent.uuid == agent_id:
            return agent
    raise AgentNotFound


def _names_of_provider(agent: Agent) -> tuple[str, ...]:
    return (agent.provider.kind, agent.provider.name) if agent.provider else ()


@dataclass(frozen=True, slots=True)
class ModelView:
    """A name that may be asked for."""

    name: str
    display_name: str
    description: str
    provider_name: str
    alias_of: str
    """The vendor's name behind an alias, else empty."""
    context_window: int
    max_output: int
    price: Price | None
    capabilities: tuple[str, ...]


def list_models(*, principal: Principal | None = None) -> list[ModelView]:
    """The models that may be asked for, each name once: each provider's own, its default model first, then the aliases.

    `principal` None: what anybody may ask for.
    """
    directory = current_directory()
    usable = in_order(directory, principal)
    chosen = directory.person(principal).chosen
    by_name: dict[str, tuple[Provider, str]] = {}
    for provider, name, model in (*_served(directory, usable), *_aliases(directory, usable)):
        taken = by_name.get(name)
        # The first provider takes a name from later ones, and an organization's alias from all that she did not choose herself:
        # as `find_routes` does.
        if taken is None or (name in directory.aliases and taken[0].pk not in chosen):
            by_name[name] = (provider, model)
    return [_view(directory, provider, name=name, model=model) for name, (provider, model) in by_name.items()]


Served = tuple[Provider, str, str]
"""Who, under which name, and what the vendor calls it."""


def _aliases(directory: Directory, usable: list[Provider]) -> Iterator[Served]:
    by_id = {provider.pk: provider for provider in usable}
    for alias in directory.aliases.values():
        if provider := by_id.get(alias.provider_id):
            yield provider, alias.alias, alias.model or default_model(provider)


def _served(directory: Directory, usable: list[Provider]) -> Iterator[Served]:
    for provider in usable:
        for name in directory.served_by(provider):
            yield provider, name, name


def _view(directory: Directory, provider: Provider, *, name: str, model: str) -> ModelView:
    route = directory.route(provider, asked=name, model=model)
    known = directory.models.get((provider.pk, model))
    facts = directory.prices.facts(vendor=provider.price_vendor, model=model)
    return ModelView(
        name=name,
        display_name=(known and known.display_name) or facts.display_name or model,
        description=(known and known.description) or facts.description,
        provider_name=provider.name,
        alias_of=model if name != model else "",
        context_window=route.context_window,
        max_output=route.max_output,
        price=route.price,
        capabilities=tuple((known and known.capabilities) or ("text",)),
    )
