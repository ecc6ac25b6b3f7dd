"""Quotas hold to the last request and token, however many ask at once and in however many processes."""

import asyncio

import pytest

from tests.acceptance.conftest import books_agree, database, platform_env, scalar
from tests.client import Client
from tests.running import RunningPlatform

AT_ONCE = 200
LEFT = 10
ROUNDS = 20


@pytest.fixture(scope="module")
def platform(vendor_url):
    with RunningPlatform(env=platform_env(vendor_url, "ok-5", RATE_LIMITS="off"), web_workers=2) as running:
        yield running


def put_in_tier(platform, client: Client, slug: str, **limits: int | None) -> None:
    with database(platform) as connection:
        connection.execute(
            "INSERT INTO quotas_tier (slug, name, daily_requests, monthly_requests, daily_tokens, monthly_tokens, updated_at)"
            " VALUES (%(slug)s, %(slug)s, %(daily_requests)s, NULL, %(daily_tokens)s, NULL, now())"
            " ON CONFLICT (slug) DO UPDATE"
            " SET daily_requests = excluded.daily_requests, daily_tokens = excluded.daily_tokens",
            {"slug": slug, "daily_requests": None, "daily_tokens": None} | limits,
        )
        connection.execute("UPDATE accounts_user SET tier = %s WHERE username = %s", (slug, client.username))


async def conversations(client: Client, count: int) -> list[str]:
    return list(await asyncio.gather(*(client.new_conversation(title=str(n)) for n in range(count))))


async def send_either_way(client: Client, n: int, conversation: str) -> tuple[int, str]:
    """Half of them as one JSON body, half as a stream: status and code."""
    if n % 2:
        status, answer = await client.send(conversation, "hello")
        return status, answer.get("error", {}).get("code", "")
    stream = await client.stream(conversation, "hello")
    return stream.status, (stream.error or {}).get("error", {}).get("code", "")


@pytest.mark.asyncio
async def test_of_200_sends_at_once_with_10_requests_left_exactly_10_are_accepted_in_each_of_twenty_rounds(platform):
    async with Client(platform.url) as alice:
        await alice.register()
        rooms = await conversations(alice, AT_ONCE)
        for turn in range(1, ROUNDS + 1):
            put_in_tier(platform, alice, "ten-left", daily_requests=LEFT * turn)
            await asyncio.sleep(0.6)  # tiers and users are known to every process within half a second
            results = await asyncio.gather(*(send_either_way(alice, n, room) for n, room in enumerate(rooms)))
            accepted = [result for result in results if result[0] == 200]
            refused = [result for result in results if result == (429, "QUOTA_EXCEEDED")]
            assert (len(accepted), len(refused)) == (LEFT, AT_ONCE - LEFT), f"round {turn}: {set(results)}"
        quota = await alice.data("GET", "/users/me/quota")
        assert quota["usage_today"]["requests"] == LEFT * ROUNDS
        assert quota["remaining_today"]["requests"] == 0
        assert scalar(platform, "SELECT count(*) FROM conversations_message WHERE role = 'user'") == LEFT * ROUNDS, (
            "a refused send stores nothing"
        )
    books_agree(platform)


@pytest.mark.asyncio
async def test_fifty_sends_at_once_never_carry_the_tokens_past_their_limit(platform):
    limit = 3_000
    async with Client(platform.url) as bob:
        await bob.register("bob")
        rooms = await conversations(bob, 50)
        put_in_tier(platform, bob, "few-tokens", daily_tokens=limit)
        await asyncio.sleep(0.6)
        statuses = []
        for max_tokens in (None, 200, 16):  # what is left over after one round is asked for in the next
            more = {} if max_tokens is None else {"max_tokens": max_tokens}
            answers = await asyncio.gather(*(bob.send(room, "hello " * 20, **more) for room in rooms))
            statuses += [status for status, _ in answers]
            quota = await bob.data("GET", "/users/me/quota")
            assert quota["usage_today"]["tokens"] <= limit
        assert set(statuses) == {200, 429}
        highest = scalar(
            platform,
            "SELECT max(tokens_used + tokens_reserved) FROM quotas_allowance a JOIN accounts_user u ON u.id = a.user_id"
            " WHERE u.username = %s",
            bob.username,
        )
        assert highest <= limit
    books_agree(platform)
