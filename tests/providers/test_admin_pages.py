"""Operators at the admin site: handing out, fallbacks and agents, in both languages, and no key anywhere."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.models import User
from chatplatform.core.models import AuditEvent
from providers import registry
from providers.models import Agent, Distribution, Fallback, Kind, Provider
from tests.factories import make_user
from tests.providers.people import KEY, own, principal_of, shared

pytestmark = pytest.mark.django_db

COUNTS = ("TOTAL", "INITIAL", "MIN_NUM", "MAX_NUM")


@pytest.fixture
def root(db: None) -> User:
    return make_user("root", role="admin")


@pytest.fixture
def site(root: User) -> Client:
    client = Client(headers={"host": "localhost"})
    client.force_login(root)
    return client


def provider_form(rows: dict[str, list[dict[str, object]]] | None = None, **fields: object) -> dict[str, object]:
    """The form of a provider; `rows` are new ones below it."""
    form: dict[str, object] = {"name": "acme", "kind": "custom", "base_url": "http://127.0.0.1:9/v1", "default_model": "m"}
    form |= {"config": "{}", "position": "5", "is_active": "on", **fields}
    for below in ("models", "fallbacks", "distributions"):
        new = (rows or {}).get(below, [])
        form |= {f"{below}-{name}_FORMS": "0" for name in COUNTS} | {
            f"{below}-TOTAL_FORMS": len(new),
            f"{below}-MAX_NUM_FORMS": 99,
        }
        form |= {f"{below}-{number}-{name}": value for number, row in enumerate(new) for name, value in row.items()}
    return form


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_page_opens_in_both_languages_and_shows_no_key(site: Client, root: User, language: str) -> None:
    ours, hers = shared(principal_of(root)), own(principal_of(make_user("alice")))
    agent = Agent.objects.create(name="writer", provider=ours)
    pages = ["provider/", "provider/add/", f"provider/{ours.pk}/change/", f"provider/{hers.pk}/change/", "agent/", "agent/add/"]
    pages += [f"agent/{agent.pk}/change/", "preference/", "modelalias/", f"provider/{ours.pk}/delete/"]
    for page in pages:
        answer = site.get(f"/admin/providers/{page}", headers={"accept-language": language})
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert not any(secret in text for secret in (KEY, ours.sealed_key, hers.sealed_key)), page
        assert ("提供商" in text) is (language == "zh-hans"), page


def test_a_provider_is_handed_out_and_given_fallbacks_below_its_form(site: Client, root: User) -> None:
    backup, alice = shared(principal_of(root), "backup"), make_user("alice")
    rows: dict[str, list[dict[str, object]]] = {
        "fallbacks": [{"position": 0, "fallback": backup.pk}],
        "distributions": [{"user": alice.pk, "is_active": "on"}],
    }
    answer = site.post("/admin/providers/provider/add/", provider_form(rows, new_key=KEY))
    assert answer.status_code == 302, answer.context["errors"]
    acme = Provider.objects.get(name="acme")
    assert (acme.created_by, acme.has_key) == (root, True)
    distribution = Distribution.objects.get()
    assert (distribution.user, distribution.distributed_by, distribution.is_active) == (alice, root, True)
    routes = registry.find_routes(principal=principal_of(alice), provider_id=acme.pk)
    assert [route.provider_name for route in routes] == ["acme"], "the backup was not handed to her"
    assert Fallback.objects.get().fallback == backup
    event = AuditEvent.objects.get(action="provider.distributed")
    assert (event.actor_id, event.details["changed_for"]) == (root.pk, [alice.pk])
    assert KEY not in str([list(LogEntry.objects.values()), list(AuditEvent.objects.values())])


def test_what_a_kind_does_not_know_is_refused_beside_its_field(site: Client) -> None:
    cases: tuple[dict[str, Any], ...] = (
        {"config": '{"temperature": "warm"}'},
        {"config": '{"model": "m"}'},
        {"config": "[]"},
        {"kind": Kind.COZE.value},
        {"base_url": "http://169.254.169.254/latest"},
        {"base_url": ""},
        {"default_model": ""},
    )
    for wrong in cases:
        answer = site.post("/admin/providers/provider/add/", provider_form(**wrong))
        assert answer.status_code == 200, wrong
        assert answer.context["errors"], wrong
    assert not Provider.objects.exists()
    answer = site.post("/admin/providers/provider/add/", provider_form(kind="anthropic", base_url="", default_model=""))
    assert answer.status_code == 302
    provider = Provider.objects.get()
    assert (provider.base_url, provider.default_model) == ("https://api.anthropic.com", "claude-haiku-4-5")
    assert provider.price_vendor == "anthropic"


def test_a_person_s_own_provider_stays_one_that_only_leads_into_the_internet(site: Client) -> None:
    alice = principal_of(make_user("alice"))
    hers = own(alice)
    form = provider_form(name="hers", base_url="http://127.0.0.1:9/v1", default_model="hers-1")
    page = f"/admin/providers/provider/{hers.pk}/change/"
    assert site.post(page, form).status_code == 200
    assert site.post(page, form | {"base_url": "https://other.example.com/v1"}).status_code == 302
    hers.refresh_from_db()
    assert (hers.base_url, hers.has_key, hers.owner_id) == ("https://other.example.com/v1", False, alice.user_id)


def test_deleting_a_provider_switches_its_agents_off(site: Client, root: User) -> None:
    provider = shared(principal_of(root))
    agent = Agent.objects.create(name="writer", provider=provider)
    site.post("/admin/providers/provider/", {"action": "delete_selected", "_selected_action": [provider.pk], "post": "yes"})
    assert not Provider.objects.exists()
    agent.refresh_from_db()
    assert (agent.status, agent.provider) == ("inactive", None)
    assert AuditEvent.objects.filter(action="provider.deleted", actor_id=root.pk).count() == 1


def test_an_agent_is_made_and_what_cannot_be_is_refused(site: Client, root: User) -> None:
    provider = shared(principal_of(root))
    form = {"name": "Writer", "provider": provider.pk, "status": "active", "position": "1", "capabilities": '["text_generation"]'}
    form |= {"config": '{"temperature": 0.7}', "avatar": "/static/writer.png", "system_prompt": "Be brief."}
    for wrong in ({"avatar": "javascript:alert(1)"}, {"config": '{"top": 1}'}, {"capabilities": '"x"'}, {"name": " "}):
        answer = site.post("/admin/providers/agent/add/", form | wrong)
        assert answer.status_code == 200, wrong
        assert answer.context["errors"], wrong
    answer = site.post("/admin/providers/agent/add/", form)
    assert answer.status_code == 302, answer.context["errors"]
    agent = Agent.objects.get()
    assert (agent.name, agent.provider, agent.config) == ("Writer", provider, {"temperature": 0.7})
    assert AuditEvent.objects.filter(action="agent.created", actor_id=root.pk).count() == 1
    alices = own(principal_of(make_user("alice")))
    assert site.post(f"/admin/providers/agent/{agent.pk}/change/", form | {"provider": alices.pk}).status_code == 200
