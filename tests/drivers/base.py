"""What a test may ask of any contract, and what it gets back."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import aiohttp

from tests.client import Client


class Thing(StrEnum):
    """What not every document has a way for."""

    CREATE = "begin a conversation before there is a message"
    MODEL = "choose the model with the message"
    LIST = "list one's conversations"
    READ = "read the messages of a conversation"
    PAGE = "read them by the number of a page, with how many there are"
    DELETE = "delete a conversation"


class Need(StrEnum):
    """What may be missing or wrong, so that a message is refused or fails. Each contract has its own words for it."""

    CREDENTIALS = "a token that is good"
    OWNERSHIP = "a conversation that is hers"
    CONTENT = "a message that says something"
    SHORTNESS = "a message that is not too long"
    JSON = "a body that is JSON"
    SMALLNESS = "a body that is not too large"
    TYPE = "a body whose type is known"
    FREEDOM = "a conversation where nobody is answering"
    ALLOWANCE = "something left of her quota"
    SAMENESS = "the same message under the same key"
    VENDOR = "a vendor that answers"
    VENDOR_LATER = "a vendor that goes on to the end"


@dataclass(slots=True)
class Said:
    """What came back for a message."""

    status: int = 200
    code: str = ""
    """Of what refused or ended it. Empty where all went well, and in a contract that has sentences only."""
    sentence: str = ""
    """The same for people."""
    retry_after: str = ""
    pieces: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    """Of the events of a stream, where it has them."""
    ending: str = ""
    """completed, stopped or failed. Empty for a message that was refused."""
    named: Any = None
    """The conversation, as the contract writes its id."""
    conversation: UUID | None = None
    turn: UUID | None = None
    model: str = ""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.code


@dataclass(frozen=True, slots=True)
class Page:
    items: list[Any]
    """Ids of conversations, or (role, text) of messages, in the contract's own order."""
    total: int


Pieces = Callable[[Said], Awaitable[None]]
"""Is told what has come so far, after each frame of a stream."""
Event = tuple[int, str, str]
"""Number (0: none), name (empty: none) and data."""


class Driver(ABC):
    """One person through one contract. Conversations are named by their UUID, whatever the contract calls them."""

    name: ClassVar[str]
    base: ClassVar[str]
    lacks: ClassVar[frozenset[Thing]] = frozenset()
    refusals: ClassVar[Mapping[Need, tuple[int, str]]]
    """Status and code."""
    numbered: ClassVar[bool] = True
    """Whether the events of its streams have numbers."""
    most_characters: ClassVar[int] = 10_000

    def __init__(self, client: Client) -> None:
        self.client = client
        self.heard_of: dict[UUID, Any] = {}
        """The contract's own names of conversations, where its client has them from somewhere else."""

    # --- What a contract fills in -------------------------------------------------------------------------------------

    async def called(self, conversation: UUID) -> Any:
        """The contract's own name of a conversation."""
        return str(conversation)

    @abstractmethod
    def path(self, called: Any, *, stream: bool) -> str:
        """Where a message is sent, below the base."""

    @abstractmethod
    def body(self, text: str, called: Any, *, model: str, stream: bool) -> dict[str, Any]: ...

    @abstractmethod
    def answered(self, said: Said, answer: dict[str, Any]) -> None:
        """Puts down what the answer in one body says."""

    @abstractmethod
    def heard(self, said: Said, event: Event) -> None:
        """Puts down what an event of the stream says."""

    @abstractmethod
    def refused(self, answer: dict[str, Any]) -> tuple[str, str]:
        """Code and sentence of a refusal."""

    def head(self, said: Said, headers: Mapping[str, str]) -> None:
        """Puts down what the head of an answer says."""
        said.retry_after = headers.get("Retry-After", "")

    async def public(self, said: Said) -> UUID | None:
        """The UUID of the conversation that an answer names."""
        return None if said.named is None else UUID(str(said.named))

    # --- What a test asks ---------------------------------------------------------------------------------------------

    async def begin(self, *, title: str = "") -> UUID:
        raise NotImplementedError(f"{self.name} has no way to {Thing.CREATE}")

    async def conversations(self, *, page: int = 1, size: int = 20) -> Page:
        raise NotImplementedError(f"{self.name} has no way to {Thing.LIST}")

    async def messages(self, conversation: UUID) -> list[tuple[str, str]]:
        """Role and text, oldest first."""
        raise NotImplementedError(f"{self.name} has no way to {Thing.READ}")

    async def page_of(self, conversation: UUID, *, page: int | str, size: int) -> Page:
        """The newest first."""
        raise NotImplementedError(f"{self.name} has no way to {Thing.PAGE}")

    async def delete(self, conversation: UUID) -> None:
        raise NotImplementedError(f"{self.name} has no way to {Thing.DELETE}")

    async def count(self, conversation: UUID) -> int:
        """How many messages a conversation has."""
        return len(await self.messages(conversation))

    async def say(
        self,
        text: str,
        conversation: UUID | None = None,
        *,
        key: str = "",
        model: str = "",
        raw: bytes | None = None,
        **headers: str,
    ) -> Said:
        """Sends a message for its whole answer. Without a conversation it begins one. `raw` takes the place of the body."""
        async with await self._post(text, conversation, key=key, model=model, raw=raw, stream=False, headers=headers) as response:
            said = await self._begun(response)
            if response.status == 200:
                self.answered(said, json.loads(await response.text()))
                said.conversation = await self.public(said)
            return said

    async def stream(
        self,
        text: str,
        conversation: UUID | None = None,
        *,
        key: str = "",
        model: str = "",
        each: Pieces | None = None,
        **headers: str,
    ) -> Said:
        """Sends a message and reads the answer as it is written."""
        async with await self._post(text, conversation, key=key, model=model, raw=None, stream=True, headers=headers) as response:
            said = await self._begun(response)
            if response.status != 200:
                return said
            assert response.content_type == "text/event-stream"
            async for event in events(response):
                if event[0]:
                    said.numbers.append(event[0])
                self.heard(said, event)
                if each is not None:
                    await each(said)
            said.conversation = await self.public(said)
            return said

    async def stop(self, turn: UUID) -> None:
        """A turn has one name in all contracts, and one way to be stopped."""
        status, answer = await self.client.call("POST", f"/turns/{turn}/stop")
        assert status == 200, answer

    # --- Calling ------------------------------------------------------------------------------------------------------

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        url = self.client.url + self.base + path
        async with self.client.session.request(method, url, json=body, headers=self.client.headers) as response:
            return response.status, json.loads(await response.text() or "{}")

    async def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        status, answer = await self.call(method, path, body)
        assert status in (200, 201), answer
        return answer

    async def _post(
        self,
        text: str,
        conversation: UUID | None,
        *,
        key: str,
        model: str,
        raw: bytes | None,
        stream: bool,
        headers: Mapping[str, str],
    ) -> aiohttp.ClientResponse:
        called = None if conversation is None else self.heard_of.get(conversation) or await self.called(conversation)
        body = json.dumps(self.body(text, called, model=model, stream=stream)).encode() if raw is None else raw
        sent = {"Content-Type": "application/json", **self.client.headers, **({"Idempotency-Key": key} if key else {}), **headers}
        url = self.client.url + self.base + self.path(called, stream=stream)
        return await self.client.session.post(url, data=body, headers=sent)

    async def _begun(self, response: aiohttp.ClientResponse) -> Said:
        said = Said(status=response.status)
        self.head(said, response.headers)
        if response.status != 200:
            said.code, said.sentence = self.refused(json.loads(await response.text()))
        return said


async def events(response: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """Server-sent events. Comments and the blank lines of a heartbeat are none."""
    number, name, data = 0, "", ""
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        kind, _, value = line.partition(": ")
        if kind == "id":
            number = int(value)
        elif kind == "event":
            name = value
        elif kind == "data":
            data = value
        elif not line and data:
            yield number, name, data
            number, name, data = 0, "", ""
