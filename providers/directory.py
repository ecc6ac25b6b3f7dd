"""A picture of the providers' tables, as one process last read them.

Two parts. What is the same for everybody (organization providers, agents, models, aliases, prices) is read at once. What is one
person's (her own providers, what was handed to her, her default, whom each falls back on) is read when she first comes, and kept
for as long as the picture lasts. `registry.current_directory` says when it no longer holds.
"""

from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Q

from accounts.principal import Principal
from chatplatform import environment
from chatplatform.embedded.llama_server import SLOT_CONTEXT
from providers import catalogue
from providers.catalogue import FREE, Price, PriceRow, PriceTable
from providers.models import (
    Agent,
    CatalogueVersion,
    Distribution,
    Fallback,
    Kind,
    Model,
    ModelAlias,
    ModelPrice,
    Preference,
    PriceSource,
    Provider,
    Scope,
)

MOST_PEOPLE = 10_000
"""How many people's parts are kept; a few hundred bytes each, and her own providers."""


@dataclass(frozen=True, slots=True)
class Route:
    """Who is going to answer, and on what terms."""

    provider_id: int
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
    kind: str = Kind.CUSTOM
    """`models.Kind`"""
    temperature: float | None = None
    """The provider's own setting, for a message that has none."""
    max_tokens: int | None = None
    """The provider's own setting, for a message that has none."""
    is_personal: bool = False
    """Somebody brought it herself: what is the organization's own is not for its eyes."""
    principal: Principal | None = None
    """For whom it was found: `open_provider` asks again whether she may."""
    found_in: "Directory | None" = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Person:
    """What the tables hold for one person."""

    providers: tuple[Provider, ...] = ()
    """Her own, those that are switched off included."""
    given: frozenset[int] = frozenset()
    """The ids of the organization providers in her hands."""
    preferred: int | None = None
    """The id of her default provider."""
    fallbacks: tuple[tuple[int, int], ...] = ()
    """(provider, who is asked next), in order: of her own providers and of all organization providers."""

    @property
    def chosen(self) -> frozenset[int | None]:
        """The ids of what she brought or chose herself."""
        return frozenset({self.preferred, *(provider.pk for provider in self.providers)})


@dataclass(frozen=True, slots=True)
class Directory:
    """The providers' tables as this process last read them."""

    stamp: UUID | None
    shared_stamp: UUID | None
    providers: tuple[Provider, ...]
    """The organization's, in the order in which they are asked, those that are switched off included."""
    agents: tuple[Agent, ...]
    models: dict[tuple[int, str], Model]
    aliases: dict[str, ModelAlias]
    prices: PriceTable
    _people: dict[int, Person] = field(default_factory=dict)

    def person(self, principal: Principal | None) -> Person:
        """What is one person's. Looks at the database when she first comes."""
        if principal is None:
            return Person()
        found = self._people.get(principal.user_id)
        if found is None:
            found = read_person(principal.user_id)
            for vendor in {provider.price_vendor for provider in found.providers} - self.prices.vendors:
                self.prices.learn(vendor, _price_rows({vendor}))
            if len(self._people) >= MOST_PEOPLE:
                self._people.clear()
            self._people[principal.user_id] = found
        return found

    def reachable_by(self, principal: Principal | None) -> tuple[Provider, ...]:
        """The providers that this person may use or could, were they switched on. The one place to decide it.

        In the order in which they are asked: her own, the organization's, and for an administrator last those that were
        handed to others only.
        """
        person = self.person(principal)
        hers: list[Provider] = list(person.providers)
        others: list[Provider] = []
        for provider in self.providers:
            (hers if provider.is_default or provider.pk in person.given else others).append(provider)
        return (*hers, *others) if principal is not None and principal.is_admin else tuple(hers)

    def agents_of(self, principal: Principal) -> tuple[Agent, ...]:
        """Those that this person may talk to; an administrator sees all, the inactive ones included."""
        if principal.is_admin:
            return self.agents
        reachable = {None, *(provider.pk for provider in self.reachable_by(principal))}
        active = (agent for agent in self.agents if agent.status == Agent.Status.ACTIVE)
        return tuple(agent for agent in active if agent.provider_id in reachable)

    def served_by(self, provider: Provider) -> list[str]:
        """The names of the models that may be asked for, the default model first, those that agents name last."""
        listed = [name for provider_id, name in self.models if provider_id == provider.pk]
        of_agents = [
            agent.config["model"] for agent in self.agents if agent.provider_id == provider.pk and "model" in agent.config
        ]
        names = dict.fromkeys((default_model(provider), *listed, *of_agents))
        return [name for name in names if not self._is_alias_of(provider, name) and self.vendors_name(provider, name)]

    def vendors_name(self, provider: Provider, name: str) -> str | None:
        """What `provider` calls the model `name`, an alias of it or its own name; None: it has no such model."""
        if self._is_alias_of(provider, name):
            return self.aliases[name].model or default_model(provider)
        if name == default_model(provider):
            return name
        if known := self.models.get((provider.pk, name)):
            return name if known.is_active else None
        return (
            name if any(agent.provider_id == provider.pk and agent.config.get("model") == name for agent in self.agents) else None
        )

    def _is_alias_of(self, provider: Provider, name: str) -> bool:
        alias = self.aliases.get(name)
        return alias is not None and alias.provider_id == provider.pk

    def route(self, provider: Provider, *, asked: str, model: str, principal: Principal | None = None) -> Route:
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
            kind=provider.kind,
            temperature=provider.config.get("temperature"),
            max_tokens=provider.config.get("max_tokens"),
            principal=principal,
            is_personal=provider.scope == Scope.PERSONAL,
            found_in=self,
        )


def default_model(provider: Provider) -> str:
    """The vendor's name of the model that answers when none was asked for; of a vendor that names none, its kind."""
    if provider.kind == Kind.LOCAL:
        running = environment.local_model() or {}
        return running.get("name") or provider.default_model or "local"
    return provider.default_model or provider.kind


def read_directory(*, stamp: UUID | None, before: Directory | None) -> Directory:
    """The tables as they are now; of `before`, the last picture, what still holds is taken over."""
    shared_stamp = CatalogueVersion.objects.values_list("shared_stamp", flat=True).first()
    if before is not None and shared_stamp is not None and before.shared_stamp == shared_stamp:
        return Directory(
            stamp, shared_stamp, before.providers, before.agents, before.models, before.aliases, before.prices
        )  # of people nothing
    providers = tuple(Provider.objects.filter(scope=Scope.ORGANIZATION))
    models = Model.objects.filter(provider__scope=Scope.ORGANIZATION)
    vendors = {"", *(provider.price_vendor for provider in providers)}
    return Directory(
        stamp=stamp,
        shared_stamp=shared_stamp,
        providers=providers,
        agents=tuple(Agent.objects.select_related("provider")),
        models={(model.provider_id, model.name): model for model in models},
        aliases={alias.alias: alias for alias in ModelAlias.objects.filter(is_active=True)},
        prices=PriceTable(_price_rows(vendors), vendors=vendors),
    )


def read_person(user_id: int) -> Person:
    fallbacks = Fallback.objects.filter(Q(provider__scope=Scope.ORGANIZATION) | Q(provider__owner_id=user_id))
    return Person(
        providers=tuple(Provider.objects.filter(owner_id=user_id)),
        given=frozenset(Distribution.objects.filter(user_id=user_id, is_active=True).values_list("provider_id", flat=True)),
        preferred=Preference.objects.filter(user_id=user_id).values_list("provider_id", flat=True).first(),
        fallbacks=tuple(fallbacks.values_list("provider_id", "fallback_id")),
    )


def _price_rows(vendors: set[str]) -> list[PriceRow]:
    return [price_row(price) for price in ModelPrice.objects.filter(vendor__in=vendors)]


def price_row(row: ModelPrice) -> PriceRow:
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
