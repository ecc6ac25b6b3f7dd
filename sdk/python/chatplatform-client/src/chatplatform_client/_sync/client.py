# Made from chatplatform-client/src/chatplatform_client/_async/client.py by sdk/python/make_sync.py: change that file.
"""The platform's client."""

from __future__ import annotations

import httpx2

from chatplatform_client._sync.answerers import Agents, Providers, System
from chatplatform_client._sync.chat import Conversations, Messages, Turns
from chatplatform_client._sync.connected import Connected
from chatplatform_client._sync.connection import Connection
from chatplatform_client._sync.knowledge import Documents, Topics
from chatplatform_client._sync.people import ApiKeys, Auth, Me
from chatplatform_client._sync.socket import ChatSocket
from chatplatform_client.retries import Retries
from chatplatform_client.tokens import Credentials, root_of


class Client(Connected):
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
        http: httpx2.Client | None = None,
    ) -> None:
        self._connection = connection = Connection(
            f"{root_of(base_url)}/api/v1",
            vendor="chatgpt",
            credentials=Credentials(token, refresh_token, api_key),
            language=language,
            timeout=timeout,
            retries=Retries(most=max_retries),
            http=http,
        )
        self.auth = Auth(connection)
        self.me = Me(connection)
        self.api_keys = ApiKeys(connection)
        self.conversations = Conversations(connection)
        self.messages = Messages(connection)
        self.turns = Turns(connection)
        self.documents = Documents(connection)
        self.topics = Topics(connection)
        self.agents = Agents(connection)
        self.providers = Providers(connection)
        self.system = System(connection)

    def socket(self) -> ChatSocket:
        """A connection over which several answers come at a time. Use it with `with`."""
        return ChatSocket(self._connection)
