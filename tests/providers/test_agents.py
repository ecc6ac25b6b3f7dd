"""Agents: who sees them, how they are found, and what may be written into them."""

from typing import Any
from uuid import uuid4

import pytest
from pytest_django import DjangoAssertNumQueries

from chatplatform.core.errors import InvalidInput
from chatplatform.core.pages import PageRequest
from providers import selectors, services
from providers.errors import AgentNotFound
from providers.models import Agent, Kind, Provider
from tests.providers.people import HERE, administrator, give, own, person, shared

pytestmark = pytest.mark.django_db
FIRST_PAGE = PageRequest(1, 20)


def listed(principal: Any, page: PageRequest = FIRST_PAGE, **asked: Any) -> list[str]:
    return [agent.name for agent in selectors.list_agents(principal=principal, page=page, **asked).items]


def test_a_person_sees_active_agents_whose_provider_she_may_use_and_an_administrator_all() -> None:
    root, alice = administrator(), person("alice")
    hers, others = shared(root, "hers"), shared(root, "others")
    give(root, hers, alice)
    Agent.objects.create(name="on hers", provider=hers)
    Agent.objects.create(name="on others", provider=others)
    Agent.objects.create(name="on nobody's")
    off = Agent.objects.create(name="off", provider=hers, status="inactive")
    assert listed(alice) == ["on hers", "on nobody's"]
    assert listed(root) == ["on hers", "on others", "on nobody's", "off"]
    with pytest.raises(AgentNotFound):
        selectors.get_agent(principal=alice, agent_id=off.uuid)
    with pytest.raises(AgentNotFound):
        selectors.get_agent(principal=root, agent_id=uuid4())
    services.undistribute(principal=root, provider_id=hers.pk, user_id=alice.user_id, origin=HERE)
    assert listed(alice) == ["on nobody's"]


def test_they_are_listed_by_page_category_and_provider() -> None:
    root = administrator()
    dify, custom = shared(root, "our dify", kind=Kind.DIFY, base_url="", config={}), shared(root, "acme")
    for number in range(3):
        Agent.objects.create(name=f"writer {number}", category="写作助手", provider=dify, position=number)
    Agent.objects.create(name="coder", category="code", provider=custom, position=9)
    page = selectors.list_agents(principal=root, page=PageRequest(2, 3))
    assert ([agent.name for agent in page.items], page.total, page.pages) == (["coder"], 4, 2)
    assert listed(root, category="code") == ["coder"]
    assert listed(root, provider="dify") == listed(root, provider="our dify") == ["writer 0", "writer 1", "writer 2"]
    assert listed(root, provider="dify", category="code") == []
    assert listed(root, page=PageRequest(9, 20)) == []


def test_reading_them_costs_one_small_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    root = administrator()
    agent = Agent.objects.create(name="writer", provider=shared(root))
    listed(root)
    with django_assert_num_queries(1):
        assert listed(root, provider="custom") == ["writer"]
    with django_assert_num_queries(1):
        found = selectors.get_agent(principal=root, agent_id=agent.uuid)
        assert found.provider is not None
        assert found.provider.name == "acme"


def test_an_administrator_changes_what_she_names_and_all_processes_see_it() -> None:
    root = administrator()
    agent = Agent.objects.create(name="writer", config={"model": "gpt-3.5-turbo", "temperature": 0.7}, system_prompt="Be brief.")
    changes = {"name": "更新后的名称", "description": "更新后的描述", "config": {"temperature": 0.8, "max_tokens": 4000}}
    services.update_agent(principal=root, agent_id=agent.uuid, changes=changes, origin=HERE)
    found = selectors.get_agent(principal=root, agent_id=agent.uuid)
    assert (found.name, found.description, found.system_prompt) == ("更新后的名称", "更新后的描述", "Be brief.")
    assert found.config == {"model": "gpt-3.5-turbo", "temperature": 0.8, "max_tokens": 4000}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", None),
        ("name", "x" * 101),
        ("description", "x" * 2_001),
        ("description", 7),
        ("category", "a\x00b"),
        ("avatar", "javascript:alert(1)"),
        ("avatar", "https://[example"),
        ("avatar", "data:text/html,x"),
        ("status", "deleted"),
        ("status", ["active"]),
        ("capabilities", "text"),
        ("capabilities", [1]),
        ("config", "gpt-4"),
        ("config", []),
        ("config.temperature", {"temperature": "warm"}),
        ("config.maxTokens", {"maxTokens": 5}),
        ("system_prompt", "x" * 20_001),
        ("provider_id", "1"),
        ("provider_id", 10**9),
        ("key", "mine"),
        ("managed_by", "file"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field_and_changes_nothing(field: str, value: object) -> None:
    root = administrator()
    agent = Agent.objects.create(name="writer")
    before = Agent.objects.values().get()
    changes = {"category": "new", field.partition(".")[0]: value}
    with pytest.raises(InvalidInput) as refused:
        services.update_agent(principal=root, agent_id=agent.uuid, changes=changes, origin=HERE)
    assert refused.value.field == field
    assert Agent.objects.values().get() == before


def test_an_agent_stands_on_the_organization_s_providers_only() -> None:
    root = administrator()
    agent = Agent.objects.create(name="writer")
    mine, ours = own(root), shared(root)

    def move(provider: Provider | None) -> None:
        changes = {"provider_id": provider and provider.pk}
        services.update_agent(principal=root, agent_id=agent.uuid, changes=changes, origin=HERE)

    with pytest.raises(InvalidInput):
        move(mine)
    move(ours)
    assert Agent.objects.get().provider == ours
    move(None)
    assert Agent.objects.get().provider is None
