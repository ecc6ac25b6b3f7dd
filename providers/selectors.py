"""Reads."""

from collections.abc import Iterator
from dataclasses import dataclass

from accounts.principal import Principal
from providers.catalogue import Price
from providers.models import Provider
from providers.registry import Directory, current_directory, default_model


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
    usable = [provider for provider in directory.reachable_by(principal) if provider.is_active]
    views: dict[str, ModelView] = {}
    for view in (*_served(directory, usable), *_aliases(directory, usable)):
        # An alias takes its name from a model, and the first provider takes it from later ones: as `find_route` does.
        if view.alias_of or view.name not in views:
            views[view.name] = view
    return list(views.values())


def _aliases(directory: Directory, usable: list[Provider]) -> Iterator[ModelView]:
    by_id = {provider.pk: provider for provider in usable}
    for alias in directory.aliases.values():
        if provider := by_id.get(alias.provider_id):
            yield _view(directory, provider, name=alias.alias, model=alias.model or default_model(provider))


def _served(directory: Directory, usable: list[Provider]) -> Iterator[ModelView]:
    for provider in usable:
        for name in directory.served_by(provider):
            yield _view(directory, provider, name=name, model=name)


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
