"""What a start makes of the environment, and what it leaves alone."""

import uuid
from datetime import date

import pytest
from django.contrib.admin.models import LogEntry
from django.core.checks import run_checks
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.principal import Principal
from chatplatform.core.models import AuditEvent
from chatplatform.core.pages import PageRequest
from providers import catalogue, directory, registry, seed, selectors
from providers.models import Agent, Kind, ModelAlias, ModelPrice, Provider, SeedState

pytestmark = pytest.mark.django_db

KEY = "sk-canary-0123456789abcdef"
ALICE = Principal(1, uuid.uuid4(), "alice", "user", "standard", None, None)


@pytest.fixture
def _local(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_MODEL", "on")
    monkeypatch.setenv("LOCAL_MODEL_URL", "http://127.0.0.1:5/v1")
    monkeypatch.setenv("LOCAL_MODEL_NAME", "SmolLM2-135M-Instruct")


@pytest.fixture
def _openai(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def asked(model: str | None) -> tuple[str, str]:
    route = registry.find_route(principal=ALICE, model=model)
    return route.provider_name, route.model


@pytest.mark.usefixtures("_local")
def test_without_a_key_the_local_model_answers_to_the_documents_names() -> None:
    seed.seed()
    for name in (None, *seed.DOCUMENT_NAMES):
        assert asked(name) == ("local", "SmolLM2-135M-Instruct")


@pytest.mark.usefixtures("_openai")
def test_with_openai_s_key_its_own_models_answer_and_have_prices() -> None:
    seed.seed()
    assert asked(None) == ("openai", "gpt-4o-mini")
    assert asked("gpt-4") == ("openai", "gpt-4")
    route = registry.find_route(principal=ALICE, model=None)
    assert route.price is not None
    assert (route.price.input_micros_per_million, route.context_window, route.max_output) == (150_000, 128_000, 16_384)


def test_a_base_url_without_a_key_is_a_provider_of_unknown_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1/")
    monkeypatch.setenv("OPENAI_MODEL", "ok-20")
    seed.seed()
    provider = Provider.objects.get()
    assert (provider.base_url, provider.has_key, provider.kind) == ("http://127.0.0.1:9/v1", False, "custom")
    assert asked("gpt-3.5-turbo") == ("openai", "ok-20")
    assert registry.find_route(principal=ALICE, model=None).price is None


def test_nothing_configured_is_no_provider() -> None:
    seed.seed()
    assert not Provider.objects.exists()
    assert not ModelAlias.objects.exists()


@pytest.mark.usefixtures("_openai")
def test_a_start_that_changes_nothing_looks_once_and_does_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    assert seed.seed()
    with django_assert_num_queries(1):
        assert seed.seed() == []


@pytest.mark.usefixtures("_openai")
def test_what_an_operator_changed_stays_until_the_environment_says_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    seed.seed()
    Provider.objects.update(is_active=False)
    seed.seed()
    assert not Provider.objects.get().is_active
    monkeypatch.setenv("OPENAI_MODEL", "gpt-4.1-mini")
    seed.seed()
    provider = Provider.objects.get()
    assert (provider.is_active, provider.default_model) == (True, "gpt-4.1-mini")


@pytest.mark.usefixtures("_local")
def test_the_environment_may_change_its_mind_there_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    seed.seed()
    monkeypatch.setenv("LOCAL_MODEL", "off")
    monkeypatch.delenv("LOCAL_MODEL_URL")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("OPENAI_MODEL", "ok-20")
    seed.seed()
    assert asked(None) == asked("gpt-4") == ("openai", "ok-20")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-4o")
    seed.seed()
    assert asked("gpt-4") == ("openai", "gpt-4")
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.setenv("LOCAL_MODEL", "on")
    seed.seed()
    assert asked(None)[0] == asked("gpt-4")[0] == "local"
    assert Provider.objects.count() == 2


@pytest.mark.usefixtures("_local")
def test_there_is_one_active_agent_on_whoever_answers_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    seed.seed()
    (agent,) = selectors.list_agents(principal=ALICE, page=PageRequest(1, 20)).items
    assert (agent.status, agent.provider and agent.provider.name) == ("active", "local")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    seed.seed()
    (agent,) = selectors.list_agents(principal=ALICE, page=PageRequest(1, 20)).items
    assert agent.provider is not None
    assert agent.provider.name == "openai"
    mine = Provider.objects.create(name="mine", base_url="http://127.0.0.1:9/v1", default_model="mine-1")
    Agent.objects.update(provider=mine, name="Ours")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-4.1-mini")
    seed.seed()
    assert [(agent.name, agent.provider) for agent in Agent.objects.all()] == [("Ours", mine)]


@pytest.mark.usefixtures("_local")
def test_an_operator_s_alias_is_not_pointed_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Provider.objects.create(name="mine", base_url="http://127.0.0.1:9/v1", default_model="mine-1", is_default=True)
    ModelAlias.objects.create(alias="gpt-4", provider=mine, model="mine-1")
    seed.seed()
    assert asked("gpt-4") == ("mine", "mine-1")


@pytest.mark.usefixtures("_openai")
def test_the_key_is_sealed_and_told_nowhere() -> None:
    lines = seed.seed()
    provider = Provider.objects.get()
    assert (provider.has_key, provider.key_last4) == (True, KEY[-4:])
    assert KEY not in str([vars(provider), lines, list(AuditEvent.objects.values()), list(SeedState.objects.values())])
    assert AuditEvent.objects.filter(action="provider.key_set", target=str(provider.uuid)).count() == 1


def test_the_catalogue_says_what_its_package_says() -> None:
    from genai_prices.data import providers as vendors

    seed.seed(today=date(2026, 11, 21))
    for vendor in vendors:
        if vendor.id not in {"openai", "anthropic", "deepseek", "mistral", "google", "x-ai", "groq"}:
            continue
        table = catalogue.PriceTable(directory.price_row(row) for row in ModelPrice.objects.filter(vendor=vendor.id))
        for model in vendor.models:
            if vendor.find_model(model.id) is not model:
                continue  # its id is only the beginning of the names that it stands for
            ours = table.facts(vendor=vendor.id, model=model.id)
            prices = seed._prices_on(model, date(2026, 11, 21))
            if prices.input_mtok is None or prices.output_mtok is None:
                continue
            assert ours.price is not None, model.id
            assert ours.price.input_micros_per_million == seed._micros(prices.input_mtok), model.id
            assert ours.price.output_micros_per_million == seed._micros(prices.output_mtok), model.id


def test_dated_names_find_their_family_s_price() -> None:
    seed.seed()
    table = catalogue.PriceTable(directory.price_row(row) for row in ModelPrice.objects.filter(vendor="openai"))
    dated = table.facts(vendor="openai", model="gpt-4o-mini-2024-07-18")
    assert dated.price == table.facts(vendor="openai", model="gpt-4o-mini").price


def test_an_operator_s_price_outlives_an_update_of_the_catalogue() -> None:
    seed.seed()
    common = {"vendor": "openai", "name": "gpt-4o", "input_micros_per_million": 1, "output_micros_per_million": 1}
    ModelPrice.objects.create(**common, as_of="2026-01-01")
    before = ModelPrice.objects.count()
    SeedState.objects.filter(name="prices").update(fingerprint="an older version")
    assert seed.seed()
    assert ModelPrice.objects.count() == before
    assert ModelPrice.objects.filter(source="operator").count() == 1


# The admin site


@pytest.fixture
def operator(django_user_model: type) -> Client:
    user = django_user_model.objects.create_superuser("alice", "alice@example.com", "correct horse")  # type: ignore[attr-defined]
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


def form(**fields: str) -> dict[str, str]:
    counts = ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")
    inline = {f"{rows}-{name}_FORMS": "0" for rows in ("models", "fallbacks", "distributions") for name in counts}
    basic = {
        "name": "acme",
        "kind": "custom",
        "base_url": "https://llm.example.test/v1",
        "default_model": "acme-1",
        "config": "{}",
        "position": "5",
    }
    return {**inline, **basic, "is_active": "on", "is_default": "on", **fields}


def test_a_key_typed_into_the_admin_site_is_never_shown_again(operator: Client) -> None:
    answer = operator.post("/admin/providers/provider/add/", form(new_key=KEY))
    assert answer.status_code == 302, answer.content.decode()
    provider = Provider.objects.get()
    assert provider.has_key
    pages = [operator.get(f"/admin/providers/provider/{path}").content.decode() for path in ("", f"{provider.pk}/change/")]
    refused = operator.post(f"/admin/providers/provider/{provider.pk}/change/", form(new_key=KEY + "x", base_url="ftp://x"))
    assert refused.status_code == 200
    history = operator.get(f"/admin/providers/provider/{provider.pk}/history/").content.decode()
    everything = "".join([*pages, refused.content.decode(), history, *(entry.change_message for entry in LogEntry.objects.all())])
    assert KEY not in everything
    assert provider.sealed_key not in everything


def test_a_new_address_needs_the_key_again(operator: Client) -> None:
    operator.post("/admin/providers/provider/add/", form(new_key=KEY))
    provider = Provider.objects.get()
    operator.post(f"/admin/providers/provider/{provider.pk}/change/", form(name="renamed"))
    provider.refresh_from_db()
    assert (provider.name, provider.has_key) == ("renamed", True)
    operator.post(f"/admin/providers/provider/{provider.pk}/change/", form(base_url="https://other.example.test/v1"))
    provider.refresh_from_db()
    assert (provider.base_url, provider.has_key, provider.key_last4) == ("https://other.example.test/v1", False, "")


@pytest.mark.parametrize("key", ["sk with a blank", "sk\nX-Injected: 1", "sk-ключ", "k" * 1_001])
def test_a_key_that_cannot_stand_in_a_header_is_refused(operator: Client, key: str) -> None:
    assert operator.post("/admin/providers/provider/add/", form(new_key=key)).status_code == 200
    assert not Provider.objects.exists()


def test_an_edited_alias_belongs_to_the_operator(operator: Client) -> None:
    provider = Provider.objects.create(name="acme", base_url="https://llm.example.test/v1", default_model="acme-1")
    alias = ModelAlias.objects.create(alias="gpt-4", provider=provider, is_seeded=True)
    answer = operator.post(
        f"/admin/providers/modelalias/{alias.pk}/change/", {"alias": "gpt-4", "provider": str(provider.pk), "model": "acme-2"}
    )
    assert answer.status_code == 302
    alias.refresh_from_db()
    assert (alias.model, alias.is_seeded) == ("acme-2", False)


# Coze


@pytest.fixture
def _coze(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COZE_API_TOKEN", KEY)
    monkeypatch.setenv("COZE_BOT_ID", "7379462189365198898")


def coze() -> Provider:
    return Provider.objects.get(kind=Kind.COZE)


@pytest.mark.usefixtures("_coze")
def test_the_document_s_variables_are_a_provider_with_its_bot() -> None:
    seed.seed()
    assert selectors.provider_of_the_environment(kind=Kind.COZE) == coze().pk
    assert (coze().base_url, coze().config) == ("https://api.coze.cn", {"bot_id": "7379462189365198898"})
    assert coze().has_key
    assert KEY not in str(Provider.objects.values())
    assert asked(None)[0] == asked("gpt-4")[0] == "coze", "it is all there is"


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://api.coze.cn/v3", "https://api.coze.cn"),
        ("https://api.coze.cn/v3/", "https://api.coze.cn"),
        ("https://api.coze.com", "https://api.coze.com"),
        ("http://127.0.0.1:9/coze", "http://127.0.0.1:9/coze"),
    ],
)
@pytest.mark.usefixtures("_coze")
def test_the_address_may_end_in_the_version(monkeypatch: pytest.MonkeyPatch, given: str, address: str) -> None:
    monkeypatch.setenv("COZE_BASE_URL", given)
    seed.seed()
    assert coze().base_url == address


@pytest.mark.usefixtures("_coze")
def test_a_user_of_the_operators_is_told_to_coze_and_the_document_s_example_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, kept in (("default_user", None), ("the-clinic", "the-clinic"), ("", None)):
        monkeypatch.setenv("COZE_USER_ID", given)
        seed.seed()
        assert coze().config.get("user_id") == kept


@pytest.mark.usefixtures("_coze", "_local")
def test_who_answers_by_default_stays_the_one_it_was() -> None:
    seed.seed()
    assert asked(None)[0] == asked("gpt-4")[0] == "local"


@pytest.mark.usefixtures("_local")
@pytest.mark.parametrize("missing", ["COZE_API_TOKEN", "COZE_BOT_ID"])
def test_half_of_it_is_nothing(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("COZE_API_TOKEN", KEY)
    monkeypatch.setenv("COZE_BOT_ID", "7379462189365198898")
    monkeypatch.delenv(missing)
    seed.seed()
    assert selectors.provider_of_the_environment(kind=Kind.COZE) is None
    assert {finding.id for finding in run_checks()} >= {"chatplatform.E014"}


@pytest.mark.usefixtures("_coze", "_local")
def test_taken_out_of_the_environment_or_switched_off_it_answers_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    seed.seed()
    Provider.objects.filter(kind=Kind.COZE).update(is_active=False)
    assert selectors.provider_of_the_environment(kind=Kind.COZE) is None
    Provider.objects.filter(kind=Kind.COZE).update(is_active=True)
    monkeypatch.delenv("COZE_BOT_ID")
    seed.seed()
    assert selectors.provider_of_the_environment(kind=Kind.COZE) is None
    assert not coze().is_active
