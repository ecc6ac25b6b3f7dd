# Made from chatplatform-client/src/chatplatform_client/_async/chat.py by sdk/python/make_sync.py: change that file.
"""Conversations, messages, and the turns that answer them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from chatplatform_client._sync.connection import ANSWER_SECONDS, Call, Connection, given, new_key
from chatplatform_client._sync.frames import StreamedFrames
from chatplatform_client._sync.stream import TurnStream
from chatplatform_client.decoding import decode
from chatplatform_client.models import Conversation, Exchange, Message, Page, Turn, read_page
from chatplatform_client.paths import segment


class Conversations:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def create(self, title: str = "", *, model: str | None = None, system_message: str | None = None) -> Conversation:
        body = given(title=title, model=model, system_message=system_message)
        return decode(Conversation, self._connection.call("POST", "/conversations", body=body))

    def list(
        self, *, page: int = 1, size: int = 20, archived: bool | None = None, search: str | None = None
    ) -> Page[Conversation]:
        """Those with the newest activity first. `archived` includes archived ones."""
        query = given(page=page, size=size, archived=archived, search=search)
        data = self._connection.call("GET", "/conversations", query=query)
        return read_page(data, "conversations", lambda item: decode(Conversation, item))

    def iterate(self, *, archived: bool | None = None, search: str | None = None) -> Iterator[Conversation]:
        """All of them, asked for a page at a time."""
        number, pages = 1, 1
        while number <= pages:
            page = self.list(page=number, size=100, archived=archived, search=search)
            yield from page
            number, pages = number + 1, page.pages

    def get(self, conversation_id: str) -> Conversation:
        """With its messages."""
        return decode(Conversation, self._connection.call("GET", f"/conversations/{segment(conversation_id)}"))

    def update(self, conversation_id: str, *, title: str | None = None, is_archived: bool | None = None) -> Conversation:
        body = given(title=title, is_archived=is_archived)
        return decode(Conversation, self._connection.call("PUT", f"/conversations/{segment(conversation_id)}", body=body))

    def archive(self, conversation_id: str) -> Conversation:
        return self.update(conversation_id, is_archived=True)

    def unarchive(self, conversation_id: str) -> Conversation:
        return self.update(conversation_id, is_archived=False)

    def delete(self, conversation_id: str) -> None:
        """At once and for good. An answer that is being written is stopped."""
        self._connection.call("DELETE", f"/conversations/{segment(conversation_id)}")


class Messages:
    """Every send has a key of its own, so that one that is repeated after a lost connection is still one message. With an
    `idempotency_key` of yours this holds over restarts of your program, too."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self, conversation_id: str, *, page: int = 1, size: int = 50, order: Literal["asc", "desc"] = "desc"
    ) -> Page[Message]:
        query = {"page": page, "size": size, "order": order}
        data = self._connection.call("GET", f"/conversations/{segment(conversation_id)}/messages", query=query)
        return read_page(data, "messages", lambda item: decode(Message, item))

    def send(
        self,
        conversation_id: str,
        content: str,
        *,
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        idempotency_key: str | None = None,
        timeout: float = ANSWER_SECONDS,
    ) -> Exchange:
        """Waits for the whole answer."""
        data = self._connection.call(
            "POST",
            f"/conversations/{segment(conversation_id)}/messages",
            body=given(content=content, model=model, temperature=temperature, max_tokens=max_tokens),
            key=idempotency_key or new_key(),
            timeout=timeout,
        )
        return decode(Exchange, data)

    def stream(
        self,
        conversation_id: str,
        content: str,
        *,
        model: str | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        idempotency_key: str | None = None,
    ) -> TurnStream:
        """The answer as it is written. What is refused is raised at once; a lost connection is opened again by itself."""
        call = Call(
            "POST",
            f"{self._connection.base}/conversations/{segment(conversation_id)}/messages/stream",
            body=given(content=content, model=model, temperature=temperature, max_tokens=max_tokens),
            key=idempotency_key or new_key(),
        )
        return TurnStream(StreamedFrames(self._connection, call).open())

    def edit(self, message_id: str, content: str) -> Message:
        return decode(Message, self._connection.call("PUT", f"/messages/{segment(message_id)}", body={"content": content}))

    def delete(self, message_id: str) -> None:
        self._connection.call("DELETE", f"/messages/{segment(message_id)}")


class Turns:
    """Turns of every contract, by their public names."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, turn_id: str) -> Turn:
        return decode(Turn, self._connection.call("GET", f"/turns/{segment(turn_id)}"))

    def follow(self, turn_id: str, *, after: int = 0) -> TurnStream:
        """Its events after number `after`, from the beginning if need be, while it is written and long after."""
        query: dict[str, Any] = {"contract": "chatgpt_backend"}
        call = Call("GET", f"{self._connection.base}/turns/{segment(turn_id)}/events", query=query, last_event=after)
        return TurnStream(StreamedFrames(self._connection, call, turn_id=turn_id).open())

    def stop(self, turn_id: str) -> Turn:
        """What there is of the answer is kept. One that has ended stays as it is."""
        return decode(Turn, self._connection.call("POST", f"/turns/{segment(turn_id)}/stop", key=new_key()))
