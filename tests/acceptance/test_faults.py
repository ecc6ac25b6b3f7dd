"""Parts that die in the middle of answers, clients that do not read, and people who send the same thing twice."""

import asyncio
import os
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
import psutil
import pytest
import redis

from chatplatform import environment
from tests.acceptance.conftest import another_web_process, books_agree, database, platform_env, scalar
from tests.client import Client, Stream
from tests.running import RunningPlatform
from tests.vendors.scripts import words

DELTAS = 200
MODEL = f"ok-{DELTAS}-rate-40"
TEXT = words(DELTAS)
STREAMS = 30
UNREAD_LONGEST = 40.0


@pytest.fixture(scope="module")
def platform(vendor_url) -> Iterator[RunningPlatform]:
    with RunningPlatform(env=platform_env(vendor_url, MODEL, RATE_LIMITS="off"), web_workers=2) as running:
        yield running


@dataclass
class Frozen:
    """A client that sends a message, asks for the answer as a stream and never reads a byte of it."""

    connection: socket.socket
    turn_conversation: str
    token: str
    since: float

    def is_connected(self, platform: RunningPlatform) -> bool:
        port = self.connection.getsockname()[1]
        return any(
            link.raddr and link.raddr.port == port
            for pid in platform.web_pids
            for link in psutil.Process(pid).net_connections("tcp")
        )


@pytest.fixture(scope="module", autouse=True)
def frozen(platform) -> Iterator[Frozen]:
    """Begun before the other tests, since it takes the server half a minute to lose its patience."""

    async def prepare() -> tuple[str, str]:
        async with Client(platform.url) as client:
            await client.register("frozen")
            return await client.new_conversation(), client.token

    conversation, token = asyncio.run(prepare())
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    host, port = platform.url.removeprefix("http://").split(":")
    connection.connect((host, int(port)))
    body = b'{"content": "hello"}'
    connection.sendall(
        f"POST /api/v1/conversations/{conversation}/messages/stream HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    yield Frozen(connection, conversation, token, time.monotonic())
    connection.close()


async def begin(client: Client, count: int) -> tuple[list[str], list[asyncio.Task[Stream]]]:
    """`count` answers that are being written, each in a conversation of its own."""
    rooms = list(await asyncio.gather(*(client.new_conversation(title=str(n)) for n in range(count))))
    streams = [asyncio.create_task(client.stream(room, f"question {n}")) for n, room in enumerate(rooms)]
    await asyncio.sleep(1.5)
    assert not any(stream.done() for stream in streams)
    return rooms, streams


def make_rich(platform: RunningPlatform, client: Client) -> None:
    with database(platform) as connection:
        connection.execute("UPDATE accounts_user SET tier = 'enterprise' WHERE username = %s", (client.username,))


async def works_again(client: Client, conversation: str, sends: int = 8) -> None:
    """Through every web process: each connection goes to one of them."""
    deadline = time.monotonic() + 10
    while True:
        answers = await asyncio.gather(*(client.send(conversation, "and now?", max_tokens=16) for _ in range(sends)))
        statuses = sorted(status for status, _ in answers)
        if statuses == [200, *[409] * (sends - 1)]:
            return
        assert time.monotonic() < deadline, statuses
        await asyncio.sleep(0.3)


async def nothing_runs(platform: RunningPlatform, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while scalar(platform, "SELECT count(*) FROM conversations_turn WHERE state = 'running'"):
        assert time.monotonic() < deadline, "a turn still runs"
        await asyncio.sleep(0.2)


@pytest.mark.asyncio
async def test_postgres_killed_in_the_middle_of_thirty_streams(platform):
    async with Client(platform.url) as alice:
        await alice.register()
        make_rich(platform, alice)
        await asyncio.sleep(0.6)
        rooms, streams = await begin(alice, STREAMS)
        os.kill(platform.children["postgres"], signal.SIGKILL)
        during = await asyncio.gather(*(alice.send(rooms[0], "now?") for _ in range(5)))
        assert {status for status, _ in during} <= {409, 503}, "no answer is a 500"
        finished = await asyncio.gather(*streams)
        assert [stream.text for stream in finished] == [TEXT] * STREAMS, "the streams went on"
        assert all(stream.end["type"] == "end" for stream in finished)
        for number, (room, stream) in enumerate(zip(rooms, finished, strict=True)):
            question, answer = await alice.messages(room)
            assert question["content"] == f"question {number}"
            assert (answer["content"], answer["status"]) == (stream.text, "complete")
        await works_again(alice, rooms[1])
    await nothing_runs(platform, 35)
    assert scalar(platform, "SELECT count(*) FROM quotas_reservation WHERE state = 'open'") == 0
    books_agree(platform)


@pytest.mark.asyncio
async def test_valkey_killed_in_the_middle_of_streams(platform):
    async with another_web_process(platform) as other, Client(platform.url) as alice, Client(other) as tab:
        await alice.register()
        make_rich(platform, alice)
        await asyncio.sleep(0.6)
        tab.token = alice.token
        rooms, streams = await begin(alice, 10)
        os.kill(platform.children["valkey"], signal.SIGKILL)
        turns = await asyncio.gather(*(running_turn(platform, room) for room in rooms))
        elsewhere = await asyncio.gather(*(tab.resume(turn, 0) for turn in turns))
        here = await asyncio.gather(*streams)
        for mine, theirs in zip(here, elsewhere, strict=True):
            assert mine.text == theirs.text == TEXT
            assert [frame.id for frame in theirs.frames] == list(range(1, DELTAS + 3))
        await works_again(alice, rooms[0])
        again = await alice.stream(rooms[1], "and you?", most=3)
        rest = await tab.resume(again.start["turn_id"], again.last_id)
        assert again.text + rest.text == TEXT, "and by Redis as before"


async def running_turn(platform: RunningPlatform, conversation: str) -> str:
    sql = "SELECT t.uuid FROM conversations_turn t JOIN conversations_conversation c ON c.id = conversation_id WHERE c.uuid = %s"
    return str(await asyncio.to_thread(scalar, platform, sql, conversation))


@pytest.mark.asyncio
async def test_a_conversation_deleted_while_it_streams(platform):
    async with Client(platform.url) as alice:
        await alice.register()
        [room], [stream] = await begin(alice, 1)
        turn = await running_turn(platform, room)
        asked_at = time.monotonic()
        status, _ = await alice.call("DELETE", f"/conversations/{room}")
        assert status == 200
        assert time.monotonic() - asked_at < 1
        ending = (await asyncio.wait_for(stream, 3)).end
        assert (ending["type"], ending.get("stopped")) == ("end", True)
        for method, path in (
            ("GET", f"/conversations/{room}/messages"),
            ("GET", f"/turns/{turn}"),
            ("DELETE", f"/conversations/{room}"),
        ):
            assert (await alice.call(method, path))[0] == 404
        assert (await alice.send(room, "still there?"))[0] == 404
        assert (await alice.resume(turn, 0)).status == 404
    of_room = "FROM conversations_conversation c JOIN conversations_message m ON m.conversation_id = c.id WHERE c.uuid = %s"
    assert scalar(platform, f"SELECT string_agg(m.content, '') {of_room}", room) == ""
    kept = "SELECT text || encode(marks, 'hex') || error_detail FROM conversations_turn WHERE uuid = %s"
    assert scalar(platform, kept, turn) == ""
    with redis.Redis(unix_socket_path=str(environment.socket_dir(platform.data_dir) / "valkey.sock")) as valkey:
        assert not valkey.exists(f"turn:{uuid.UUID(turn).hex}")
    usage = "SELECT completion_tokens FROM quotas_usage WHERE turn_id = %s"
    assert scalar(platform, usage, turn) > 0, "what was used stays counted"
    books_agree(platform)


@pytest.mark.asyncio
async def test_fifty_sends_from_each_of_two_tabs_are_one_turn(platform):
    async with Client(platform.url) as alice, Client(platform.url) as tab:
        await alice.register()
        tab.token = alice.token
        room = await alice.new_conversation()
        streams = [client.stream(room, f"tab {n}", max_tokens=16) for n in range(50) for client in (alice, tab)]
        results = await asyncio.gather(*streams)
        accepted = [stream for stream in results if stream.status == 200]
        refused = [stream.error["error"] for stream in results if stream.status == 409]
        assert (len(accepted), len(refused)) == (1, 99)
        assert {error["details"]["turn_id"] for error in refused} == {accepted[0].start["turn_id"]}, (
            "each is told which turn runs"
        )
        question, answer = await alice.messages(room)
        assert (question["role"], answer["role"], answer["content"]) == ("user", "assistant", accepted[0].text)


@pytest.mark.asyncio
async def test_the_same_send_twenty_times_at_once_is_one_turn_one_charge_and_one_call(platform, vendor_url):
    async with Client(platform.url) as alice, aiohttp.ClientSession() as vendor:
        await alice.register()
        room = await alice.new_conversation()
        before = await asked(vendor, vendor_url)
        key, body = {"Idempotency-Key": f"key-{room}"}, {"content": "once only", "max_tokens": 16}
        path = f"/conversations/{room}/messages"
        answers = await asyncio.gather(*(alice.call("POST", path, body, **key) for _ in range(20)))
        assert {status for status, _ in answers} == {200}
        ids = {(data["data"]["user_message"]["id"], data["data"]["assistant_message"]["id"]) for _, data in answers}
        assert len(ids) == 1
        assert {data["data"]["assistant_message"]["content"] for _, data in answers} == {words(16)}
        assert await asked(vendor, vendor_url) - before == 1
        assert (await alice.data("GET", "/users/me/quota"))["usage_today"]["requests"] == 1
        assert len(await alice.messages(room)) == 2

        later, again = await alice.call("POST", path, body, **key)
        assert (later, {(again["data"]["user_message"]["id"], again["data"]["assistant_message"]["id"])}) == (200, ids)
        status, refused = await alice.call("POST", path, {"content": "something else"}, **key)
        assert status == 422, refused


async def asked(vendor: aiohttp.ClientSession, url: str) -> int:
    async with vendor.get(f"{url.removesuffix('/v1')}/_stats") as answer:
        return (await answer.json())["requests"]


@pytest.mark.asyncio
async def test_a_client_that_never_reads_loses_its_connection_and_nothing_else(platform, frozen):
    """(It began before all others, and they went well beside it.)"""
    async with Client(platform.url) as client:
        client.token = frozen.token
        _, answer = await client.messages(frozen.turn_conversation)
        assert (answer["content"], answer["status"]) == (TEXT, "complete"), "its answer was written to the end"
    while frozen.is_connected(platform):
        assert time.monotonic() - frozen.since < UNREAD_LONGEST, "the connection is still open"
        await asyncio.sleep(0.5)
