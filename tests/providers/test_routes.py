"""Whom a name leads to, and that a change is seen at once."""

import uuid

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from accounts.principal import Principal
from providers import registry, services
from providers.adapters.openai_compatible import OpenAICompatible
from providers.base import ProviderError, ProviderFault
from providers.catalogue import FREE, Price
from providers.errors import ProviderSwitchedOff, UnknownModel
from providers.models import Kind, Model, ModelAlias, ModelPrice, Provider, Scope
from providers.selectors import list_models

pytestmark = pytest.mark.django_db

ALICE = Principal(1_000_001, uuid.uuid4(), "alice", "user", "standard", None, None)


def make_provider(name: str = "acme", **fields: object) -> Provider:
    defaults = {"base_url": "http://127.0.0.1:9/v1", "default_model": "acme-large", "is_default": True}
    return Provider.objects.create(name=name, **(defaults | fields))


def find(model: str | None = None) -> registry.Route:
    return registry.find_route(principal=ALICE, model=model)


def test_without_a_name_the_first_provider_answers_with_its_default_model() -> None:
    make_provider("later", position=50)
    first = make_provider("first", position=5, default_model="one")
    route = find()
    assert (route.provider_id, route.provider_name, route.asked, route.model) == (first.pk, "first", "one", "one")


def test_a_name_leads_to_the_provider_that_lists_it() -> None:
    make_provider()
    other = make_provider("other", default_model="other-1")
    Model.objects.create(provider=other, name="other-2")
    assert find("other-2").provider_id == other.pk


def test_an_alias_keeps_the_name_that_was_asked_for() -> None:
    provider = make_provider()
    ModelAlias.objects.create(alias="gpt-4", provider=provider)
    route = find("gpt-4")
    assert (route.asked, route.model) == ("gpt-4", "acme-large")


@pytest.mark.parametrize("name", ["nothing", "ACME-LARGE", "acme-large ", "\x00", "x" * 10_000])
def test_a_name_that_nobody_knows_is_refused_as_the_field_model(name: str) -> None:
    make_provider()
    with pytest.raises(UnknownModel) as refused:
        find(name)
    assert refused.value.field == "model"


def test_a_provider_that_is_switched_off_answers_nobody_from_then_on() -> None:
    provider = make_provider()
    route = find("acme-large")
    Provider.objects.filter(pk=provider.pk).update(is_active=False)
    for name in ("acme-large", None):
        with pytest.raises(ProviderSwitchedOff):
            find(name)
    with pytest.raises(ProviderError) as failed:
        registry.open_provider(route)
    assert failed.value.fault is ProviderFault.UNAVAILABLE


def test_a_deleted_provider_is_unknown_from_then_on() -> None:
    provider = make_provider()
    make_provider("other", default_model="other-1")
    route = find("acme-large")
    provider.delete()
    with pytest.raises(UnknownModel):
        find("acme-large")
    with pytest.raises(ProviderError):
        registry.open_provider(route)


def test_a_change_by_hand_in_sql_is_seen_at_once() -> None:
    make_provider()
    assert find().model == "acme-large"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE providers_provider SET default_model = 'acme-small'")
    assert find().model == "acme-small"


def test_no_provider_at_all_is_something_of_ours_that_is_away() -> None:
    with pytest.raises(ProviderSwitchedOff):
        find()


def test_an_organization_s_provider_that_is_not_for_everyone_is_for_nobody_yet() -> None:
    make_provider(is_default=False)
    with pytest.raises(UnknownModel):
        find("acme-large")


def test_a_personal_provider_is_not_found_by_others(django_user_model: type) -> None:
    bob = django_user_model.objects.create_user("bob", "bob@example.com", "correct horse")  # type: ignore[attr-defined]
    make_provider(scope=Scope.PERSONAL, owner=bob, is_default=False)
    with pytest.raises(UnknownModel):
        find("acme-large")


def test_a_send_costs_two_small_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    make_provider()
    find()
    with django_assert_num_queries(1):
        route = find()
    with django_assert_num_queries(1):
        registry.open_provider(route)


def test_an_unknown_model_has_a_modest_window_and_no_price() -> None:
    make_provider()
    route = find()
    assert (route.context_window, route.price) == (8_192, None)
    assert 0 < route.max_output <= route.context_window


def test_an_operator_s_price_comes_before_the_catalogue_s_and_keeps_its_window() -> None:
    make_provider(price_vendor="acme")
    common = {"vendor": "acme", "name": "acme-large", "as_of": "2026-01-01"}
    ModelPrice.objects.create(
        **common, source="genai-prices", context_window=64_000, input_micros_per_million=1, output_micros_per_million=2
    )
    assert find().price == Price(1, 2)
    ModelPrice.objects.create(**common, source="operator", input_micros_per_million=3, output_micros_per_million=4)
    route = find()
    assert (route.price, route.context_window) == (Price(3, 4), 64_000)


def test_what_an_operator_says_of_a_model_counts() -> None:
    provider = make_provider()
    Model.objects.create(provider=provider, name="acme-large", context_window=32_000, max_output=500)
    route = find()
    assert (route.context_window, route.max_output) == (32_000, 500)


def test_a_bad_pattern_of_an_operator_stops_nobody() -> None:
    make_provider()
    ModelPrice.objects.create(name="x", pattern="(", as_of="2026-01-01", input_micros_per_million=1, output_micros_per_million=1)
    assert find().price is None


def test_a_key_opens_in_its_own_row_only() -> None:
    provider, thief = make_provider(), make_provider("thief", default_model="stolen")
    services.set_key(provider=provider, key="sk-alice-0123456789abcd")
    assert isinstance(registry.open_provider(find("acme-large")), OpenAICompatible)
    Provider.objects.filter(pk=thief.pk).update(sealed_key=provider.sealed_key)
    with pytest.raises(ProviderError) as failed:
        registry.open_provider(find("stolen"))
    assert failed.value.fault is ProviderFault.AUTH


def test_the_local_model_is_where_the_running_one_says_and_free(monkeypatch: pytest.MonkeyPatch) -> None:
    make_provider("local", kind=Kind.LOCAL, base_url="", default_model="")
    monkeypatch.setenv("LOCAL_MODEL_URL", "http://127.0.0.1:5/v1")
    monkeypatch.setenv("LOCAL_MODEL_NAME", "SmolLM2-135M-Instruct")
    route = find()
    assert (route.model, route.price) == ("SmolLM2-135M-Instruct", FREE)
    assert find("SmolLM2-135M-Instruct").provider_id == route.provider_id
    registry.open_provider(route)
    monkeypatch.delenv("LOCAL_MODEL_URL")
    with pytest.raises(ProviderError) as failed:
        registry.open_provider(route)
    assert failed.value.fault is ProviderFault.UNAVAILABLE


def test_the_list_of_models_has_each_name_once_and_says_what_an_alias_means() -> None:
    provider = make_provider()
    make_provider("twin")
    make_provider("off", is_active=False, default_model="off-1")
    Model.objects.create(provider=provider, name="acme-small", is_active=False)
    ModelAlias.objects.create(alias="gpt-4", provider=provider)
    views = list_models()
    assert [(view.name, view.alias_of) for view in views] == [("acme-large", ""), ("gpt-4", "acme-large")]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_was_rolled_back_leaves_nothing_behind() -> None:
    provider = make_provider()
    with transaction.atomic():
        Provider.objects.filter(pk=provider.pk).update(default_model="never")
        assert find().model == "never"
        transaction.set_rollback(True)
    assert find().model == "acme-large"
    Provider.objects.filter(pk=provider.pk).update(default_model="at last")
    assert find().model == "at last"
