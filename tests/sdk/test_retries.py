"""What is asked again, and when: nothing that could happen twice, nothing before `Retry-After` says so."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx2
import pytest

from chatplatform_client import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    Client,
    NotFoundError,
    RateLimitError,
    ServerError,
    UnexpectedAnswer,
)
from chatplatform_client.errors import api_error
from chatplatform_client.retries import Retries, pause
from tests.acceptance.conftest import another_web_process

BUSY = json.dumps({"success": False, "error": {"code": "SERVICE_UNAVAILABLE", "message": "Later."}})
LOST, NEVER_SENT = APIConnectionError("lost"), APIConnectionError("refused", sent=False)


def refused(status: int, retry_after: str | None = None, text: str = BUSY) -> APIError:
    return api_error(status, text, {} if retry_after is None else {"retry-after": retry_after})


def a_vendor_that_failed(status: int) -> APIError:
    return refused(status, "1", json.dumps({"error": {"code": "X", "message": "Y", "details": {"turn_id": "t"}}}))


@pytest.mark.parametrize(
    ("failure", "when_safe", "else_"),
    [
        (NEVER_SENT, True, True),
        (LOST, True, False),
        (APITimeoutError("slow"), True, False),
        (refused(429, "2"), True, True),
        (refused(503, "2"), True, True),
        (refused(503), True, False),
        (refused(504), True, False),
        (refused(408), True, False),
        (refused(502, text="<html>Bad gateway</html>"), True, False),
        (refused(502), False, False),
        (refused(500), False, False),
        (refused(404), False, False),
        (refused(409, "1"), False, False),
        (a_vendor_that_failed(503), False, False),
        (refused(429, "3600"), False, False),
    ],
    ids=str,
)
def test_what_may_fare_better_is_asked_again(failure, when_safe, else_):
    assert (Retries().wait(0, failure, safe=True) is not None) is when_safe
    assert (Retries().wait(0, failure, safe=False) is not None) is else_
    assert Retries(most=2).wait(2, failure, safe=True) is None


def test_the_platform_says_how_long_to_wait_else_it_gets_longer_and_longer():
    assert Retries().wait(0, refused(503, "7"), safe=True) == 7
    assert Retries(longest_wait=5).wait(0, refused(503, "7"), safe=True) is None
    for attempt, longest in ((0, 0.5), (1, 1), (2, 2), (3, 4), (4, 8), (50, 8)):
        assert longest / 2 <= pause(attempt) <= longest


def answering(*answers: httpx2.Response | Exception) -> tuple[Client, list[httpx2.Request]]:
    """A client of a platform that answers each request with the next of these."""
    asked: list[httpx2.Request] = []
    left = list(answers)

    def handle(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return Client("http://platform", http=httpx2.Client(transport=httpx2.MockTransport(handle))), asked


SOON = {"Retry-After": "0"}
EXCHANGE = {
    "user_message": {"id": "1", "role": "user", "content": "a", "created_at": "2026-01-01T00:00:00Z"},
    "assistant_message": {"id": "2", "role": "assistant", "content": "b", "created_at": "2026-01-01T00:00:00Z"},
    "usage": {},
    "turn_id": "t",
}


def test_a_send_is_repeated_with_the_same_key_and_each_send_has_its_own():
    fine = httpx2.Response(200, json={"success": True, "data": EXCHANGE})
    client, asked = answering(httpx2.Response(503, text=BUSY, headers=SOON), httpx2.ReadError("lost"), fine, fine)
    assert client.messages.send("c", "a").text == "b"
    assert client.messages.send("c", "a").text == "b"
    keys = [request.headers["Idempotency-Key"] for request in asked]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_what_might_have_been_done_is_not_done_again():
    client, asked = answering(httpx2.ReadError("lost"))
    with pytest.raises(APIConnectionError):
        client.conversations.create("a title")
    assert len(asked) == 1


def raising(error: type[Exception]) -> Callable[[Client], None]:
    def ask(client: Client) -> None:
        with pytest.raises(error):
            client.conversations.get("c")

    return ask


@pytest.mark.parametrize(
    ("answers", "outcome"),
    [
        ([httpx2.Response(503, text=BUSY, headers=SOON)] * 4, raising(ServerError)),
        ([httpx2.Response(200, text="<html>")], raising(UnexpectedAnswer)),
        ([httpx2.Response(200, json={"data": []})], raising(UnexpectedAnswer)),
        ([httpx2.ReadTimeout("slow"), httpx2.Response(404, text="{}")], raising(NotFoundError)),
        ([httpx2.Response(302, headers={"Location": "http://elsewhere"})], raising(APIError)),
    ],
    ids=["busy for too long", "no JSON", "another shape", "gone meanwhile", "somewhere else"],
)
def test_what_cannot_be_helped_is_an_error_of_this_package(answers, outcome):
    client, asked = answering(*answers)
    outcome(client)
    assert len(asked) == len(answers)


def ask_until_refused(client: Client) -> None:
    for _ in range(100):
        client.conversations.list()


async def test_the_platforms_own_limits_are_waited_for(client, platform):
    async with another_web_process(platform, RATE_LIMITS="on", RATE_OTHERS="1/s") as strict:
        with Client(strict, token=client.credentials.token) as patient:
            for _ in range(3):
                assert patient.conversations.list().total == 0
        with Client(strict, token=client.credentials.token, max_retries=0) as hasty, pytest.raises(RateLimitError) as limited:
            ask_until_refused(hasty)
        assert limited.value.retry_after == 1
