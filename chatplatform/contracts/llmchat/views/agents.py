"""Agents: whom one may talk to, whether they are there, and what operators make of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.principal import Principal
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.llmchat import requests, responses, schemas
from chatplatform.contracts.native import NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.aio import in_database_thread
from chatplatform.core.errors import NotAllowed
from chatplatform.core.ids import parse_uuid
from providers import selectors, services
from providers.errors import AgentNotFound, BadProvidersFile
from providers.models import Agent, Provider
from providers.status import ProviderStatus, check_status

PAGING = (
    OpenApiParameter("page", {"type": "integer", "minimum": 1, "default": 1}, description="Beyond the last is nothing."),
    OpenApiParameter("limit", {"type": "integer", "minimum": 1, "default": 20}, description="More than 100 is taken for 100."),
)


def agent_uuid(text: str) -> UUID:
    found = parse_uuid(text)
    if found is None:
        raise AgentNotFound
    return found


class AgentViewSet(ContractViewSet):
    tag = "Agents"

    @described("list_agents", "List agents", data=schemas.Agents, parameters=(*PAGING, requests.AgentFilter))
    def list(self, request: Request) -> HttpResponse:
        """Those that one may talk to; to administrators all. `provider` is a kind (`fastgpt`) or a provider's name."""
        asked = self.parse_query(requests.AgentFilter)
        page = selectors.list_agents(
            principal=self.person,
            category=asked["category"] or None,
            provider=asked["provider"] or None,
            page=self.page(),
        )
        return self.answer(responses.paged(page, self._shown), _("The agents."))

    @described("get_agent", "An agent", data=schemas.Agent)
    def retrieve(self, request: Request, agent_id: str) -> HttpResponse:
        agent = selectors.get_agent(principal=self.person, agent_id=agent_uuid(agent_id))
        return self.answer(self._shown(agent), _("The agent."))

    @described("update_agent", "Change an agent", request=requests.AgentChange, data=schemas.Agent, errors=(NotAllowed,))
    def update(self, request: Request, agent_id: str) -> HttpResponse:
        """For administrators. What is not sent stays."""
        changes = requests.agent_changes(self.parse(requests.AgentChange))
        agent = services.update_agent(
            principal=self.person, agent_id=agent_uuid(agent_id), changes=changes, origin=self.incoming.origin
        )
        return self.answer(self._shown(agent), _("The agent was changed."))

    def _shown(self, agent: Agent) -> dict[str, Any]:
        shape = responses.agent_for_admins if self.person.is_admin else responses.agent
        return shape(agent, answerer_of(self.person, agent))


class AgentStatusViewSet(ContractViewSet):
    tag = "Agents"

    @described("get_agent_status", "Whether an agent's provider answers", data=schemas.AgentStatus)
    @native
    async def status(self, call: NativeCall, agent_id: str) -> NativeAnswer:
        """The vendor is asked for real; what it said is good for half a minute."""
        agent, provider = await in_database_thread(_agent_and_answerer, call.person, agent_uuid(agent_id))
        nobody = ProviderStatus(ok=False, fault="", latency_ms=0, checked_at=datetime.now(UTC))
        status = await check_status(provider_id=provider.pk) if provider else nobody
        shown = responses.agent_status(agent, provider, status, to_admin=call.person.is_admin)
        return call.answer(shown, _("The agent's status."))


class ReloadViewSet(ContractViewSet):
    tag = "Agents"

    @described(
        "reload_agents", "Read the file of providers and agents again", data=schemas.Reload, errors=(NotAllowed, BadProvidersFile)
    )
    def reload(self, request: Request) -> HttpResponse:
        """For administrators. All of the file is applied, or nothing."""
        done = services.reload_from_file(principal=self.person, origin=self.incoming.origin)
        return self.answer(responses.reload(done), _("The agents were reloaded."))


def answerer_of(principal: Principal, agent: Agent) -> Provider | None:
    """The agent's own provider, else whoever answers this person; None when there is nobody."""
    return agent.provider or next(iter(selectors.available_to(principal)), None)


def _agent_and_answerer(principal: Principal, agent_id: UUID) -> tuple[Agent, Provider | None]:
    agent = selectors.get_agent(principal=principal, agent_id=agent_id)
    return agent, answerer_of(principal, agent)
