"""The platform's client."""

from __future__ import annotations

import httpx2

from chatplatform_client._async.answerers import AsyncAgents, AsyncProviders, AsyncSystem
from chatplatform_client._async.chat import AsyncConversations, AsyncMessages, AsyncTurns
from chatplatform_client._async.connected import AsyncConnected
from chatplatform_client._async.connection import AsyncConnection
from chatplatform_client._async.knowledge import AsyncDocuments, AsyncTopics
from chatplatform_client._async.people import AsyncApiKeys, AsyncAuth, AsyncMe
from chatplatform_client._async.socket import AsyncChatSocket
from chatplatform_client.retries import Retries
from chatplatform_client.tokens import Credentials, root_of


class AsyncClient(AsyncConnected):
    """One person's way to the platform at `base_url` (`https://chat.example.org`; with `/api/v1` it is the same).

    Sign in by `auth.login`, or give a `token` (with its `refresh_token` it is renewed by itself) or an `api_key`.
    `language` ("en", "zh-Hans") is that of the platform's messages; `timeout` is in seconds and holds for everything but answers.
    Requests that failed on the way, or were refused for a moment, are repeated at most `max_retries` times. `http` is a client of
    httpx2 with settings of yours (proxies, certificates); it is closed with this one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        refresh_token: str = "",
        api_key: str = "",
        language: str = "",
        timeout: float = 60.0,
        max_retries: int = 3,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._connection = connection = AsyncConnection(
            f"{root_of(base_url)}/api/v1",
            vendor="chatgpt",
            credentials=Credentials(token, refresh_token, api_key),
            language=language,
            timeout=timeout,
            retries=Retries(most=max_retries),
            http=http,
        )
        self.auth = AsyncAuth(connection)
        self.me = AsyncMe(connection)
        self.api_keys = AsyncApiKeys(connection)
        self.conversations = AsyncConversations(connection)
        self.messages = AsyncMessages(connection)
        self.turns = AsyncTurns(connection)
        self.documents = AsyncDocuments(connection)
        self.topics = AsyncTopics(connection)
        self.agents = AsyncAgents(connection)
        self.providers = AsyncProviders(connection)
        self.system = AsyncSystem(connection)

    def socket(self) -> AsyncChatSocket:
        """A connection over which several answers come at a time. Use it with `async with`."""
        return AsyncChatSocket(self._connection)
