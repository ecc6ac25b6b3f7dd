"""Documents that answers are drawn from, and the topics that they are kept under."""

from __future__ import annotations

import time
from pathlib import Path

from chatplatform_client._async._runtime import sleep
from chatplatform_client._async.connection import AsyncConnection, given
from chatplatform_client.decoding import decode
from chatplatform_client.errors import APITimeoutError
from chatplatform_client.models import Document, Page, Topic, read_page
from chatplatform_client.paths import segment

_LLMCHAT, _CHAT_SYSTEM = "llmchat", "chat-system"


def named_file(file: Path | str | bytes, name: str) -> tuple[str, bytes]:
    return (name, file) if isinstance(file, bytes) else (name or Path(file).name, Path(file).read_bytes())


class AsyncDocuments:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def upload(
        self,
        file: Path | str | bytes,
        *,
        name: str = "",
        type: str | None = None,
        description: str | None = None,
        topic_id: int | None = None,
    ) -> Document:
        """`file` is a path, or the content itself with a `name`. The answer comes before the document was read: see `wait`."""
        data = await self._connection.call(
            "POST",
            "/upload",
            file=named_file(file, name),
            form=given(type=type, description=description, topic_id=topic_id),
            vendor=_LLMCHAT,
        )
        return decode(Document, data)

    async def list(self, *, page: int = 1, size: int = 20, topic_id: int | None = None) -> Page[Document]:
        query = given(page=page, limit=size, topic_id=topic_id)
        data = await self._connection.call("GET", "/upload", query=query, vendor=_LLMCHAT)
        return read_page(data, "items", lambda item: decode(Document, item))

    async def get(self, document_id: str) -> Document:
        return decode(Document, await self._connection.call("GET", f"/upload/{segment(document_id)}", vendor=_LLMCHAT))

    async def wait(self, document_id: str, *, timeout: float = 300.0) -> Document:
        """As soon as it is ready to be answered from, or has failed. Raises APITimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            document = await self.get(document_id)
            if document.status in ("ready", "failed"):
                return document
            if time.monotonic() > deadline:
                raise APITimeoutError(f"the document was not read within {timeout:.0f} s")
            await sleep(0.5)

    async def delete(self, document_id: str) -> None:
        await self._connection.call("DELETE", f"/upload/{segment(document_id)}", vendor=_LLMCHAT)


class AsyncTopics:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def list(self, *, page: int = 1, size: int = 20) -> Page[Topic]:
        """One's own and those that are shared with one."""
        query = {"page": page, "page_size": size}
        data = await self._connection.call("GET", "/topics", query=query, vendor=_CHAT_SYSTEM)
        return read_page(data, "topics", lambda item: decode(Topic, item))

    async def create(self, name: str, *, description: str = "") -> Topic:
        body = {"name": name, "description": description}
        return decode(Topic, await self._connection.call("POST", "/topics", body=body, vendor=_CHAT_SYSTEM))

    async def get(self, topic_id: int) -> Topic:
        return decode(Topic, await self._connection.call("GET", f"/topics/{segment(topic_id)}", vendor=_CHAT_SYSTEM))

    async def update(self, topic_id: int, *, name: str | None = None, description: str | None = None) -> Topic:
        body = given(name=name, description=description)
        return decode(Topic, await self._connection.call("PUT", f"/topics/{segment(topic_id)}", body=body, vendor=_CHAT_SYSTEM))

    async def share(self, topic_id: int, *, for_everyone: bool = False, user_ids: tuple[int, ...] = ()) -> Topic:
        """With these from now on; who is not named does not see it any more."""
        body = {"for_everyone": for_everyone, "user_ids": list(user_ids)}
        data = await self._connection.call("PUT", f"/topics/{segment(topic_id)}/sharing", body=body, vendor=_CHAT_SYSTEM)
        return decode(Topic, data)

    async def delete(self, topic_id: int) -> None:
        await self._connection.call("DELETE", f"/topics/{segment(topic_id)}", vendor=_CHAT_SYSTEM)
