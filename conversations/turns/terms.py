"""Who answers a turn, and how: as the message says, else its conversation, else the agent, else the provider's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from accounts.principal import Principal
from chatplatform.core.pipeline import ask
from chatplatform.core.prepared import Int8
from conversations.turns.looking import Room
from conversations.turns.request import TurnRequest
from providers.errors import AgentNotFound, ProviderNotAccessible, ProviderSwitchedOff, UnknownModel
from providers.models import Agent, Kind
from providers.registry import Directory, Route, find_routes

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Terms:
    routes: tuple[Route, ...]
    system: str
    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    stop: tuple[str, ...]
    topic_ids: tuple[int, ...]
    """Topics that are read before the answer: the conversation's and the agent's."""

    @property
    def options(self) -> dict[str, object]:
        """What anybody said about how the model is to be asked."""
        said = {"temperature": self.temperature, "max_tokens": self.max_tokens, "top_p": self.top_p, "stop": self.stop or None}
        return {name: value for name, value in said.items() if value is not None}


def terms_of(*, principal: Principal, request: TurnRequest, room: Room, directory: Directory) -> Terms:
    """Raises AgentNotFound, UnknownModel, ProviderNotAccessible, ProviderSwitchedOff."""
    agent = _agent(principal, request, room, directory)
    routes = _routes(principal, request, room, agent, directory)
    of_agent, of_room = agent.config if agent else {}, room.preferences
    topics = (*([room.topic_id] if room.topic_id is not None else []), *(room.agent_topic_ids if agent else ()))
    return Terms(
        routes=routes,
        system="\n\n".join(text for text in (agent.system_prompt if agent else "", room.system_message) if text),
        temperature=first_given(request.temperature, of_room.temperature, of_agent.get("temperature"), routes[0].temperature),
        max_tokens=first_given(request.max_tokens, of_room.max_tokens, of_agent.get("max_tokens"), routes[0].max_tokens),
        top_p=request.top_p,
        stop=request.stop,
        topic_ids=tuple(dict.fromkeys(topics)),
    )


def first_given(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def _agent(principal: Principal, request: TurnRequest, room: Room, directory: Directory) -> Agent | None:
    """The one asked for, or the conversation's for as long as it is there for this person."""
    if request.agent_id is None and room.agent_id is None:
        return None
    agents = [agent for agent in directory.agents_of(principal) if agent.status == Agent.Status.ACTIVE]
    if request.agent_id is None:
        return next((agent for agent in agents if agent.pk == room.agent_id), None)
    for agent in agents:
        if agent.uuid == request.agent_id:
            return agent
    raise AgentNotFound


def _routes(
    principal: Principal, request: TurnRequest, room: Room, agent: Agent | None, directory: Directory
) -> tuple[Route, ...]:
    """With the model asked for now, the agent's, or the conversation's; one of the latter two that an operator has taken away
    since, or that whoever was asked for does not have, is followed by the default. An agent with a provider but no model speaks
    with that provider's default: the conversation's model is somebody else's."""
    find = partial(
        find_routes,
        principal=principal,
        provider_id=request.provider_id,
        conversation_provider_id=room.provider_id,
        agent_provider_id=agent.provider_id if agent else None,
        directory=directory,
    )
    if request.model:
        return _fit_for(agent, find(model=request.model), asked_for=request.provider_id is not None)
    own = agent is not None and ("model" in agent.config or agent.provider_id is not None)
    model = agent.config.get("model") if agent is not None and own else room.model
    try:
        found = find(model=model or None)
    except UnknownModel:
        found = find(model=None)
    return _fit_for(agent, found, asked_for=request.provider_id is not None)


def _fit_for(agent: Agent | None, routes: tuple[Route, ...], *, asked_for: bool) -> tuple[Route, ...]:
    """An agent that speaks through the organization's provider has a prompt that nobody's own server is told."""
    if agent is None or agent.provider_id is None:
        return routes
    if routes[0].is_personal:
        raise ProviderNotAccessible if asked_for else ProviderSwitchedOff
    return tuple(route for route in routes if not route.is_personal)


_THREADS = "SELECT provider_id, thread FROM conversations_vendorthread WHERE conversation_id = %(room)s AND after_id = %(after)s"
_KEEPING_THREADS = {Kind.DIFY, Kind.FASTGPT, Kind.COZE}


def vendor_threads(*, room: Room, routes: tuple[Route, ...], after: int | None) -> Mapping[int, str]:
    """By provider. Only of those whose newest answer is the message that the question comes after: see `VendorThread`."""
    if after is None or not any(route.kind in _KEEPING_THREADS for route in routes):
        return {}
    return dict(ask(_THREADS, {"room": Int8(room.id), "after": Int8(after)}).rows())
