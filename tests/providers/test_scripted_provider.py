"""The scripted provider keeps the boundary's promises, since other tests believe in it."""

import asyncio

import pytest

from providers.base import Finished, FinishReason, ProviderError, ProviderEvent, ProviderFault, TextDelta, UsageReported
from providers.testing import ScriptedProvider, fail, report, say, wait
from tests.providers.conftest import request


async def test_it_says_its_script_and_ends() -> None:
    provider = ScriptedProvider(say("Hel"), wait(0.001), say("lo"), report(5, 2))
    events = [event async for event in provider.stream(request("m"))]
    assert events == [TextDelta("Hel"), TextDelta("lo"), UsageReported(5, 2), Finished(FinishReason.STOP, "m")]
    assert (provider.active, provider.hung_up, len(provider.requests)) == (0, 0, 1)


async def test_it_fails_where_it_is_told_to() -> None:
    provider = ScriptedProvider(say("Hel"), fail(ProviderFault.CUT))
    heard: list[ProviderEvent] = []

    async def hear() -> None:
        async for event in provider.stream(request("m")):
            heard.append(event)

    with pytest.raises(ProviderError):
        await hear()
    assert heard == [TextDelta("Hel")]


async def test_it_may_answer_what_was_asked() -> None:
    provider = ScriptedProvider(lambda asked: [say(asked.messages[-1].content)])
    events = [event async for event in provider.stream(request("m", content="echo"))]
    assert events[0] == TextDelta("echo")


async def test_it_knows_who_hung_up() -> None:
    provider = ScriptedProvider(say("Hel"), wait(asyncio.Event()))
    stream = provider.stream(request("m"))
    await anext(stream)
    assert provider.active == 1
    await stream.aclose()
    assert (provider.active, provider.hung_up) == (0, 1)
