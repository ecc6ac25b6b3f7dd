"""Who answers: agents, providers, models; and how the platform itself is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from chatplatform_client._async.connection import AsyncConnection, given
from chatplatform_client.decoding import decode, decode_list
from chatplatform_client.models import (
    Agent,
    AgentStatus,
    Distributed,
    Distribution,
    Health,
    Info,
    Model,
    Page,
    Provider,
    read_page,
)
from chatplatform_client.paths import segment

_LLMCHAT, _LYSS = "llmchat", "lyss"


class AsyncAgents:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(
        self, *, page: int = 1, size: int = 20, category: str | None = None, provider: str | None = None
    ) -> Page[Agent]:
        query = given(page=page, limit=size, category=category, provider=provider)
        data = await self._connection.call("GET", "/agents", query=query, vendor=_LLMCHAT)
        return read_page(data, "items", lambda item: decode(Agent, item))

    async def get(self, agent_id: str) -> Agent:
        return decode(Agent, await self._connection.call("GET", f"/agents/{segment(agent_id)}", vendor=_LLMCHAT))

    async def status(self, agent_id: str) -> AgentStatus:
        """Whether its provider answers now: the vendor is asked."""
        return decode(AgentStatus, await self._connection.call("GET", f"/agents/{segment(agent_id)}/status", vendor=_LLMCHAT))


class AsyncProviders:
    """Vendors of answers: one's own with one's own key, and the organization's."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(
        self,
        *,
        page: int = 1,
        size: int = 20,
        scope: str | None = None,
        provider_type: str | None = None,
        is_active: bool | None = None,
    ) -> Page[Provider]:
        query = given(page=page, page_size=size, scope=scope, provider_type=provider_type, is_active=is_active)
        data = await self._connection.call("GET", "/providers", query=query, vendor=_LYSS)
        return read_page(data, "items", lambda item: decode(Provider, item))

    async def available(self) -> Sequence[Provider]:
        """Those that one may ask."""
        return decode_list(Provider, await self._connection.call("GET", "/providers/available", vendor=_LYSS))

    async def create(
        self,
        name: str,
        provider_type: str,
        *,
        api_key: str = "",
        scope: Literal["personal", "organization"] = "personal",
        api_base_url: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> Provider:
        """The key is kept sealed and never shown again."""
        body = given(
            name=name, provider_type=provider_type, scope=scope, api_key=api_key, api_base_url=api_base_url, config=config
        )
        return decode(Provider, await self._connection.call("POST", "/providers", body=body, vendor=_LYSS))

    async def get(self, provider_id: int) -> Provider:
        return decode(Provider, await self._connection.call("GET", f"/providers/{segment(provider_id)}", vendor=_LYSS))

    async def update(
        self,
        provider_id: int,
        *,
        name: str | None = None,
        api_key: str | None = None,
        api_base_url: str | None = None,
        config: Mapping[str, Any] | None = None,
        is_active: bool | None = None,
        fallbacks: Sequence[int] | None = None,
    ) -> Provider:
        """What is not given stays as it is. `fallbacks`: the providers to ask when this one fails, in order."""
        body = given(
            name=name, api_key=api_key, api_base_url=api_base_url, config=config, is_active=is_active, fallbacks=fallbacks
        )
        return decode(Provider, await self._connection.call("PUT", f"/providers/{segment(provider_id)}", body=body, vendor=_LYSS))

    async def delete(self, provider_id: int) -> None:
        await self._connection.call("DELETE", f"/providers/{segment(provider_id)}", vendor=_LYSS)

    async def set_default(self, provider_id: int | None) -> None:
        """Whom this person's messages go to when they name nobody: the first of `available()`. None: no choice of hers."""
        await self._connection.call("PUT", "/providers/default", body={"provider_id": provider_id}, vendor=_LYSS)

    async def distribute(self, provider_id: int, user_ids: Sequence[int]) -> Distributed:
        """Hands an organization's provider to these people. For administrators."""
        path, body = f"/providers/{segment(provider_id)}/distribute", {"user_ids": list(user_ids)}
        return decode(Distributed, await self._connection.call("POST", path, body=body, vendor=_LYSS))

    async def undistribute(self, provider_id: int, user_id: int) -> None:
        await self._connection.call("DELETE", f"/providers/{segment(provider_id)}/distribute/{segment(user_id)}", vendor=_LYSS)

    async def distributions(self, provider_id: int) -> Sequence[Distribution]:
        path = f"/providers/{segment(provider_id)}/distributions"
        return decode_list(Distribution, await self._connection.call("GET", path, vendor=_LYSS))


class AsyncSystem:
    """Open to everybody."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def health(self) -> Health:
        return decode(Health, await self._connection.call("GET", "/health"))

    async def info(self) -> Info:
        return decode(Info, await self._connection.call("GET", "/info"))

    async def models(self) -> Sequence[Model]:
        return decode_list(Model, (await self._connection.call("GET", "/models"))["models"])
