"""The calls of LLMChat's document, over the platform's own client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import httpx2

from chatplatform_client import Credentials, Page, Usage
from chatplatform_client._async import answerers
from chatplatform_client._async.connected import AsyncConnected
from chatplatform_client._async.connection import ANSWER_SECONDS, AsyncConnection, Call, given, new_key
from chatplatform_client._async.frames import AsyncStreamedFrames, Frame
from chatplatform_client._async.knowledge import AsyncDocuments, named_file
from chatplatform_client._async.stream import AsyncAnswer
from chatplatform_client.decoding import camel, decode
from chatplatform_client.models import Agent, read_page
from chatplatform_client.paths import segment
from chatplatform_client.retries import Retries
from llmchat.models import Chunk, Completion, Drawing, Health, HistoryMessage, Reload, SavedSession, SignedIn

Messages = Sequence[Mapping[str, str]]
"""`[{"role": "user", "content": "…"}, …]`, the oldest first."""


class AsyncChatStream(AsyncAnswer[Chunk]):
    """Iterates the answer's pieces. What is known of the answer as a whole is here when it has begun, or ended."""

    session_id = ""
    message_id = ""
    model = ""
    usage = Usage()
    stopped = False

    def _read(self, frame: Frame) -> Chunk | None:
        data = frame.data
        if frame.kind == "text":
            return Chunk(str(data.get("content", "")), frame.n)
        self.session_id = str(data.get("sessionId") or self.session_id)
        self.message_id = str(data.get("messageId") or self.message_id)
        self.model = str(data.get("model") or self.model)
        if frame.kind == "end":
            self.usage, self.stopped = decode(Usage, data.get("usage") or {}), bool(data.get("stopped"))
        return None


class AsyncChat:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @overload
    async def completions(
        self,
        *,
        messages: Messages,
        stream: Literal[True],
        agent_id: str | None = None,
        session_id: str | None = None,
        config: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> AsyncChatStream: ...

    @overload
    async def completions(
        self,
        *,
        messages: Messages,
        stream: Literal[False] = False,
        agent_id: str | None = None,
        session_id: str | None = None,
        config: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> Completion: ...

    async def completions(
        self,
        *,
        messages: Messages,
        stream: bool = False,
        agent_id: str | None = None,
        session_id: str | None = None,
        config: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> AsyncChatStream | Completion:
        """Answers the last message, which must be the user's; the earlier ones count where a new session begins.

        Without a `session_id`, or with one that nobody has yet, a new session begins. `config`: `temperature`, `max_tokens`,
        `model`. A lost connection is opened again by itself, and a repeated send is one message.
        """
        body = given(
            agentId=agent_id,
            messages=list(messages),
            stream=stream,
            sessionId=session_id,
            config=config and _in_camel_case(config),
        )
        call = Call(
            "POST",
            f"{self._connection.base}/chat/completions",
            body=body,
            key=idempotency_key or new_key(),
            timeout=timeout,
        )
        if stream:
            return AsyncChatStream(await AsyncStreamedFrames(self._connection, call).open())
        return decode(Completion, (await self._connection.read(call))["data"])

    async def history(
        self, session_id: str, *, page: int = 1, limit: int = 50, before: str | None = None
    ) -> Page[HistoryMessage]:
        """The newest first; `before` is a message's id."""
        query = given(page=page, limit=limit, before=before)
        data = await self._connection.call("GET", f"/chat/sessions/{segment(session_id)}/history", query=query)
        return read_page(data, "items", lambda item: decode(HistoryMessage, item))

    async def save(
        self, *, messages: Messages, session_id: str | None = None, title: str | None = None, agent_id: str | None = None
    ) -> SavedSession:
        """Stores a whole transcript, or nothing. What is there already stays."""
        body = given(sessionId=session_id, title=title, agentId=agent_id, messages=list(messages))
        return decode(SavedSession, await self._connection.call("POST", "/chat/sessions/save", body=body))


class AsyncAuth:
    """Whoever registers or logs in is whom this client asks for from then on; her token is renewed by itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def register(self, email: str, password: str, *, name: str = "") -> SignedIn:
        body = {"email": email, "password": password, "name": name}
        return self._signed_in(await self._connection.call("POST", "/auth/register", body=body))

    async def login(self, email: str, password: str) -> SignedIn:
        body = {"email": email, "password": password}
        return self._signed_in(await self._connection.call("POST", "/auth/login", body=body))

    async def refresh(self) -> SignedIn:
        body = {"refreshToken": self._connection.credentials.refresh_token}
        return self._signed_in(await self._connection.call("POST", "/auth/refresh", body=body))

    async def logout(self) -> None:
        await self._connection.call("POST", "/auth/logout")
        self._connection.credentials.token = self._connection.credentials.refresh_token = ""

    def _signed_in(self, data: Any) -> SignedIn:
        found = decode(SignedIn, data)
        mine = self._connection.credentials
        mine.token, mine.refresh_token = found.token, found.refresh_token
        return found


class AsyncAgents(answerers.AsyncAgents):
    async def update(
        self,
        agent_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        config: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Agent:
        """For administrators. What is not given stays as it is. `more`: category, avatar, status, capabilities, system_prompt."""
        body = given(name=name, description=description, config=config and _in_camel_case(config), **_in_camel_case(more))
        return decode(Agent, await self._connection.call("PUT", f"/agents/{segment(agent_id)}", body=body))

    async def reload(self) -> Reload:
        """For administrators."""
        return decode(Reload, await self._connection.call("POST", "/agents/reload"))


class AsyncCad:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def parse(self, file: Path | str | bytes, *, name: str = "") -> Drawing:
        """`file` is the path of a DXF or DWG file, or its content with a `name`. Nothing of it is stored."""
        return decode(Drawing, await self._connection.call("POST", "/cad/parse", file=named_file(file, name)))


class AsyncLLMChatClient(AsyncConnected):
    """`base_url` is the contract's (`https://chat.example.org/api`); `token` is a signed-in person's, or an API key."""

    def __init__(
        self,
        base_url: str,
        token: str = "",
        *,
        refresh_token: str = "",
        language: str = "",
        timeout: float = 60.0,
        max_retries: int = 3,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._connection = connection = AsyncConnection(
            base_url,
            vendor="llmchat",
            credentials=Credentials(token, refresh_token),
            language=language,
            timeout=timeout,
            retries=Retries(most=max_retries),
            http=http,
        )
        self.chat = AsyncChat(connection)
        self.auth = AsyncAuth(connection)
        self.agents = AsyncAgents(connection)
        self.files = AsyncDocuments(connection)
        self.cad = AsyncCad(connection)

    async def health(self) -> Health:
        return decode(Health, await self._connection.read(Call("GET", f"{self._connection.root}/health")))


def _in_camel_case(values: Mapping[str, Any]) -> dict[str, Any]:
    return {camel(name): value for name, value in values.items()}
