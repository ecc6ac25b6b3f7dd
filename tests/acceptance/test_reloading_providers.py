"""`manage.py reload_providers` while two web processes are busy: no turn fails, and both know what it did within two seconds."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from tests.acceptance.conftest import another_web_process, database, platform_env
from tests.client import Client, Stream
from tests.running import RunningPlatform

SEES_WITHIN = 2.0
PEOPLE = 6

FILE = """
[providers.second]
kind = "custom"
base_url = "{url}"
api_key_env = "SECOND_KEY"
model = "ok-20-rate-500"
for_everyone = true

[agents.writer]
name = "Writer"
provider = "second"
"""


@pytest.fixture(scope="module")
def platform(vendor_url):
    env = platform_env(vendor_url, "ok-50-rate-200", RATE_LIMITS="off", SECOND_KEY="sk-canary-second-0123456789")
    with RunningPlatform(env=env, web_workers=1) as running:
        yield running


class Load:
    """Some people who send one message after the other, each at both processes in turn."""

    def __init__(self) -> None:
        self.answers: list[Stream] = []
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    async def run(self, client: Client, urls: tuple[str, str]) -> None:
        room = await client.new_conversation()
        while not self._stopping:
            for client.url in urls:
                self.answers.append(await client.stream(room, "hello"))


async def without_limits(platform: RunningPlatform, client: Client) -> None:
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET tier = 'enterprise' WHERE username = %s", (client.username,))


async def lists(client: Client, url: str, model: str) -> bool:
    client.url = url
    return any(one["id"] == model for one in (await client.data("GET", "/models"))["models"])


async def until_all_see(client: Client, urls: tuple[str, str], model: str, *, there: bool) -> float:
    began = time.monotonic()
    for url in urls:
        while await lists(client, url, model) is not there:
            assert time.monotonic() - began < SEES_WITHIN, f"{url} does not know of it"
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.mark.asyncio
async def test_a_reload_under_load_fails_no_turn_and_both_processes_see_it(platform):
    file = platform.data_dir / "providers.toml"
    vendor = platform.environment["OPENAI_BASE_URL"]
    load = Load()
    async with AsyncExitStack() as stack:
        urls = (platform.url, await stack.enter_async_context(another_web_process(platform)))
        alice, *people = [await stack.enter_async_context(Client(platform.url)) for _ in range(PEOPLE + 1)]
        for client in (alice, *people):
            await without_limits(platform, await client.register())
        running = [asyncio.create_task(load.run(client, urls)) for client in people]
        stack.callback(load.stop)
        await asyncio.sleep(1)

        for text, there in ((FILE.format(url=vendor), True), ("", False), (FILE.format(url=vendor), True)):
            file.write_text(text)
            done = await asyncio.to_thread(platform.manage, "reload_providers")
            assert done.returncode == 0, done.stderr
            await until_all_see(alice, urls, "ok-20-rate-500", there=there)
            for alice.url in urls:
                answer = await alice.stream(await alice.new_conversation(), "hello", model="ok-20-rate-500")
                assert answer.status == (200 if there else 503), answer.error

        file.write_text('[providers.second]\nkind = "custm"')
        refused = await asyncio.to_thread(platform.manage, "reload_providers")
        assert refused.returncode == 1
        assert "providers.toml: 第 2 行" in refused.stderr
        await until_all_see(alice, urls, "ok-20-rate-500", there=True)
        load.stop()
        await asyncio.gather(*running)

    assert len(load.answers) > 4 * PEOPLE
    failed = [answer for answer in load.answers if answer.status != 200 or (answer.end or {}).get("type") != "end"]
    assert failed == []
    assert "sk-canary" not in platform.output + platform.log("web-1")


def test_the_file_is_applied_at_the_start_and_a_bad_one_stops_no_start(vendor_url):
    env = platform_env(vendor_url, "ok-20", SECOND_KEY="sk-canary-second-0123456789")
    with RunningPlatform(env=env, web_workers=1) as platform:
        file = platform.data_dir / "providers.toml"
        assert platform.terminate() == 0
        file.write_text(FILE.format(url=vendor_url))
        platform.start()
        assert "nothing to change" in platform.manage("reload_providers").stdout
        assert platform.terminate() == 0
        file.write_text("[providers.second]\nkind = 7")
        platform.start()
        assert "providers.toml" in platform.output
        assert "2" in platform.output.partition("providers.toml")[2].splitlines()[0]
