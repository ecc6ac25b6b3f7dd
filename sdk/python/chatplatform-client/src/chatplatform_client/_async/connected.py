"""What every client is: somebody with a connection, to be closed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from chatplatform_client._async.connection import AsyncConnection
from chatplatform_client.tokens import Credentials


class AsyncConnected:
    _connection: AsyncConnection

    @property
    def credentials(self) -> Credentials:
        """The tokens as they are now: keep them to go on as the same person later."""
        return self._connection.credentials

    async def aclose(self) -> None:
        await self._connection.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()
