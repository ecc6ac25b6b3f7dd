"""Which topics an agent answers from: what providers.toml says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from providers.errors import BadProvidersFile, Problem
from providers.file import DeclaredAgent
from providers.lines import Lines
from providers.models import Agent
from retrieval.models import AgentTopic, Topic


def link_topics(*, agents: Sequence[tuple[Agent, DeclaredAgent]], lines: Lines, **_signal: Any) -> list[str]:
    """Brings the links of the file's agents to what it says; a line for each change. Raises BadProvidersFile."""
    wanted: list[tuple[Agent, DeclaredAgent, set[int]]] = []
    problems: list[Problem] = []
    for agent, declared in agents:
        found = {name: _topic_named(name) for name in declared.topics}
        for name in (name for name, topic_id in found.items() if topic_id is None):
            reason = _("there is no topic %(name)s, or more than one of that name.") % {"name": name}
            place = ("agents", declared.key, "topics")
            problems.append(Problem(lines.line_of(place), f"agents.{declared.key}: topics: {reason}"))
        wanted.append((agent, declared, {topic_id for topic_id in found.values() if topic_id is not None}))
    if problems:
        raise BadProvidersFile(problems)
    return [line for agent, declared, topics in wanted for line in _link(agent, declared, topics)]


def _link(agent: Agent, declared: DeclaredAgent, topics: set[int]) -> list[str]:
    there = set(AgentTopic.objects.filter(agent=agent).values_list("topic_id", flat=True))
    if there == topics:
        return []
    AgentTopic.objects.filter(agent=agent).exclude(topic_id__in=topics).delete()
    AgentTopic.objects.bulk_create(AgentTopic(agent=agent, topic_id=topic_id) for topic_id in sorted(topics - there))
    names = ", ".join(declared.topics) or "-"
    return [f"~ agent {declared.key}: " + _("topics: %(names)s") % {"names": names}]


def _topic_named(name: str) -> int | None:
    """By its name, or by OWNER/NAME; None where that is nobody's or several people's."""
    owner, _slash, rest = name.partition("/")
    # The owner's first: anybody may call a topic of her own `alice/Handbook`.
    plain = Topic.objects.filter(name=name)
    # And the organization's before all others': nobody makes a name ambiguous by taking it, too.
    ours = plain.filter(Q(for_everyone=True) | Q(owner__role=User.Role.ADMIN))
    for topics in (Topic.objects.filter(owner__username=owner, name=rest), ours, plain):
        found = list(topics.values_list("pk", flat=True)[:2])
        if found:
            return found[0] if len(found) == 1 else None
    return None
