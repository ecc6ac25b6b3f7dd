"""Which addresses may be written, and which may be connected to: by users, by operators, by nobody."""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from chatplatform.core.errors import InvalidInput
from providers import addresses, upstream
from providers.adapters.ollama import Ollama
from providers.adapters.openai_compatible import OpenAICompatible
from providers.addresses import AddressRefused, check_base_url
from providers.base import Endpoint, Limits, PromptMessage, ProviderError, ProviderFault, ProviderRequest, TextDelta
from tests.vendors.documented import running_vendors

LISTENER = "{port}"
"""The port of somebody who listens on every loopback address of this machine and must not be spoken to."""

# Addresses of this machine, of its network, of nobody, and of clouds' metadata, in every way to write them.
CORPUS = (
    # loopback
    "https://127.0.0.1:{port}/v1",
    "https://127.0.0.2:{port}/v1",
    "https://127.255.255.254:{port}/v1",
    "https://localhost:{port}/v1",
    "https://LOCALHOST:{port}/v1",
    "https://localhost.:{port}/v1",
    "https://llm.localhost:{port}/v1",
    "https://localhost.localdomain:{port}/v1",
    "https://[::1]:{port}/v1",
    "https://[0:0:0:0:0:0:0:1]:{port}/v1",
    "https://[::]:{port}/v1",
    "https://0.0.0.0:{port}/v1",
    "https://0:{port}/v1",
    # the same in the forms that only a resolver reads
    "https://127.1:{port}/v1",
    "https://127.0.1:{port}/v1",
    "https://2130706433:{port}/v1",
    "https://0x7f000001:{port}/v1",
    "https://0x7f.0.0.1:{port}/v1",
    "https://0x7f.1:{port}/v1",
    "https://0177.0.0.1:{port}/v1",
    "https://017700000001:{port}/v1",
    "https://127.0.0.1.:{port}/v1",
    "https://0127.0.0.1:{port}/v1",
    "https://127.0.0.01:{port}/v1",
    "https://127。0。0。1:{port}/v1",
    "https://１２７.0.0.1:{port}/v1",
    "https://①②⑦.⓪.⓪.①:{port}/v1",
    # IPv4 inside IPv6
    "https://[::ffff:127.0.0.1]:{port}/v1",
    "https://[::ffff:7f00:1]:{port}/v1",
    "https://[0:0:0:0:0:ffff:7f00:1]:{port}/v1",
    "https://[::127.0.0.1]:{port}/v1",
    "https://[::ffff:0:127.0.0.1]:{port}/v1",
    "https://[64:ff9b::7f00:1]:{port}/v1",
    "https://[64:ff9b::a9fe:a9fe]:{port}/v1",
    "https://[64:ff9b:1::a9fe:a9fe]:{port}/v1",
    "https://[2002:7f00:1::]:{port}/v1",
    "https://[2002:c0a8:101::1]:{port}/v1",
    "https://[2001:0:7f00:1::1]:{port}/v1",
    # private networks, links, sites
    "https://10.0.0.1:{port}/v1",
    "https://172.16.0.1:{port}/v1",
    "https://172.31.255.254:{port}/v1",
    "https://192.168.1.1:{port}/v1",
    "https://169.254.1.1:{port}/v1",
    "https://100.64.0.1:{port}/v1",
    "https://[fc00::1]:{port}/v1",
    "https://[fd12:3456:789a::1]:{port}/v1",
    "https://[fe80::1]:{port}/v1",
    "https://[fe80::1%25lo]:{port}/v1",
    "https://[fec0::1]:{port}/v1",
    # nobody's, everybody's, tests'
    "https://192.0.0.8:{port}/v1",
    "https://192.0.2.1:{port}/v1",
    "https://192.88.99.1:{port}/v1",
    "https://198.18.0.1:{port}/v1",
    "https://198.51.100.1:{port}/v1",
    "https://203.0.113.1:{port}/v1",
    "https://224.0.0.1:{port}/v1",
    "https://240.0.0.1:{port}/v1",
    "https://255.255.255.255:{port}/v1",
    "https://[ff02::1]:{port}/v1",
    "https://[2001:db8::1]:{port}/v1",
    "https://[3fff::1]:{port}/v1",
    "https://[100::1]:{port}/v1",
    # metadata of clouds
    "https://169.254.169.254/latest/meta-data",
    "https://2852039166/latest/meta-data",
    "https://[::ffff:169.254.169.254]/latest/meta-data",
    "https://[fd00:ec2::254]/latest/meta-data",
    "https://100.100.100.200/latest/meta-data",
    "https://168.63.129.16/machine",
    "https://metadata.google.internal/computeMetadata/v1",
    # other schemes, names and passwords, tricks on parsers
    "http://127.0.0.1:{port}/v1",
    "http://api.openai.com/v1",
    "ftp://127.0.0.1:{port}/v1",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "unix:///var/run/docker.sock",
    "//127.0.0.1:{port}/v1",
    "127.0.0.1:{port}/v1",
    "https://",
    "https:///v1",
    "https://alice:secret@127.0.0.1:{port}/v1",
    "https://api.openai.com@127.0.0.1:{port}/v1",
    "https://127.0.0.1:{port}\\@api.openai.com/v1",
    "https://127.0.0.1:{port}#@api.openai.com/v1",
    "https://127.0.0.1:{port}?@api.openai.com/v1",
    "https://127.0.0.1\t:{port}/v1",
    "https://127.0.0.1:{port}/v1\r\nX-Injected: yes",
    "https://127.0.0.1%00.example.com:{port}/v1",
    "https://127.0.0.1%2eexample.com:{port}/v1",
    "https://[::1]x:{port}/v1",
    "https://[::1:{port}/v1",
    "https://127.0.0.1:99999/v1",
    # a public name at the port of something else
    "https://api.openai.com:22/v1",
    "https://api.openai.com:25/v1",
    "https://api.openai.com:6379/v1",
    # no public name
    "https://intranet:{port}/v1",
    "https://printer.local:{port}/v1",
    "https://db.internal:{port}/v1",
)

METADATA = (
    "http://[fe80::a9fe:a9fe%25lo]/latest/meta-data",
    "http://169.254.169.254/latest/meta-data",
    "http://169.254.170.2/v2/credentials",
    "http://2852039166/latest/meta-data",
    "http://0xa9fea9fe/latest/meta-data",
    "http://[::ffff:169.254.169.254]/latest/meta-data",
    "http://[::ffff:a9fe:a9fe]/latest/meta-data",
    "http://[64:ff9b::a9fe:a9fe]/latest/meta-data",
    "http://[fd00:ec2::254]/latest/meta-data",
    "http://100.100.100.200/latest/meta-data",
    "http://168.63.129.16/machine",
    "http://metadata.google.internal/computeMetadata/v1",
    "http://metadata/computeMetadata/v1",
)


class Listener:
    """Listens on one port of 0.0.0.0 and ::, and counts who connects."""

    def __init__(self) -> None:
        self.connections = 0

    async def start(self) -> int:
        first = await asyncio.start_server(self._greet, "0.0.0.0", 0)
        port: int = first.sockets[0].getsockname()[1]
        self._servers = [first]
        if socket.has_ipv6:
            self._servers.append(await asyncio.start_server(self._greet, "::1", port))
        return port

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        writer.close()

    async def stop(self) -> None:
        for server in self._servers:
            server.close()


class Names(AbstractResolver):
    """A name server that says what it was told to: one answer after the other, then the last again."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET) -> list[ResolveResult]:
        self.asked += 1
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        families = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [
            ResolveResult(
                hostname=host, host=one, port=port, family=families[ipaddress.ip_address(one).version], proto=0, flags=0
            )
            for one in found
        ]

    async def close(self) -> None:
        pass


@pytest.fixture
async def listener() -> AsyncIterator[tuple[Listener, int]]:
    listening = Listener()
    port = await listening.start()
    yield listening, port
    await listening.stop()
    await upstream.close()


@pytest.fixture(scope="module")
def vendors_address() -> Iterator[str]:
    with running_vendors() as (address, _server):
        yield address


async def ask(endpoint: Endpoint, kind: type[OpenAICompatible | Ollama] = OpenAICompatible, model: str = "ok-3") -> str:
    request = ProviderRequest(model=model, messages=(PromptMessage("user", "hello"),), max_tokens=10)
    return "".join([event.text async for event in kind(endpoint).stream(request) if isinstance(event, TextDelta)])


@pytest.mark.parametrize("url", CORPUS)
def test_a_user_cannot_save_what_is_not_https_to_a_public_name(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_base_url(url.format(port=8443), trusted=False)
    assert refused.value.field == "api_base_url"


async def test_nothing_of_the_corpus_is_connected_to_when_it_got_into_the_table_nevertheless(
    listener: tuple[Listener, int],
) -> None:
    listening, port = listener
    written = [url.format(port=port) for url in CORPUS if "//api.openai.com" not in url]  # public: refused when saved
    assert len(written) >= 60
    await asyncio.gather(*(refused(one) for url in written for one in {url, url.replace("https://", "http://")}))
    assert listening.connections == 0


async def refused(base_url: str) -> None:
    endpoint = Endpoint(base_url, "sk-alice", limits=Limits(connect=1, first_token=10, check=10))
    for call in (ask(endpoint), OpenAICompatible(endpoint).check(), Ollama(endpoint).check()):
        with pytest.raises(ProviderError) as failed:
            await call
        assert failed.value.fault in {ProviderFault.REJECTED, ProviderFault.UNAVAILABLE}, base_url


async def test_an_operator_s_local_server_answers_in_the_same_run(listener: tuple[Listener, int], vendors_address: str) -> None:
    base_url = check_base_url(f"{vendors_address}/ollama", trusted=True)
    assert await ask(Endpoint(base_url, trusted=True), Ollama) == "the of and"
    with pytest.raises(ProviderError) as failed:
        await ask(Endpoint(base_url), Ollama)  # a user who wrote the very same address
    assert failed.value.fault is ProviderFault.REJECTED


async def test_an_operator_s_localhost_by_name_answers(vendors_address: str) -> None:
    try:
        base_url = vendors_address.replace("127.0.0.1", "localhost") + "/openai"
        assert await ask(Endpoint(check_base_url(base_url, trusted=True), trusted=True)) == "the of and"
    finally:
        await upstream.close()


@pytest.mark.parametrize("url", METADATA)
async def test_the_metadata_of_clouds_is_refused_to_operators_too(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_base_url(url, trusted=True)
    try:
        with pytest.raises(ProviderError) as failed:
            await ask(Endpoint(url, trusted=True, limits=Limits(connect=1, first_token=5)))
    finally:
        await upstream.close()
    assert failed.value.fault in {ProviderFault.REJECTED, ProviderFault.UNAVAILABLE}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("  https://API.OpenAI.com/v1/ ", "https://api.openai.com/v1"),
        ("https://api.example.com:8443", "https://api.example.com:8443"),
        ("https://1.1.1.1/v1", "https://1.1.1.1/v1"),
        ("https://[2606:4700:4700::1111]/v1", "https://[2606:4700:4700::1111]/v1"),
        ("https://bücher.example.com/v1", "https://xn--bcher-kva.example.com/v1"),
    ],
)
def test_a_public_address_is_kept_as_the_client_reads_it(url: str, kept: str) -> None:
    assert check_base_url(url, trusted=False) == kept


@pytest.mark.parametrize("url", ["http://127.0.0.1:11434", "http://localhost:11434", "http://ollama:11434", "http://10.0.0.7/v1"])
def test_an_operator_s_address_is_taken_as_it_was_written(url: str) -> None:
    assert check_base_url(url, trusted=True) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://alice:secret@127.0.0.1:11434",
        "http://127.0.0.1:11434/?key=1",
        "http://h#x",
        "ftp://h",
        "no url",
        "",
        "http://",
        "http://p]p][|@",
        "https://example.com/" + "é" * 400,
    ],
)
def test_what_is_no_base_url_is_refused_to_operators_too(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_base_url(url, trusted=True)


# Names, and what they resolve to


async def connect(resolver: AbstractResolver, *, trusted: bool = False, port: int = 443) -> None:
    async with upstream.new_session(trusted=trusted, resolver=resolver) as session:
        await session.get(f"https://api.example.com:{port}/", timeout=aiohttp.ClientTimeout(total=2))


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "100.64.0.1"])
async def test_a_name_that_resolves_to_a_private_address_is_not_connected_to(
    address: str, listener: tuple[Listener, int]
) -> None:
    listening, port = listener
    with pytest.raises(aiohttp.ClientConnectorError) as failed:
        await connect(Names([address]), port=port)
    assert isinstance(failed.value.os_error, AddressRefused)
    assert listening.connections == 0


async def test_one_private_address_among_public_ones_refuses_the_name(listener: tuple[Listener, int]) -> None:
    listening, port = listener
    with pytest.raises(aiohttp.ClientConnectorError) as failed:
        await connect(Names(["1.1.1.1", "127.0.0.1"]), port=port)
    assert isinstance(failed.value.os_error, AddressRefused)
    assert listening.connections == 0


async def test_a_name_that_turns_private_after_it_was_public_is_not_connected_to(listener: tuple[Listener, int]) -> None:
    listening, port = listener
    names = Names(["1.1.1.1"], ["127.0.0.1"])
    async with upstream.new_session(trusted=False, resolver=names) as session:
        await names.resolve("api.example.com")  # whoever looked first saw a public one
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"https://api.example.com:{port}/")
    assert listening.connections == 0


async def test_a_name_of_metadata_is_refused_to_operators_at_the_socket() -> None:
    with pytest.raises(aiohttp.ClientConnectorError) as failed:
        await connect(Names(["169.254.169.254"]), trusted=True)
    assert isinstance(failed.value.os_error, AddressRefused)


async def test_a_redirect_to_a_private_address_is_not_followed(listener: tuple[Listener, int], vendors_address: str) -> None:
    with pytest.raises(ProviderError) as failed:
        await ask(Endpoint(f"{vendors_address}/openai", trusted=True), model="redirect")
    assert failed.value.fault is ProviderFault.PROTOCOL


async def test_proxies_of_the_environment_change_nothing(
    listener: tuple[Listener, int], vendors_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listening, port = listener
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    endpoint = Endpoint(f"{vendors_address}/openai", trusted=True)
    assert await ask(endpoint) == "the of and"
    assert await OpenAICompatible(endpoint).list_models() == ("gpt-4o-mini",)
    assert listening.connections == 0


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("1.1.1.1", True),
        ("2606:4700:4700::1111", True),
        ("::ffff:1.1.1.1", True),
        ("64:ff9b::101:101", True),
        ("2002:101:101::1", True),
        ("192.0.0.8", False),
        ("192.88.99.1", False),
        ("224.0.0.1", False),
        ("168.63.129.16", False),
        ("::127.0.0.1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("100.64.0.1", False),
        ("100.100.100.200", False),
        ("::", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("2606:4700:4700::1111%eth0", False),
    ],
)
def test_what_the_standard_library_takes_for_public_is_looked_at_again(address: str, public: bool) -> None:
    assert addresses.is_public(ipaddress.ip_address(address)) is public
