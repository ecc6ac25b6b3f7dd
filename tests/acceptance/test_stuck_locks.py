"""A lock that another session forgot to give back refuses who needs it, in time, and nobody else."""

import asyncio
from contextlib import contextmanager

import pytest

from tests.acceptance.conftest import books_agree, database, platform_env, scalar
from tests.client import Client
from tests.running import RunningPlatform


@pytest.fixture(scope="module")
def platform(vendor_url):
    with RunningPlatform(env=platform_env(vendor_url, "ok-5", DATABASE_LOCK_TIMEOUT="0.3"), web_workers=1) as running:
        yield running


@contextmanager
def somebody_holds(platform, table: str, column: str, value: object):
    with database(platform) as connection, connection.transaction():
        statement = f"SELECT 1 FROM {table} WHERE {column}::text = %s FOR UPDATE"
        assert connection.execute(statement.encode(), [str(value)]).fetchone()
        yield


def stored(platform) -> list[object]:
    tables = ("conversations_message", "conversations_turn", "conversations_searchentry", "quotas_reservation")
    return [scalar(platform, f"SELECT count(*) FROM {table}") for table in tables]


async def test_a_send_that_meets_a_held_conversation_is_refused_and_leaves_nothing(platform):
    async with Client(platform.url) as alice, Client(platform.url) as bob:
        await alice.register()
        await bob.register("bob")
        room, other, bobs = (
            await alice.new_conversation(title="held"),
            await alice.new_conversation(title="other"),
            await bob.new_conversation(title="bob's"),
        )
        before = stored(platform)
        with somebody_holds(platform, "conversations_conversation", "uuid", room):
            # More than there are threads for turns: none of them is kept for long.
            answers = await asyncio.gather(*(alice.send(room, "hello") for _ in range(6)))
            assert {(status, answer["error"]["code"]) for status, answer in answers} == {(503, "DATABASE_ERROR")}
            assert stored(platform) == before
            assert (await alice.send(other, "hello"))[0] == 200
            assert (await bob.send(bobs, "hello"))[0] == 200
        assert (await alice.send(room, "hello"))[0] == 200
        assert (await alice.data("GET", "/users/me/quota"))["usage_today"]["requests"] == 2
    books_agree(platform)


async def test_so_does_one_that_meets_held_counters_and_the_conversation_is_free_again(platform):
    async with Client(platform.url) as alice:
        await alice.register()
        room = await alice.new_conversation()
        assert (await alice.send(room, "first"))[0] == 200
        user_id = scalar(platform, "SELECT id FROM accounts_user WHERE username = %s", alice.username)
        before = stored(platform)
        with somebody_holds(platform, "quotas_allowance", "user_id", user_id):
            status, answer = await alice.send(room, "second")
            assert (status, answer["error"]["code"]) == (503, "DATABASE_ERROR")
            assert stored(platform) == before
        assert (await alice.send(room, "third"))[0] == 200
        assert [message["content"] for message in await alice.messages(room) if message["role"] == "user"] == ["first", "third"]
    books_agree(platform)


def test_a_command_may_wait_as_long_as_it_takes(platform):
    script = "from django.db import connection as c; k = c.cursor(); k.execute('SHOW lock_timeout'); print(k.fetchall())"
    shown = platform.manage("shell", "-v0", "-c", script)
    assert shown.stdout.strip() == "[('0',)]", shown.stderr
