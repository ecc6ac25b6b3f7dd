"""Which provider answers a person, which are asked next, and that what is not hers never does."""

import pytest
from pytest_django import DjangoAssertNumQueries

from accounts.principal import Principal
from providers import registry, selectors, services
from providers.errors import ProviderNotAccessible, ProviderSwitchedOff, UnknownModel
from providers.models import Agent, CatalogueVersion, Kind, ModelAlias, ModelPrice, Provider
from tests.providers.people import HERE, administrator, change, give, own, person, shared

pytestmark = pytest.mark.django_db


def for_everyone(root: Principal, name: str, *, position: int = 100, **fields: object) -> Provider:
    provider = shared(root, name, **fields)
    Provider.objects.filter(pk=provider.pk).update(is_default=True, position=position)
    return provider


def names(principal: Principal, **asked: object) -> list[str]:
    return [route.provider_name for route in registry.find_routes(principal=principal, **asked)]  # type: ignore[arg-type]


def prefer(principal: Principal, provider: Provider | None) -> None:
    services.set_preference(principal=principal, provider_id=provider.pk if provider else None, origin=HERE)


def test_the_one_asked_for_then_the_conversation_s_the_agent_s_her_default_and_the_first_that_is_there() -> None:
    root, alice = administrator(), person("alice")
    first = for_everyone(root, "first", position=1)
    asked, talk, agent, default = (for_everyone(root, name) for name in ("asked", "talk", "agent", "default"))
    prefer(alice, default)
    ids = {"provider_id": asked.pk, "conversation_provider_id": talk.pk, "agent_provider_id": agent.pk}
    for expected, field in (("asked", "provider_id"), ("talk", "conversation_provider_id"), ("agent", "agent_provider_id")):
        assert names(alice, **ids) == [expected]
        del ids[field]
    assert names(alice) == ["default"]
    prefer(alice, None)
    assert names(alice) == [first.name]


def test_her_own_is_before_the_organization_s_and_an_administrator_s_view_last() -> None:
    root, alice = administrator(), person("alice")
    for_everyone(root, "everyone", position=1)
    few = shared(root, "few")
    own(alice)
    give(root, few, alice)
    assert [one.name for one in selectors.available_to(alice)] == ["hers", "everyone", "few"]
    Provider.objects.filter(pk=few.pk).update(position=0)
    assert [one.name for one in selectors.available_to(root)] == ["everyone", "few"]
    assert [one.name for one in selectors.available_to(person("bob"))] == ["everyone"]


def test_one_asked_for_that_is_unknown_or_somebody_else_s_is_refused_alike() -> None:
    root, alice, bob = administrator(), person("alice"), person("bob")
    for_everyone(root, "everyone")
    for provider_id in (own(bob).pk, shared(root).pk, 10**9, 10**30, -1):
        with pytest.raises(ProviderNotAccessible):
            registry.find_routes(principal=alice, provider_id=provider_id)
    with pytest.raises(ProviderNotAccessible):
        registry.find_routes(principal=root, provider_id=own(bob, "again").pk)


def test_one_asked_for_that_is_switched_off_is_said_to_be_and_others_are_passed_over() -> None:
    root, alice = administrator(), person("alice")
    for_everyone(root, "everyone")
    hers = own(alice)
    prefer(alice, hers)
    change(alice, hers, is_active=False)
    with pytest.raises(ProviderSwitchedOff):
        registry.find_routes(principal=alice, provider_id=hers.pk)
    assert names(alice, conversation_provider_id=hers.pk, agent_provider_id=10**9) == ["everyone"]


def test_a_model_is_asked_of_who_has_it_and_what_was_chosen_comes_before_an_alias() -> None:
    root, alice, bob = administrator(), person("alice"), person("bob")
    everyone = for_everyone(root, "everyone")
    ModelAlias.objects.create(alias="gpt-4", provider=everyone)
    hers = own(alice, config={"model": "gpt-4"})
    assert (names(alice, model="gpt-4"), names(bob, model="gpt-4")) == (["hers"], ["everyone"])
    assert names(alice, model="everyone-1") == ["everyone"]
    assert names(alice, model="everyone-1", conversation_provider_id=hers.pk) == ["everyone"]
    with pytest.raises(UnknownModel):
        registry.find_routes(principal=alice, model="everyone-1", provider_id=hers.pk)
    with pytest.raises(UnknownModel):
        registry.find_routes(principal=bob, model="hers-1")
    assert [(view.name, view.provider_name) for view in selectors.list_models(principal=alice)] == [
        ("gpt-4", "hers"),
        ("everyone-1", "everyone"),
    ]
    assert [(view.name, view.alias_of) for view in selectors.list_models(principal=bob)] == [
        ("everyone-1", ""),
        ("gpt-4", "everyone-1"),
    ]


def test_an_agent_s_model_may_be_asked_of_its_provider() -> None:
    root, alice = administrator(), person("alice")
    provider = for_everyone(root, "everyone")
    with pytest.raises(UnknownModel):
        names(alice, model="special")
    Agent.objects.create(name="writer", provider=provider, config={"model": "special"})
    (route,) = registry.find_routes(principal=alice, model="special", agent_provider_id=provider.pk)
    assert (route.provider_id, route.model) == (provider.pk, "special")


def test_fallbacks_come_in_their_order_with_their_own_models_and_only_those_she_may_use() -> None:
    root, alice = administrator(), person("alice")
    first, second, third, off, few = (for_everyone(root, name) for name in ("first", "second", "third", "off", "few"))
    Provider.objects.filter(pk=few.pk).update(is_default=False)
    ModelAlias.objects.create(alias="gpt-4", provider=first)
    change(root, third, config={"model": "gpt-4"})
    change(root, first, fallbacks=[third.pk, few.pk, off.pk, second.pk])
    change(root, off, is_active=False)
    routes = registry.find_routes(principal=alice, model="gpt-4", provider_id=first.pk)
    assert [(route.provider_name, route.asked, route.model) for route in routes] == [
        ("first", "gpt-4", "first-1"),
        ("third", "gpt-4", "gpt-4"),
        ("second", "gpt-4", "second-1"),
    ]
    give(root, few, alice)
    assert names(alice, provider_id=first.pk) == ["first", "third", "few", "second"]
    assert names(alice, provider_id=second.pk) == ["second"]


def test_a_route_carries_the_provider_s_own_settings_and_kind() -> None:
    alice = person("alice")
    own(alice, kind=Kind.ANTHROPIC, base_url="", config={"temperature": 0.3, "max_tokens": 77})
    (route,) = registry.find_routes(principal=alice)
    assert (route.kind, route.temperature, route.max_tokens, route.principal) == ("anthropic", 0.3, 77, alice)


def test_a_personal_provider_s_price_is_the_vendor_s() -> None:
    alice, bob = person("alice"), person("bob")
    row = {"vendor": "openai", "name": "gpt-x", "as_of": "2026-01-01", "output_micros_per_million": 2}
    ModelPrice.objects.create(**row, input_micros_per_million=1)
    own(bob, "other")
    registry.find_routes(principal=bob)
    own(alice, kind=Kind.OPENAI, base_url="", config={"model": "gpt-x"})
    (route,) = registry.find_routes(principal=alice)
    assert route.price is not None
    assert route.price.input_micros_per_million == 1
    ModelPrice.objects.update(input_micros_per_million=9)
    (route,) = registry.find_routes(principal=alice)
    assert route.price is not None
    assert route.price.input_micros_per_million == 9


def test_a_send_costs_no_more_for_what_is_her_own(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    root, alice = administrator(), person("alice")
    hers, backup = own(alice), for_everyone(root, "backup")
    prefer(alice, hers)
    change(alice, hers, fallbacks=[backup.pk])
    registry.find_routes(principal=alice)
    with django_assert_num_queries(1):
        routes = registry.find_routes(principal=alice, model="hers-1", conversation_provider_id=backup.pk)
    with django_assert_num_queries(1):
        registry.open_provider(routes[0])


def test_what_people_do_with_their_own_leaves_the_shared_part_alone() -> None:
    root, alice = administrator(), person("alice")
    provider = for_everyone(root, "everyone")

    def stamps() -> tuple[object, object]:
        row = CatalogueVersion.objects.get()
        return row.stamp, row.shared_stamp

    def moved(act: object) -> tuple[bool, bool]:
        before = stamps()
        act()  # type: ignore[operator]
        return tuple(one != other for one, other in zip(before, stamps(), strict=True))  # type: ignore[return-value]

    hers = own(alice)
    assert moved(lambda: change(alice, hers, name="new")) == (True, False)
    assert moved(lambda: prefer(alice, hers)) == (True, False)
    assert moved(lambda: give(root, provider, alice)) == (True, False)
    assert moved(lambda: change(alice, hers, fallbacks=[provider.pk])) == (True, False)
    assert moved(lambda: own(alice, "second")) == (True, False)
    assert moved(lambda: Provider.objects.filter(pk=hers.pk).delete()) == (True, False)
    assert moved(lambda: change(root, provider, name="new")) == (True, True)
    assert moved(lambda: Agent.objects.create(name="writer")) == (True, True)
    assert moved(lambda: Provider.objects.filter(pk=-1).update(name="x")) == (False, False)


def test_an_own_provider_is_not_trusted_with_any_address_and_an_operator_s_is() -> None:
    root, alice = administrator(), person("alice")
    for principal, provider in ((alice, own(alice)), (root, shared(root))):
        (route,) = registry.find_routes(principal=principal, provider_id=provider.pk)
        adapter = registry.open_provider(route)
        assert adapter.endpoint.trusted is (principal is root)  # type: ignore[attr-defined]
