# Made from chatplatform-client/src/chatplatform_client/_async/connected.py by sdk/python/make_sync.py: change that file.
"""What every client is: somebody with a connection, to be closed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from chatplatform_client._sync.connection import Connection
from chatplatform_client.tokens import Credentials


class Connected:
    _connection: Connection

    @property
    def credentials(self) -> Credentials:
        """The tokens as they are now: keep them to go on as the same person later."""
        return self._connection.credentials

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
