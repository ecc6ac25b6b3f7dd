"""The calls of LYSS's document, over the platform's own client."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from chatplatform_client import Credentials, Page
from chatplatform_client._async.answerers import AsyncProviders
from chatplatform_client._async.connected import AsyncConnected
from chatplatform_client._async.connection import ANSWER_SECONDS, AsyncConnection, Call, given, new_key
from chatplatform_client._async.frames import AsyncStreamedFrames, Frame
from chatplatform_client._async.stream import AsyncAnswer
from chatplatform_client.decoding import decode
from chatplatform_client.models import read_page
from chatplatform_client.paths import segment
from chatplatform_client.retries import Retries
from lyss_ai_client.models import ChatResponse, Chunk, Conversation, SignedIn, Tokens, User

Messages = Sequence[Mapping[str, str]]
"""`[{"role": "user", "content": "…"}, …]`, the oldest first."""


class AsyncChatStream(AsyncAnswer[Chunk]):
    """Iterates the answer's pieces. What is known of the answer as a whole is here when it has begun, or ended."""

    conversation_id = 0
    message_id = 0
    model = ""
    tokens_used: int | None = None
    cost: float | None = None
    """In US dollars; None: nobody knows the price."""
    stopped = False

    def _read(self, frame: Frame) -> Chunk | None:
        data = frame.data
        if frame.kind == "content":
            return Chunk(str(data.get("content", "")), frame.n)
        self.conversation_id = data.get("conversation_id", self.conversation_id)
        self.message_id = data.get("message_id", self.message_id)
        self.model = data.get("model", self.model)
        if frame.kind == "end":
            self.tokens_used, self.cost = data.get("tokens_used"), data.get("cost")
            self.stopped = bool(data.get("stopped"))
        return None


class AsyncChat:
    """The last message is answered, and must be the user's; the earlier ones count where a new conversation begins, which it does
    without a `conversation_id`. A repeated send is one message."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def send_message(
        self,
        *,
        messages: Messages,
        provider_id: int | None = None,
        conversation_id: int | None = None,
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        idempotency_key: str | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> ChatResponse:
        """Waits for the whole answer."""
        body = given(
            messages=list(messages),
            provider_id=provider_id,
            conversation_id=conversation_id,
            model=model,
            temperature=temperature,
            max_tokens=max_tokens,
        )
        key = idempotency_key or new_key()
        return decode(ChatResponse, await self._connection.call("POST", "/chat/messages", body=body, key=key, timeout=timeout))

    async def stream(
        self,
        *,
        messages: Messages,
        provider_id: int | None = None,
        conversation_id: int | None = None,
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        idempotency_key: str | None = None,
    ) -> AsyncChatStream:
        """The answer as it is written. What is refused is raised at once; a lost connection is opened again by itself."""
        body = given(
            messages=list(messages),
            provider_id=provider_id,
            conversation_id=conversation_id,
            model=model,
            temperature=temperature,
            max_tokens=max_tokens,
        )
        call = Call("POST", f"{self._connection.base}/chat/stream", body=body, key=idempotency_key or new_key())
        return AsyncChatStream(await AsyncStreamedFrames(self._connection, call).open())


class AsyncConversations:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def create(
        self, title: str = "", *, provider_id: int | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Conversation:
        body = given(title=title, provider_id=provider_id, metadata=metadata)
        return decode(Conversation, await self._connection.call("POST", "/conversations", body=body))

    async def list(
        self, *, page: int = 1, page_size: int = 20, provider_id: int | None = None, search: str | None = None
    ) -> Page[Conversation]:
        query = given(page=page, page_size=page_size, provider_id=provider_id, search=search)
        data = await self._connection.call("GET", "/conversations", query=query)
        return read_page(data, "items", lambda item: decode(Conversation, item))

    async def get(self, conversation_id: int) -> Conversation:
        """With its messages."""
        return decode(Conversation, await self._connection.call("GET", f"/conversations/{segment(conversation_id)}"))

    async def update(
        self, conversation_id: int, *, title: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> Conversation:
        body = given(title=title, metadata=metadata)
        return decode(Conversation, await self._connection.call("PUT", f"/conversations/{segment(conversation_id)}", body=body))

    async def delete(self, conversation_id: int) -> None:
        await self._connection.call("DELETE", f"/conversations/{segment(conversation_id)}")


class AsyncAuth:
    """Whoever registers or logs in is whom this client asks for from then on; her token is renewed by itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def register(self, username: str, email: str, password: str) -> SignedIn:
        body = {"username": username, "email": email, "password": password, "confirm_password": password}
        return self._signed_in(await self._connection.call("POST", "/auth/register", body=body))

    async def login(self, username: str, password: str) -> SignedIn:
        """`username` may be the e-mail address."""
        body = {"username": username, "password": password}
        return self._signed_in(await self._connection.call("POST", "/auth/login", body=body))

    async def me(self) -> User:
        return decode(User, await self._connection.call("GET", "/auth/me"))

    async def refresh(self) -> Tokens:
        """By the refresh token, or by the access token while its session lasts."""
        mine = self._connection.credentials
        body = {"refresh_token": mine.refresh_token or None}
        found = decode(Tokens, await self._connection.call("POST", "/auth/refresh", body=body))
        mine.token, mine.refresh_token = found.access_token, found.refresh_token or mine.refresh_token
        return found

    async def logout(self) -> None:
        await self._connection.call("POST", "/auth/logout")
        self._connection.credentials.token = self._connection.credentials.refresh_token = ""

    def _signed_in(self, data: Any) -> SignedIn:
        found = decode(SignedIn, data)
        mine = self._connection.credentials
        mine.token, mine.refresh_token = found.access_token, found.refresh_token
        return found


class AsyncLyssClient(AsyncConnected):
    """`base_url` is the contract's (`https://chat.example.org/api/v1`); `api_key` is one, or a signed-in person's token."""

    def __init__(
        self,
        base_url: str,
        api_key: str = "",
        *,
        refresh_token: str = "",
        language: str = "",
        timeout: float = 60.0,
        max_retries: int = 3,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self._connection = connection = AsyncConnection(
            base_url,
            vendor="lyss",
            credentials=Credentials(api_key, refresh_token),
            language=language,
            timeout=timeout,
            retries=Retries(most=max_retries),
            http=http,
        )
        self.auth = AsyncAuth(connection)
        self.providers = AsyncProviders(connection)
        self.chat = AsyncChat(connection)
        self.conversations = AsyncConversations(connection)
