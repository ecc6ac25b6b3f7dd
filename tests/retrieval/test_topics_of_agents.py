"""Topics that agents answer from, as providers.toml names them."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import translation

from chatplatform.core.origin import NOWHERE
from providers.errors import BadProvidersFile
from providers.models import Agent
from providers.reloading import apply_file
from retrieval import selectors, topics
from retrieval.models import Topic


def agent_topics(key: str) -> list[str]:
    found = selectors.topics_of_agent(agent_id=Agent.objects.get(key=key).pk)
    return sorted(Topic.objects.filter(pk__in=found).values_list("name", flat=True))


def reload(folder: Path, names: str) -> tuple[str, ...]:
    file = folder / "providers.toml"
    file.write_text(f'[agents.writer]\nname = "Writer"\ntopics = {names}\n\n[agents.clerk]\n')
    with translation.override("en"):
        return apply_file(file).changes


@pytest.fixture
def shelves(alice, bob) -> None:
    for principal, name in ((alice, "Handbook"), (alice, "Notes"), (bob, "Notes"), (bob, "a/b")):
        topics.create_topic(principal=principal, name=name, origin=NOWHERE)


def test_an_agent_has_the_topics_that_the_file_names(alice, bob, shelves, tmp_path):
    said = reload(tmp_path, f'["Handbook", "{bob.username}/Notes"]')
    assert said == (
        "+ agent writer (Writer)",
        "+ agent clerk (clerk)",
        f"~ agent writer: topics: Handbook, {bob.username}/Notes",
    )
    assert agent_topics("writer") == ["Handbook", "Notes"]
    assert agent_topics("clerk") == []
    assert reload(tmp_path, f'["Handbook", "{bob.username}/Notes"]') == ()
    assert reload(tmp_path, '["a/b"]') == ("~ agent writer: topics: a/b",)
    assert agent_topics("writer") == ["a/b"]
    assert reload(tmp_path, "[]") == ("~ agent writer: topics: -",)
    assert agent_topics("writer") == []


@pytest.mark.parametrize("name", ["Nothing", "Notes", "nobody/Handbook", "/Handbook"])
def test_a_topic_that_nobody_or_more_than_one_has_refuses_the_file_with_its_line(shelves, tmp_path, name):
    reload(tmp_path, '["Handbook"]')
    with pytest.raises(BadProvidersFile) as refused:
        reload(tmp_path, f'["{name}"]')
    (problem,) = refused.value.problems
    assert problem.line == 3
    assert name in problem.reason
    assert agent_topics("writer") == ["Handbook"]


def test_a_topic_that_is_deleted_is_no_agent_s_any_more(alice, shelves, tmp_path):
    reload(tmp_path, '["Handbook"]')
    handbook = Topic.objects.get(name="Handbook")
    topics.delete_topic(principal=alice, topic_id=handbook.pk, origin=NOWHERE)
    assert agent_topics("writer") == []
