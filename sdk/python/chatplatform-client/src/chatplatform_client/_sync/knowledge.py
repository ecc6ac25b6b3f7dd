# Made from chatplatform-client/src/chatplatform_client/_async/knowledge.py by sdk/python/make_sync.py: change that file.
"""Documents that answers are drawn from, and the topics that they are kept under."""

from __future__ import annotations

import time
from pathlib import Path

from chatplatform_client._sync._runtime import sleep
from chatplatform_client._sync.connection import Connection, given
from chatplatform_client.decoding import decode
from chatplatform_client.errors import APITimeoutError
from chatplatform_client.models import Document, Page, Topic, read_page
from chatplatform_client.paths import segment

_LLMCHAT, _CHAT_SYSTEM = "llmchat", "chat-system"


def named_file(file: Path | str | bytes, name: str) -> tuple[str, bytes]:
    return (name, file) if isinstance(file, bytes) else (name or Path(file).name, Path(file).read_bytes())


class Documents:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def upload(
        self,
        file: Path | str | bytes,
        *,
        name: str = "",
        type: str | None = None,
        description: str | None = None,
        topic_id: int | None = None,
    ) -> Document:
        """`file` is a path, or the content itself with a `name`. The answer comes before the document was read: see `wait`."""
        data = self._connection.call(
            "POST",
            "/upload",
            file=named_file(file, name),
            form=given(type=type, description=description, topic_id=topic_id),
            vendor=_LLMCHAT,
        )
        return decode(Document, data)

    def list(self, *, page: int = 1, size: int = 20, topic_id: int | None = None) -> Page[Document]:
        query = given(page=page, limit=size, topic_id=topic_id)
        data = self._connection.call("GET", "/upload", query=query, vendor=_LLMCHAT)
        return read_page(data, "items", lambda item: decode(Document, item))

    def get(self, document_id: str) -> Document:
        return decode(Document, self._connection.call("GET", f"/upload/{segment(document_id)}", vendor=_LLMCHAT))

    def wait(self, document_id: str, *, timeout: float = 300.0) -> Document:
        """As soon as it is ready to be answered from, or has failed. Raises APITimeoutError after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            document = self.get(document_id)
            if document.status in ("ready", "failed"):
                return document
            if time.monotonic() > deadline:
                raise APITimeoutError(f"the document was not read within {timeout:.0f} s")
            sleep(0.5)

    def delete(self, document_id: str) -> None:
        self._connection.call("DELETE", f"/upload/{segment(document_id)}", vendor=_LLMCHAT)


class Topics:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(self, *, page: int = 1, size: int = 20) -> Page[Topic]:
        """One's own and those that are shared with one."""
        query = {"page": page, "page_size": size}
        data = self._connection.call("GET", "/topics", query=query, vendor=_CHAT_SYSTEM)
        return read_page(data, "topics", lambda item: decode(Topic, item))

    def create(self, name: str, *, description: str = "") -> Topic:
        body = {"name": name, "description": description}
        return decode(Topic, self._connection.call("POST", "/topics", body=body, vendor=_CHAT_SYSTEM))

    def get(self, topic_id: int) -> Topic:
        return decode(Topic, self._connection.call("GET", f"/topics/{segment(topic_id)}", vendor=_CHAT_SYSTEM))

    def update(self, topic_id: int, *, name: str | None = None, description: str | None = None) -> Topic:
        body = given(name=name, description=description)
        return decode(Topic, self._connection.call("PUT", f"/topics/{segment(topic_id)}", body=body, vendor=_CHAT_SYSTEM))

    def share(self, topic_id: int, *, for_everyone: bool = False, user_ids: tuple[int, ...] = ()) -> Topic:
        """With these from now on; who is not named does not see it any more."""
        body = {"for_everyone": for_everyone, "user_ids": list(user_ids)}
        data = self._connection.call("PUT", f"/topics/{segment(topic_id)}/sharing", body=body, vendor=_CHAT_SYSTEM)
        return decode(Topic, data)

    def delete(self, topic_id: int) -> None:
        self._connection.call("DELETE", f"/topics/{segment(topic_id)}", vendor=_CHAT_SYSTEM)
