"""Making, changing and deleting providers: what is kept, what is refused, and that a key never comes out."""

from typing import Any

import pytest
from pytest_django import Settings

from chatplatform.core.errors import Conflict, InvalidInput
from chatplatform.core.models import AuditEvent
from conversations.models import Conversation
from providers import registry, selectors, services
from providers.config import shown
from providers.errors import ProviderNotAccessible, ProviderNotFound
from providers.models import Agent, Fallback, Kind, Provider, Scope
from tests.accounts.helpers import all_at_once
from tests.factories import make_user
from tests.providers.people import HERE, KEY, PUBLIC, administrator, change, own, person, principal_of, shared

pytestmark = pytest.mark.django_db


def test_a_personal_provider_is_its_owner_s_and_keeps_what_she_said() -> None:
    alice = person("alice")
    given = {"model": "gpt-4", "temperature": 0.7, "max_tokens": 2000}
    provider = own(alice, "OpenAI GPT-4", kind=Kind.OPENAI, base_url="https://api.openai.com/v1/", config=given)
    provider.refresh_from_db()
    assert (provider.owner_id, provider.created_by_id, provider.scope) == (alice.user_id, alice.user_id, Scope.PERSONAL)
    assert (provider.base_url, provider.default_model, provider.price_vendor) == ("https://api.openai.com/v1", "gpt-4", "openai")
    assert shown(provider) == given
    assert (provider.has_key, provider.key_last4) == (True, KEY[-4:])


def test_an_administrator_makes_the_organization_s() -> None:
    root = administrator()
    provider = shared(root, kind=Kind.OLLAMA, base_url="http://localhost:11434", api_key="")
    assert (provider.owner_id, provider.created_by_id, provider.has_key) == (None, root.user_id, False)


@pytest.mark.parametrize(
    ("kind", "config", "address", "model"),
    [
        (Kind.OPENAI, {}, "https://api.openai.com/v1", "gpt-4o-mini"),
        (Kind.ANTHROPIC, {}, "https://api.anthropic.com", "claude-haiku-4-5"),
        (Kind.DIFY, {}, "https://api.dify.ai/v1", ""),
        (Kind.FASTGPT, {}, "https://api.fastgpt.in/api", ""),
        (Kind.COZE, {"bot_id": "7400"}, "https://api.coze.cn", ""),
    ],
)
def test_a_vendor_with_a_well_known_address_needs_none(kind: Kind, config: dict[str, Any], address: str, model: str) -> None:
    provider = own(person("alice"), kind=kind, base_url="", config=config)
    assert (provider.base_url, provider.default_model) == (address, model)


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("name", {"name": " "}),
        ("name", {"name": "x" * 101}),
        ("name", {"name": "a\nb"}),
        ("provider_type", {"kind": "gemini"}),
        ("provider_type", {"kind": "local"}),
        ("scope", {"scope": "team"}),
        ("api_key", {"api_key": "sk-1\nX-Injected: 1"}),
        ("api_key", {"api_key": "k" * 1_001}),
        ("api_base_url", {"base_url": "not a url"}),
        ("api_base_url", {"base_url": ""}),
        ("api_base_url", {"base_url": "http://llm.example.com/v1"}),
        ("api_base_url", {"base_url": "https://127.0.0.1/v1"}),
        ("api_base_url", {"base_url": None}),
        ("config", {"config": ["model"]}),
        ("config.model", {"config": {}}),
        ("config.model", {"config": {"model": "m" * 201}}),
        ("config.model", {"config": {"model": 7}}),
        ("config.temperature", {"config": {"model": "m", "temperature": "warm"}}),
        ("config.temperature", {"config": {"model": "m", "temperature": 2.5}}),
        ("config.temperature", {"config": {"model": "m", "temperature": True}}),
        ("config.temperature", {"config": {"model": "m", "temperature": float("nan")}}),
        ("config.max_tokens", {"config": {"model": "m", "max_tokens": 0}}),
        ("config.max_tokens", {"config": {"model": "m", "max_tokens": 1.5}}),
        ("config.bot_id", {"kind": "coze", "config": {}}),
        ("config.bot_id", {"config": {"model": "m", "bot_id": "1"}}),
        ("config.api_key", {"config": {"model": "m", "api_key": KEY}}),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_nothing_is_kept(field: str, given: dict[str, Any]) -> None:
    fields = {"name": "x", "kind": "custom", "scope": "personal", "base_url": PUBLIC, "config": {"model": "m"}} | given
    with pytest.raises(InvalidInput) as refused:
        services.create_provider(principal=person("alice"), origin=HERE, **fields)
    assert refused.value.field == field
    assert KEY not in refused.value.issue
    assert not Provider.objects.exists()


def test_a_key_is_told_nowhere() -> None:
    alice = person("alice")
    provider = own(alice)
    change(alice, provider, api_key=KEY + "2")
    provider = selectors.get_provider(principal=alice, provider_id=provider.pk)
    assert KEY not in str([vars(provider), shown(provider), list(AuditEvent.objects.values())])


def test_another_address_without_the_key_clears_the_key() -> None:
    alice = person("alice")
    provider = own(alice)
    assert change(alice, provider, base_url=f"{PUBLIC}/").has_key, "the same address, written otherwise"
    changed = change(alice, provider, base_url="https://other.example.com/v1")
    assert (changed.has_key, changed.key_last4) == (False, "")
    again = change(alice, provider, base_url=PUBLIC, api_key=KEY)
    assert again.has_key
    assert not change(alice, provider, api_key="").has_key


def test_only_what_is_named_changes_and_the_model_stays_when_the_settings_do_not_name_it() -> None:
    alice = person("alice")
    provider = own(alice, config={"model": "m-1", "max_tokens": 5})
    assert shown(change(alice, provider, config={"temperature": 0.5})) == {"model": "m-1", "temperature": 0.5}
    assert shown(change(alice, provider, config={"model": "m-2"})) == {"model": "m-2"}
    changed = change(alice, provider, name="other", is_active=False)
    assert (changed.name, changed.is_active, changed.default_model, changed.has_key) == ("other", False, "m-2", True)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("scope", {"scope": "organization"}),
        ("owner_id", {"owner_id": 1}),
        ("is_active", {"is_active": "yes"}),
        ("is_default", {"is_default": True}),
        ("config.temperature", {"name": "new", "config": {"temperature": "hot"}}),
        ("fallbacks", {"fallbacks": "1"}),
        ("fallbacks", {"fallbacks": [10**9]}),
        ("fallbacks", {"fallbacks": [10**30]}),
        ("fallbacks", {"fallbacks": [True]}),
        ("fallbacks", {"name": "new", "fallbacks": [1, 1]}),
    ],
)
def test_a_bad_change_changes_nothing(field: str, changes: dict[str, Any]) -> None:
    alice = person("alice")
    provider = own(alice)
    before = Provider.objects.filter(pk=provider.pk).values().get()
    with pytest.raises(InvalidInput) as refused:
        change(alice, provider, **changes)
    assert refused.value.field == field
    assert Provider.objects.filter(pk=provider.pk).values().get() == before
    assert not Fallback.objects.exists()


def test_a_person_has_as_many_as_the_setting_says(settings: Settings) -> None:
    settings.PERSONAL_PROVIDERS_MAX = 2
    alice, root = person("alice"), administrator()
    own(alice, "one")
    own(alice, "two")
    with pytest.raises(Conflict):
        own(alice, "three")
    own(person("bob"), "one")
    for name in ("a", "b", "c"):
        shared(root, name)


@pytest.mark.django_db(transaction=True)
def test_however_many_she_makes_at_once_she_has_no_more_than_that(settings: Settings) -> None:
    settings.PERSONAL_PROVIDERS_MAX = 3
    alice = person("alice")
    results = all_at_once(8, lambda: own(alice))
    assert sorted(type(one).__name__ for one in results) == ["Conflict"] * 5 + ["Provider"] * 3


def test_the_organization_falls_back_on_its_own_and_a_person_on_what_she_may_use() -> None:
    alice, root = person("alice"), administrator()
    first, second, hers = shared(root, "first"), shared(root, "second"), own(alice)
    roots = own(root, "roots")
    change(root, first, fallbacks=[second.pk])
    for one, wanted in ((first, [roots.pk]), (first, [first.pk]), (first, [hers.pk])):
        with pytest.raises(InvalidInput):
            change(root, one, fallbacks=wanted)
    with pytest.raises(InvalidInput) as refused:
        change(alice, hers, fallbacks=[second.pk])
    assert str(second.pk) in refused.value.issue
    services.distribute(principal=root, provider_id=second.pk, user_ids=[alice.user_id], origin=HERE)
    change(alice, hers, fallbacks=[second.pk])
    assert list(Fallback.objects.filter(provider=hers).values_list("fallback_id", flat=True)) == [second.pk]
    change(alice, hers, fallbacks=[])
    assert not Fallback.objects.filter(provider=hers).exists()


def test_a_deleted_provider_stops_at_once_and_leaves_conversations_and_no_agent_behind() -> None:
    root = administrator()
    alice = make_user("alice")
    provider = shared(root)
    services.distribute(principal=root, provider_id=provider.pk, user_ids=[alice.pk], origin=HERE)
    agent = Agent.objects.create(name="writer", provider=provider, system_prompt="for a few")
    talk = Conversation.objects.create(user=alice, contract="lyss", provider=provider)
    asks = principal_of(alice)
    registry.find_routes(principal=asks, provider_id=provider.pk)

    services.delete_provider(principal=root, provider_id=provider.pk, origin=HERE)
    with pytest.raises(ProviderNotAccessible):
        registry.find_routes(principal=asks, provider_id=provider.pk)
    with pytest.raises(ProviderNotFound):
        selectors.get_provider(principal=root, provider_id=provider.pk)
    talk.refresh_from_db()
    agent.refresh_from_db()
    assert talk.provider_id is None
    assert (agent.provider_id, agent.status) == (None, "inactive")
    event = AuditEvent.objects.get(action="provider.deleted")
    assert (event.actor_id, event.target) == (root.user_id, str(provider.uuid))
