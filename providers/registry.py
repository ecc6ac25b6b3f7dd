"""From the name of a model to somebody who answers.

Routes are looked up in a picture of the providers' tables that each process keeps. Triggers stamp `CatalogueVersion` anew in the
transaction of every change, so one look at that one row (about 0.1 ms, next to nothing in a pipeline) tells whether the picture
still holds: a provider that was switched off or deleted anywhere is gone from the next turn everywhere.
"""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings

from accounts.principal import Principal
from chatplatform import environment
from chatplatform.core import secrets
from chatplatform.core.pipeline import ask
from chatplatform.embedded.llama_server import SLOT_CONTEXT
from providers import base, catalogue
from providers.adapters.openai_compatible import OpenAICompatible
from providers.catalogue import FREE, Price, PriceRow, PriceTable
from providers.errors import ProviderSwitchedOff, UnknownModel
from providers.models import Kind, Model, ModelAlias, ModelPrice, PriceSource, Provider, Scope
from providers.upstream import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

ADAPTERS: "dict[str, Callable[..., base.Provider]]" = {
    Kind.OPENAI: OpenAICompatible,
    Kind.CUSTOM: OpenAICompatible,
    Kind.LOCAL: OpenAICompatible,
}
"""By kind. An adapter takes `base_url`, `api_key` and `limits`."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who is going to answer, and on what terms."""

    provider_id: int | None
    provider_name: str
    asked: str
    """The name that was asked for; the model's own when none was."""
    model: str
    """The vendor's own name."""
    context_window: int
    """Tokens, the answer's included."""
    max_output: int
    """The most tokens that may be asked for."""
    price: Price | None
    """None is unknown, not free."""
    found_in: "Directory" = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Directory:
    """The providers' tables as this process last read them. Organization providers only: personal ones are read by owner."""

    stamp: UUID | None
    providers: tuple[Provider, ...]
    """In the order in which they are asked, those that are switched off included."""
    models: dict[tuple[int, str], Model]
    aliases: dict[str, ModelAlias]
    prices: PriceTable

    def reachable_by(self, principal: Principal | None) -> tuple[Provider, ...]:
        """The providers that this person may use or could, were they switched on. The one place to decide it."""
        return tuple(provider for provider in self.providers if provider.is_default)

    def served_by(self, provider: Provider) -> list[str]:
        """The names of the models that may be asked for, the default model first."""
        listed = [name for (provider_id, name), model in self.models.items() if provider_id == provider.pk and model.is_active]
        default = default_model(provider)
        return [default, *(name for name in listed if name != default)]

    def route(self, provider: Provider, *, asked: str, model: str) -> Route:
        known = self.models.get((provider.pk, model))
        facts = self.prices.facts(vendor=provider.price_vendor, model=model)
        window = (known and known.context_window) or facts.context_window or catalogue.DEFAULT_CONTEXT_WINDOW
        if provider.kind == Kind.LOCAL:
            running = environment.local_model() or {}
            window = (known and known.context_window) or int(running.get("context_window") or SLOT_CONTEXT)
            longest = window  # llama.cpp takes any limit
        else:
            longest = catalogue.longest_answer(model=model, context_window=window)
        return Route(
            provider_id=provider.pk,
            provider_name=provider.name,
            asked=asked or model,
            model=model,
            context_window=window,
            max_output=(known and known.max_output) or longest,
            # What runs here costs nothing by the token, unless an operator put a price on it.
            price=facts.price or (FREE if provider.kind == Kind.LOCAL else None),
            found_in=self,
        )


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
    providers = tuple(Provider.objects.filter(scope=Scope.ORGANIZATION))
    models = Model.objects.filter(provider__scope=Scope.ORGANIZATION)
    vendors = {"", *(provider.price_vendor for provider in providers)}
    return Directory(
        stamp=stamp,
        providers=providers,
        models={(model.provider_id, model.name): model for model in models},
        aliases={alias.alias: alias for alias in ModelAlias.objects.filter(is_active=True)},
        prices=PriceTable(_price_row(price) for price in ModelPrice.objects.filter(vendor__in=vendors)),
    )


def _price_row(row: ModelPrice) -> PriceRow:
    return PriceRow(
        vendor=row.vendor,
        name=row.name,
        pattern=row.pattern,
        context_window=row.context_window,
        price=Price(row.input_micros_per_million, row.output_micros_per_million, row.cached_input_micros_per_million),
        display_name=row.display_name,
        description=row.description,
        by_operator=row.source == PriceSource.OPERATOR,
    )


def default_model(provider: Provider) -> str:
    """The vendor's name of the model that answers when none was asked for."""
    if provider.kind == Kind.LOCAL:
        running = environment.local_model() or {}
        return running.get("name") or provider.default_model or "local"
    return provider.default_model


def find_route(*, principal: Principal, model: str | None, directory: Directory | None = None) -> Route:
    """Who answers when this person asks for `model` (an alias or a vendor's name; None: whatever is the default).

    `directory`: of a look in the same transaction, instead of another one.
    Raises UnknownModel, and ProviderSwitchedOff when the only ones who know the model may not be asked now.
    """
    directory = directory or current_directory()
    reachable = directory.reachable_by(principal)
    usable = tuple(provider for provider in reachable if provider.is_active)
    if not model:
        if not usable:
            raise ProviderSwitchedOff
        return directory.route(usable[0], asked="", model=default_model(usable[0]))
    if alias := directory.aliases.get(model):
        target = next((provider for provider in reachable if provider.pk == alias.provider_id), None)
        if target is not None:
            if not target.is_active:
                raise ProviderSwitchedOff
            return directory.route(target, asked=model, model=alias.model or default_model(target))
    for provider in usable:
        if model in directory.served_by(provider):
            return directory.route(provider, asked=model, model=model)
    if any(model in directory.served_by(provider) for provider in reachable):
        raise ProviderSwitchedOff
    raise UnknownModel(model)


def open_provider(route: Route) -> base.Provider:
    """Somebody to ask, ready for the event loop. Looks at the database: call it in a database thread.

    Raises ProviderError when the provider was switched off or deleted since the route was found, when its key cannot be
    opened, or when the local model is not running.
    """
    return _open(route, current_directory())


def open_found(route: Route) -> base.Provider:
    """The same without another look, for a route that was found in this very visit to the database."""
    return _open(route, route.found_in)


def _open(route: Route, directory: Directory) -> base.Provider:
    provider = next((one for one in directory.providers if one.pk == route.provider_id), None)
    if provider is None or not provider.is_active:
        raise base.ProviderError(base.ProviderFault.UNAVAILABLE, "the provider was switched off or deleted")
    base_url, api_key = _address(provider)
    return ADAPTERS[provider.kind](base_url=base_url, api_key=api_key, limits=_limits())


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
