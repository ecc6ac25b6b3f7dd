"""FastGPT's documented events, read; and what it is asked."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers import upstream
from providers.adapters.fastgpt import FastGPT, FastGPTDecoder
from providers.base import Endpoint, FinishReason, Limits, PromptMessage, ProviderFault, ProviderRequest, UsageReported
from tests.providers.conftest import Heard
from tests.providers.reading import read
from tests.vendors import fastgpt as wire

KEY = "fastgpt-canary4f9d2c7e8a1b"
ASKED = PromptMessage("user", "And in winter?")
TOLD = PromptMessage("system", "Be brief.")
EARLIER = (PromptMessage("user", "Is it warm?"), PromptMessage("assistant", "Yes."))
ALL_STEPS = UsageReported(prompt_tokens=100 + 20 + 30 + 40, completion_tokens=10 + 2 + 3 + 4)


def decoded(frames: bytes, *cuts: int) -> Heard:
    return read(FastGPTDecoder(longest_text=10_000, keys=(KEY,)), frames, cuts=cuts)


def body_of(*messages: PromptMessage, thread: str = "", conversation: str = "") -> dict[str, Any]:
    request = ProviderRequest(model="", messages=messages, max_tokens=100, thread=thread, conversation=conversation)
    return FastGPT(Endpoint("https://api.fastgpt.in/api", KEY)).body(request)


@pytest.mark.parametrize("server", [wire.workflow, wire.newer_workflow])
def test_an_answer_counts_the_tokens_of_every_step_once(server: Callable[..., bytes]) -> None:
    heard = decoded(server("Mild, ", "你好 😀"))
    assert (heard.text, heard.usage, heard.error) == ("Mild, 你好 😀", ALL_STEPS, None)
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.STOP


def test_however_many_steps_are_told_each_is_looked_at_once() -> None:
    decoder = FastGPTDecoder(longest_text=100)
    looks = 0

    class Step(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            nonlocal looks
            looks += key == "id"
            return super().get(key, default)

    for _ in range(100):
        decoder._count([Step(inputTokens=2, outputTokens=1)])
    assert (looks, decoder.usage) == (100, UsageReported(200, 100))


def test_a_sum_of_tokens_that_is_absurd_is_no_usage() -> None:
    decoder = FastGPTDecoder(longest_text=100)
    decoder._count([{"inputTokens": 100_000_000, "outputTokens": 1}] * 30)
    assert decoder.usage is None


def test_a_server_that_tells_no_details_has_no_usage() -> None:
    heard = decoded(wire.without_detail("Mild."))
    assert (heard.text, heard.usage, heard.error) == ("Mild.", None, None)


@given(cuts=st.lists(st.integers(1, 3_000), max_size=40))
def test_however_the_bytes_are_cut_the_text_is_the_same(cuts: list[int]) -> None:
    heard = decoded(wire.workflow("Mild, ", "你好 😀"), *cuts)
    assert (heard.text, heard.usage, heard.error) == ("Mild, 你好 😀", ALL_STEPS, None)


def test_reasoning_and_ready_made_answers_are_understood() -> None:
    ready = wire.event("fastAnswer", wire.chunk({"content": "42"}))
    heard = decoded(wire.thought("Hm.") + ready + wire.ending() + wire.event("flowResponses", []))
    assert (heard.reasoning, heard.text) == ("Hm.", "42")


def test_the_usage_of_an_answer_in_one_body_is_that_of_its_steps() -> None:
    decoder = FastGPTDecoder(longest_text=10_000)
    events = [*decoder.feed_body(orjson.dumps(wire.one_body("All at once."))), *decoder.close()]
    heard = Heard(events)
    assert (heard.text, heard.usage) == ("All at once.", ALL_STEPS)


async def test_details_that_are_too_long_to_read_cost_the_usage_and_not_the_answer() -> None:
    documents = [{"id": "s1", "inputTokens": 5, "outputTokens": 5, "quoteList": ["x" * 5_000]}]
    frames = wire.answer("Mild.") + wire.ending() + wire.event("flowResponses", documents)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + frames)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    adapter = FastGPT(Endpoint(url, KEY, trusted=True, limits=Limits(event_bytes=2_000)))
    request = ProviderRequest(model="", messages=(ASKED,), max_tokens=100)
    heard = Heard([event async for event in adapter.stream(request)])
    await upstream.close()
    server.close()
    assert (heard.text, heard.usage) == ("Mild.", None)
    assert heard.finished is not None


def test_a_total_of_tokens_alone_is_no_usage() -> None:
    step = {"moduleType": "chatNode", "tokens": 685}
    heard = decoded(wire.answer("Mild.") + wire.ending() + wire.event("flowResponses", [step]))
    assert (heard.text, heard.usage) == ("Mild.", None)


@pytest.mark.parametrize(
    ("frames", "text"),
    [(wire.choice(), "Shall I?\n- Confirm\n- Cancel"), (wire.form(), "Who are you?\n- Name\n- Age")],
)
def test_a_step_that_asks_the_person_is_an_answer(frames: bytes, text: str) -> None:
    heard = decoded(frames)
    assert (heard.text, heard.error) == (text, None)


@pytest.mark.parametrize(
    ("status_text", "code", "words", "fault", "retryable"),
    [
        ("unAuthApiKey", 514, "Api Key is illegal", ProviderFault.AUTH, False),
        ("unAuthorization", 403, "wrong credentials", ProviderFault.AUTH, False),
        ("error", 500, "Key is error. You need to use the app key.", ProviderFault.AUTH, False),
        ("insufficientQuota", 510, "no balance", ProviderFault.BUSY, False),
        ("unAuthModel", 511, "not this model", ProviderFault.REJECTED, False),
        ("error", 429, "Rate limit exceeded.", ProviderFault.BUSY, True),
        ("error", 500, "request error", ProviderFault.UNAVAILABLE, True),
        ("teamOverSize", 500000, "too large", ProviderFault.UNAVAILABLE, True),
    ],
)
def test_an_error_inside_a_stream_is_known_by_its_name(
    status_text: str, code: int, words: str, fault: ProviderFault, retryable: bool
) -> None:
    body = {"code": code, "statusText": status_text, "message": f"{words} {KEY}", "data": None}
    error = decoded(wire.event("error", body)).error
    assert error is not None
    assert (error.fault, error.retryable) == (fault, retryable)
    assert KEY not in str(error)


def test_an_error_of_words_alone_is_the_vendor_s() -> None:
    error = decoded(wire.event("error", {"message": "something broke"})).error
    assert error is not None
    assert (error.fault, error.retryable) == (ProviderFault.UNAVAILABLE, True)


def test_a_conversation_that_began_elsewhere_is_told_whole_and_kept_nowhere() -> None:
    body = body_of(TOLD, *EARLIER, ASKED, conversation="c1")
    assert "chatId" not in body
    assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
    assert (body["stream"], body["detail"]) == (True, True)


def test_a_first_message_names_the_conversation_and_brings_the_instructions() -> None:
    body = body_of(TOLD, ASKED, conversation="c1")
    [message] = body["messages"]
    assert body["chatId"] == "c1"
    assert message["content"] == "Instructions:\nBe brief.\n\nThe message to answer:\nAnd in winter?"


def test_a_conversation_that_fastgpt_has_is_continued_with_the_question_alone() -> None:
    body = body_of(TOLD, *EARLIER, ASKED, thread="c1-0a1b", conversation="c1")
    assert (body["chatId"], body["messages"]) == ("c1-0a1b", [{"role": "user", "content": "And in winter?"}])


@pytest.mark.parametrize("base", ["https://fastgpt.example.org/api", "https://fastgpt.example.org/api/v1/"])
def test_the_address_may_be_written_with_its_version_or_without(base: str) -> None:
    request = ProviderRequest(model="", messages=(ASKED,), max_tokens=100)
    assert FastGPT(Endpoint(base)).url(request) == "https://fastgpt.example.org/api/v1/chat/completions"
