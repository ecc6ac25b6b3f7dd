# Made from chatplatform-client/src/chatplatform_client/_async/answerers.py by sdk/python/make_sync.py: change that file.
"""Who answers: agents, providers, models; and how the platform itself is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from chatplatform_client._sync.connection import Connection, given
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


class Agents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, page: int = 1, size: int = 20, category: str | None = None, provider: str | None = None) -> Page[Agent]:
        query = given(page=page, limit=size, category=category, provider=provider)
        data = self._connection.call("GET", "/agents", query=query, vendor=_LLMCHAT)
        return read_page(data, "items", lambda item: decode(Agent, item))

    def get(self, agent_id: str) -> Agent:
        return decode(Agent, self._connection.call("GET", f"/agents/{segment(agent_id)}", vendor=_LLMCHAT))

    def status(self, agent_id: str) -> AgentStatus:
        """Whether its provider answers now: the vendor is asked."""
        return decode(AgentStatus, self._connection.call("GET", f"/agents/{segment(agent_id)}/status", vendor=_LLMCHAT))


class Providers:
    """Vendors of answers: one's own with one's own key, and the organization's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        *,
        page: int = 1,
        size: int = 20,
        scope: str | None = None,
        provider_type: str | None = None,
        is_active: bool | None = None,
    ) -> Page[Provider]:
        query = given(page=page, page_size=size, scope=scope, provider_type=provider_type, is_active=is_active)
        data = self._connection.call("GET", "/providers", query=query, vendor=_LYSS)
        return read_page(data, "items", lambda item: decode(Provider, item))

    def available(self) -> Sequence[Provider]:
        """Those that one may ask."""
        return decode_list(Provider, self._connection.call("GET", "/providers/available", vendor=_LYSS))

    def create(
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
        return decode(Provider, self._connection.call("POST", "/providers", body=body, vendor=_LYSS))

    def get(self, provider_id: int) -> Provider:
        return decode(Provider, self._connection.call("GET", f"/providers/{segment(provider_id)}", vendor=_LYSS))

    def update(
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
        return decode(Provider, self._connection.call("PUT", f"/providers/{segment(provider_id)}", body=body, vendor=_LYSS))

    def delete(self, provider_id: int) -> None:
        self._connection.call("DELETE", f"/providers/{segment(provider_id)}", vendor=_LYSS)

    def set_default(self, provider_id: int | None) -> None:
        """Whom this person's messages go to when they name nobody: the first of `available()`. None: no choice of hers."""
        self._connection.call("PUT", "/providers/default", body={"provider_id": provider_id}, vendor=_LYSS)

    def distribute(self, provider_id: int, user_ids: Sequence[int]) -> Distributed:
        """Hands an organization's provider to these people. For administrators."""
        path, body = f"/providers/{segment(provider_id)}/distribute", {"user_ids": list(user_ids)}
        return decode(Distributed, self._connection.call("POST", path, body=body, vendor=_LYSS))

    def undistribute(self, provider_id: int, user_id: int) -> None:
        self._connection.call("DELETE", f"/providers/{segment(provider_id)}/distribute/{segment(user_id)}", vendor=_LYSS)

    def distributions(self, provider_id: int) -> Sequence[Distribution]:
        path = f"/providers/{segment(provider_id)}/distributions"
        return decode_list(Distribution, self._connection.call("GET", path, vendor=_LYSS))


class System:
    """Open to everybody."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def health(self) -> Health:
        return decode(Health, self._connection.call("GET", "/health"))

    def info(self) -> Info:
        return decode(Info, self._connection.call("GET", "/info"))

    def models(self) -> Sequence[Model]:
        return decode_list(Model, (self._connection.call("GET", "/models"))["models"])
