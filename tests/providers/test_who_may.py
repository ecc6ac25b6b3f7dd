"""{admin, owner, distributed user, stranger} × every service and selector: who may, how the others are refused, and that a
refusal writes nothing but its own record."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pytest_django import Settings

from accounts.models import User
from accounts.principal import Principal
from chatplatform.core.errors import DomainError, NotAllowed
from chatplatform.core.models import AuditEvent
from chatplatform.core.pages import PageRequest
from providers import registry, selectors, services
from providers.errors import AgentNotFound, ProviderNotAccessible, ProviderNotFound
from providers.models import Agent, Distribution, Fallback, Model, Preference, Provider
from tests.providers.people import HERE, administrator, give, own, person, shared

pytestmark = pytest.mark.django_db

TABLES = (Provider, Distribution, Fallback, Preference, Agent, Model, User)


@dataclass
class World:
    people: dict[str, Principal]
    personal: Provider
    """The owner's."""
    organizations: Provider
    """In the hands of the distributed user alone."""
    agent: Agent
    """On the organization's."""


@pytest.fixture
def world(settings: Settings, tmp_path: Any) -> World:
    settings.PROVIDERS_FILE = tmp_path / "providers.toml"
    settings.PROVIDERS_FILE.write_text('[agents.reader]\nname = "Reader"\n')
    root, alice, bob, charlie = administrator(), person("alice"), person("bob"), person("charlie")
    people = {"admin": root, "owner": alice, "distributed": bob, "stranger": charlie}
    provider = shared(root)
    give(root, provider, bob)
    agent = Agent.objects.create(name="writer", provider=provider, system_prompt="secret")
    return World(people, own(alice), provider, agent)


Act = Callable[[Principal, Provider, World], object]
ACTS: dict[str, Act] = {
    "see": lambda who, provider, _: selectors.get_provider(principal=who, provider_id=provider.pk),
    "use": lambda who, provider, _: registry.find_routes(principal=who, provider_id=provider.pk),
    "prefer": lambda who, provider, _: services.set_preference(principal=who, provider_id=provider.pk, origin=HERE),
    "change": lambda who, provider, _: services.update_provider(
        principal=who, provider_id=provider.pk, changes={"name": "new", "base_url": "https://evil.example.com/v1"}, origin=HERE
    ),
    "delete": lambda who, provider, _: services.delete_provider(principal=who, provider_id=provider.pk, origin=HERE),
    "hand out": lambda who, provider, world: services.distribute(
        principal=who, provider_id=provider.pk, user_ids=[world.people["stranger"].user_id], origin=HERE
    ),
    "take back": lambda who, provider, world: services.undistribute(
        principal=who, provider_id=provider.pk, user_id=world.people["distributed"].user_id, origin=HERE
    ),
    "who has it": lambda who, provider, _: list(selectors.distributions_of(principal=who, provider_id=provider.pk)),
}
MAY, HIDDEN, FORBIDDEN, NOT_HERS = None, ProviderNotFound, NotAllowed, ProviderNotAccessible
Expected = type[DomainError] | None

# Of the organization's provider, which the distributed user has and the owner of another one has not.
ORGANIZATIONS: dict[str, tuple[Expected, Expected, Expected, Expected]] = {
    #             admin  owner     distributed  stranger
    "see":        (MAY, HIDDEN,   MAY,         HIDDEN),
    "use":        (MAY, NOT_HERS, MAY,         NOT_HERS),
    "prefer":     (MAY, HIDDEN,   MAY,         HIDDEN),
    "change":     (MAY, HIDDEN,   FORBIDDEN,   HIDDEN),
    "delete":     (MAY, HIDDEN,   FORBIDDEN,   HIDDEN),
    "hand out":   (MAY, HIDDEN,   FORBIDDEN,   HIDDEN),
    "take back":  (MAY, HIDDEN,   FORBIDDEN,   HIDDEN),
    "who has it": (MAY, HIDDEN,   FORBIDDEN,   HIDDEN),
}  # fmt: skip
# Of the owner's own provider. That nobody hands it out is `test_handing_out.py`'s.
PERSONAL: dict[str, tuple[Expected, Expected, Expected, Expected]] = {
    "see":        (HIDDEN,   MAY,       HIDDEN,   HIDDEN),
    "use":        (NOT_HERS, MAY,       NOT_HERS, NOT_HERS),
    "prefer":     (HIDDEN,   MAY,       HIDDEN,   HIDDEN),
    "change":     (HIDDEN,   MAY,       HIDDEN,   HIDDEN),
    "delete":     (HIDDEN,   MAY,       HIDDEN,   HIDDEN),
    "hand out":   (HIDDEN,   FORBIDDEN, HIDDEN,   HIDDEN),
    "take back":  (HIDDEN,   FORBIDDEN, HIDDEN,   HIDDEN),
    "who has it": (HIDDEN,   FORBIDDEN, HIDDEN,   HIDDEN),
}  # fmt: skip
WHO = ("admin", "owner", "distributed", "stranger")
CASES = [
    pytest.param(whose, act, who, expected, id=f"{who} may {act} {whose}: {expected.__name__ if expected else 'yes'}")
    for whose, matrix in (("organizations", ORGANIZATIONS), ("personal", PERSONAL))
    for act, row in matrix.items()
    for who, expected in zip(WHO, row, strict=True)
]


def everything() -> list[Any]:
    return [list(table._default_manager.order_by("pk").values()) for table in TABLES]


@pytest.mark.parametrize(("whose", "act", "who", "expected"), CASES)
def test_of_a_provider(world: World, whose: str, act: str, who: str, expected: Expected) -> None:
    provider: Provider = getattr(world, whose)
    before, records = everything(), AuditEvent.objects.count()
    if expected is None:
        ACTS[act](world.people[who], provider, world)
        return
    with pytest.raises(expected) as refused:
        ACTS[act](world.people[who], provider, world)
    assert type(refused.value) is expected
    assert everything() == before
    # That she tried to write what she may only see is recorded; what does not exist for her is no event.
    recorded = expected is FORBIDDEN and act != "who has it"
    assert AuditEvent.objects.count() - records == recorded
    if recorded:
        event = AuditEvent.objects.latest("id")
        assert (event.action, event.outcome, event.actor_id) == ("access.refused", "refused", world.people[who].user_id)


@pytest.mark.parametrize("who", WHO)
def test_lists_hold_what_is_hers_to_see_and_no_more(world: World, who: str) -> None:
    principal = world.people[who]
    expected = {
        "admin": {world.organizations},
        "owner": {world.personal},
        "distributed": {world.organizations},
        "stranger": set(),
    }[who]
    assert set(selectors.visible_to(principal)) == expected
    assert set(selectors.available_to(principal)) == expected
    assert {view.provider_name for view in selectors.list_models(principal=principal)} == {one.name for one in expected}
    may_see_agent = who in {"admin", "distributed"}
    page = selectors.list_agents(principal=principal, page=PageRequest(1, 20))
    assert ([agent.pk for agent in page.items], page.total) == (([world.agent.pk], 1) if may_see_agent else ([], 0))


@pytest.mark.parametrize("who", WHO)
def test_of_an_agent(world: World, who: str) -> None:
    principal = world.people[who]
    before = everything()

    def change() -> object:
        return services.update_agent(principal=principal, agent_id=world.agent.uuid, changes={"name": "new"}, origin=HERE)

    if who == "admin":
        assert selectors.get_agent(principal=principal, agent_id=world.agent.uuid).pk == world.agent.pk
        change()
        assert Agent.objects.get(pk=world.agent.pk).name == "new"
        return
    if who == "distributed":
        assert selectors.get_agent(principal=principal, agent_id=world.agent.uuid).pk == world.agent.pk
        with pytest.raises(NotAllowed):
            change()
    else:
        for act in (change, lambda: selectors.get_agent(principal=principal, agent_id=world.agent.uuid)):
            with pytest.raises(AgentNotFound):
                act()
    assert everything() == before


@pytest.mark.parametrize("who", WHO)
def test_of_making_the_organization_s_and_reloading_the_file(world: World, who: str) -> None:
    principal = world.people[who]
    before = everything()
    acts: list[Callable[[], object]] = [
        lambda: shared(principal, "new"),
        lambda: services.reload_from_file(principal=principal, origin=HERE),
    ]
    for act in acts:
        if who == "admin":
            act()
            continue
        with pytest.raises(NotAllowed):
            act()
    assert (everything() == before) is (who != "admin")


def test_everybody_makes_her_own(world: World) -> None:
    for principal in world.people.values():
        provider = own(principal, "another")
        assert selectors.may_manage(principal, provider)
        assert [who for who, other in world.people.items() if selectors.may_manage(other, provider)] == [
            who for who, other in world.people.items() if other is principal
        ]
