"""Who is asked when the one who was meant fails before its first token."""

import asyncio
from contextlib import aclosing

import pytest
import redis.asyncio
from django.conf import settings

from providers import breaker
from providers.base import (
    Finished,
    PromptMessage,
    ProviderError,
    ProviderFault,
    ProviderRequest,
    ReasoningDelta,
    TextDelta,
    ThreadNamed,
)
from providers.breaker import FAILURES, Breakers
from providers.catalogue import FREE
from providers.directory import Route
from providers.fallback import Candidate, Chain
from providers.testing import ScriptedProvider, fail, say, wait

REQUEST = ProviderRequest(model="", messages=(PromptMessage("user", "Why?"),), max_tokens=500)


def route(number: int, *, window: int = 8_000, longest: int = 4_000) -> Route:
    return Route(
        provider_id=number,
        provider_name=f"vendor {number}",
        asked="",
        model=f"model-{number}",
        context_window=window,
        max_output=longest,
        price=FREE,
    )


@pytest.fixture
async def breakers():
    connection = redis.asyncio.from_url(settings.REDIS_URL)
    await connection.delete(breaker.KEY)
    yield Breakers(connection)
    await connection.delete(breaker.KEY)
    await connection.aclose()


async def never(_route: Route):
    raise AssertionError("all are open")


async def ask(breakers: Breakers, *candidates: Candidate, prompt_tokens: int = 100) -> list:
    chain = Chain(candidates, open_later=never, breakers=breakers, prompt_tokens=prompt_tokens)
    spoken = await chain.ask(REQUEST)
    async with aclosing(spoken.events) as events:
        return [spoken.route, *spoken.beginning, *[event async for event in events]]


async def test_the_first_answers_and_nobody_else_is_asked(breakers):
    first, second = ScriptedProvider(say("Hello")), ScriptedProvider(say("Hi"))
    events = await ask(breakers, Candidate(route(1), first), Candidate(route(2), second))
    assert events == [route(1), TextDelta("Hello"), Finished(events[-1].reason, "model-1")]
    assert not second.requests


@pytest.mark.parametrize("fault", list(ProviderFault))
async def test_the_next_is_asked_whatever_went_wrong_before_the_first_token(breakers, fault):
    first, second = ScriptedProvider(fail(fault)), ScriptedProvider(say("Hi"))
    events = await ask(breakers, Candidate(route(1), first), Candidate(route(2), second, thread="theirs"))
    assert events[:2] == [route(2), TextDelta("Hi")]
    assert second.requests[0].model == "model-2"
    assert second.requests[0].thread == "theirs"


async def test_one_that_cannot_even_be_asked_is_passed_over(breakers):
    error = ProviderError(ProviderFault.AUTH, "the key cannot be opened")
    events = await ask(breakers, Candidate(route(1), error), Candidate(route(2), ScriptedProvider(say("Hi"))))
    assert events[:2] == [route(2), TextDelta("Hi")]


@pytest.mark.parametrize("word", [TextDelta("Hel"), ReasoningDelta("Hmm")])
async def test_nobody_else_is_asked_after_a_first_token(breakers, word):
    first, second = ScriptedProvider(word, fail(ProviderFault.CUT)), ScriptedProvider(say("Hi"))
    with pytest.raises(ProviderError) as raised:
        await ask(breakers, Candidate(route(1), first), Candidate(route(2), second))
    assert raised.value.fault is ProviderFault.CUT
    assert not second.requests


async def test_the_name_of_a_thread_is_no_token(breakers):
    first = ScriptedProvider(ThreadNamed("left alone"), fail(ProviderFault.UNAVAILABLE))
    events = await ask(
        breakers, Candidate(route(1), first), Candidate(route(2), ScriptedProvider(ThreadNamed("theirs"), say("Hi")))
    )
    assert events[:3] == [route(2), ThreadNamed("theirs"), TextDelta("Hi")]


async def test_when_all_fail_the_person_hears_of_the_one_who_was_meant(breakers):
    first = ScriptedProvider(fail(ProviderFault.BUSY, retry_after=30))
    with pytest.raises(ProviderError) as raised:
        await ask(
            breakers,
            Candidate(route(1), first),
            Candidate(route(2), ScriptedProvider(fail(ProviderFault.AUTH))),
            Candidate(route(3), ScriptedProvider(fail(ProviderFault.UNAVAILABLE))),
        )
    assert (raised.value.fault, raised.value.retry_after) == (ProviderFault.BUSY, 30)


async def test_a_fallback_whose_context_is_too_small_is_passed_over_and_a_shorter_answer_is_asked_for(breakers):
    failing = ScriptedProvider(fail(ProviderFault.UNAVAILABLE))
    small, short = ScriptedProvider(say("no")), ScriptedProvider(say("yes"))
    await ask(
        breakers,
        Candidate(route(1), failing),
        Candidate(route(2, window=105), small),
        Candidate(route(3, longest=40), short),
    )
    assert not small.requests
    assert short.requests[0].max_tokens == 40


async def test_one_that_failed_again_and_again_is_not_asked_at_all(breakers):
    first, second = ScriptedProvider(fail(ProviderFault.TIMEOUT)), ScriptedProvider(say("Hi"))
    for _ in range(FAILURES + 3):
        await ask(breakers, Candidate(route(1), first), Candidate(route(2), second))
    assert len(first.requests) == FAILURES
    with pytest.raises(ProviderError) as raised:
        await ask(breakers, Candidate(route(1), first))
    assert raised.value.fault is ProviderFault.UNAVAILABLE
    assert 0 < (raised.value.retry_after or 0) <= breaker.COOL_DOWN_SECONDS


async def test_whoever_stops_reading_hangs_up_on_the_one_who_answers(breakers):
    first, second = ScriptedProvider(fail(ProviderFault.CUT)), ScriptedProvider(say("a"), say("b"), say("c"))
    candidates = [Candidate(route(1), first), Candidate(route(2), second)]
    chain = Chain(candidates, open_later=never, breakers=breakers, prompt_tokens=1)
    spoken = await chain.ask(REQUEST)
    async with aclosing(spoken.events) as events:
        assert await anext(events) == TextDelta("b")
    assert second.active == 0
    assert second.hung_up == 1


async def test_whoever_leaves_before_the_first_word_hangs_up_too(breakers):
    silent = ScriptedProvider(wait(60), say("late"))
    asking = asyncio.create_task(ask(breakers, Candidate(route(1), silent)))
    while not silent.active:
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (silent.active, silent.hung_up) == (0, 1)
