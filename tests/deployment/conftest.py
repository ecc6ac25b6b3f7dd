"""The stack of docker-compose.yml, started once for this folder, and people who come to it from addresses of their own."""

import itertools
import shutil
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from tests.acceptance.conftest import vendor
from tests.client import Client
from tests.deployment.stack import HOST, PROGRAMS, Stack

DELTAS = 150
MODEL = f"ok-{DELTAS}-rate-50"  # three seconds of it
_addresses = (f"127.0.{high}.{low}" for high, low in itertools.product(range(1, 250), range(1, 250)))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"not installed: {', '.join(missing)} (apt-get install nginx-light redis-server wget openssl)")
    folder = Path(tempfile.mkdtemp(prefix="chatplatform-stack-"))
    folder.chmod(0o711)
    with vendor() as vendor_url:
        running = Stack(folder, vendor_url, MODEL)
        try:
            running.start()
            yield running
        finally:
            running.close()
            shutil.rmtree(running.place.home, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)


class Visitor(Client):
    """A person at another address of this machine: 127.0.0.0/8 is all ours, so nginx sees each of them come from elsewhere."""

    def __init__(self, stack: Stack, url: str = "", address: str = "") -> None:
        super().__init__(url or stack.url)
        self.address = address or next(_addresses)
        self._certificate = stack.secrets / "tls_certificate"

    async def __aenter__(self) -> "Visitor":
        connector = aiohttp.TCPConnector(
            limit=0,
            local_addr=(self.address, 0),
            resolver=_OneHost(),
            ssl=ssl.create_default_context(cafile=str(self._certificate)),
        )
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=aiohttp.ClientTimeout(total=120), headers={"Host": self._host} if self._host else None
        )
        return self

    @property
    def _host(self) -> str:
        """Past nginx the name must be said; through it, it is in the address."""
        return "" if HOST in self.url else HOST


class _OneHost(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        assert host == HOST
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass
