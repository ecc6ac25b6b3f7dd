"""Requests: sent, repeated where that may help, signed in anew where a token ran out, and answers taken out of their envelope.

The façades of other contracts stand on this, too: they give it their base address and their `Accept`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from uuid import uuid4

import httpx2

from chatplatform_client._async._runtime import Lock, sleep
from chatplatform_client.decoding import UnexpectedAnswer
from chatplatform_client.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ChatPlatformError,
    NotFoundError,
    api_error,
)
from chatplatform_client.retries import Retries
from chatplatform_client.tokens import Credentials, root_of

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 600.0
"""How long a whole answer may take to be written."""
SILENT_SECONDS = 45.0
"""The platform is never silent for more than 15 s while a stream is open: one that is has been lost."""
_SIGNING_IN = ("/auth/login", "/auth/register", "/auth/refresh")
"""What is refused there is the name, the password or the token that was given, which no other token makes right."""
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `key` makes a POST safe to repeat."""

    method: str
    url: str
    """The whole address."""
    body: Mapping[str, Any] | None = None
    query: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    file: tuple[str, bytes] | None = None
    key: str = ""
    vendor: str = ""
    timeout: float | None = None
    last_event: int | None = None

    @property
    def is_safe(self) -> bool:
        return self.method != "POST" or bool(self.key)


class AsyncConnection:
    """`base` is put before each path; `vendor` is the contract that answers (`chatgpt`, `lyss`, `llmchat`)."""

    def __init__(
        self,
        base: str,
        *,
        vendor: str,
        credentials: Credentials,
        language: str = "",
        timeout: float = 60.0,
        retries: Retries | None = None,
        http: httpx2.AsyncClient | None = None,
    ) -> None:
        self.base = base.rstrip("/")
        self.root = root_of(base)
        self.vendor = vendor
        self.credentials = credentials
        self.language = language
        self.timeout = timeout
        self.retries = retries or Retries()
        # Redirects are not followed: they would carry the token elsewhere, and the platform sends none.
        self.http = http or httpx2.AsyncClient(follow_redirects=False)
        self._refreshing = Lock()

    async def call(self, method: str, path: str, **more: Any) -> Any:
        """The `data` of the answer's envelope, or the whole answer where there is none. `more`: see `Call`.

        Raises APIError, APIConnectionError.
        """
        body = await self.read(Call(method, self.base + path, **more))
        return body["data"] if isinstance(body, dict) and "data" in body else body

    async def read(self, call: Call) -> Any:
        response = await self._ask(call, stream=False)
        if response is None or not response.content:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise UnexpectedAnswer(f"{call.url} did not answer with JSON") from error

    async def open(self, call: Call, *, retries: Retries | None = None) -> httpx2.Response:
        """A stream whose answer has begun. Raises as `call` does."""
        response = await self._ask(call, stream=True, retries=retries)
        assert response is not None
        return response

    async def _ask(self, call: Call, *, stream: bool, retries: Retries | None = None) -> httpx2.Response | None:
        retries, attempt, refreshed, lost = retries or self.retries, 0, False, False
        while True:
            used = self.credentials.token
            try:
                return await self._once(call, stream=stream)
            except AuthenticationError:
                if refreshed or call.url.endswith(_SIGNING_IN) or not await self.sign_in_again(used):
                    raise
                refreshed = True
            except NotFoundError:
                if lost and call.method == "DELETE":
                    return None  # it was deleted when the answer was lost on its way
                raise
            except ChatPlatformError as failure:
                seconds = retries.wait(attempt, failure, safe=call.is_safe)
                if seconds is None:
                    raise
                lost = lost or isinstance(failure, APIConnectionError)
                attempt += 1
                await sleep(seconds)

    async def _once(self, call: Call, *, stream: bool) -> httpx2.Response:
        read = SILENT_SECONDS if stream else call.timeout or self.timeout
        request = self.http.build_request(
            call.method,
            call.url,
            params=None if call.query is None else _written(call.query),
            headers=self.headers(call),
            json=call.body,
            data=None if call.form is None else _written(call.form),
            files=None if call.file is None else {"file": call.file},
            timeout=httpx2.Timeout(read, connect=CONNECT_SECONDS),
        )
        try:
            response = await self.http.send(request, stream=stream)
            if response.is_success:
                return response
            text = (await response.aread()).decode(errors="replace")
            await response.aclose()
        except httpx2.TimeoutException as error:
            raise APITimeoutError(f"{call.url} was silent for too long", sent=not isinstance(error, _NEVER_SENT)) from error
        except httpx2.TransportError as error:
            raise lost_connection(call.url, error) from error
        raise api_error(response.status_code, text, response.headers)

    def headers(self, call: Call) -> dict[str, str]:
        found = {"Accept": f"application/vnd.{call.vendor or self.vendor}.v1+json"} | self.credentials.headers()
        if self.language:
            found["Accept-Language"] = self.language
        if call.key:
            found["Idempotency-Key"] = call.key
        if call.last_event is not None:
            found["Last-Event-ID"] = str(call.last_event)
        return found

    async def sign_in_again(self, used: str) -> bool:
        """Renews the tokens, unless somebody has done so since `used` was the token. False: there is nothing to do it with."""
        mine = self.credentials
        async with self._refreshing:
            if mine.token != used:
                return bool(mine.token)
            if not mine.refresh_token:
                return False
            call = Call("POST", f"{self.root}/api/v1/auth/refresh", body={"refresh_token": mine.refresh_token}, vendor="chatgpt")
            # Its own token is not sent along: it has run out. One that is refused, or used up elsewhere, is of no more use.
            mine.token = ""
            try:
                renewed = json.loads((await self._once(call, stream=False)).content)["data"]
            except AuthenticationError:
                mine.refresh_token = ""
                return False
            except ChatPlatformError:
                mine.token = used
                raise
            mine.token, mine.refresh_token = renewed["access_token"], renewed["refresh_token"]
            return True

    async def aclose(self) -> None:
        await self.http.aclose()

    async def __aenter__(self) -> AsyncConnection:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()


def lost_connection(url: str, error: Exception) -> APIConnectionError:
    return APIConnectionError(f"{url}: {error or type(error).__name__}", sent=not isinstance(error, _NEVER_SENT))


def new_key() -> str:
    """What makes a send that is repeated the same send."""
    return str(uuid4())


def given(**fields: Any) -> dict[str, Any]:
    """Those that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in values.items() if value is not None}
