"""Ollama's documented lines, read; and what it is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.ollama import ChatDecoder, Ollama
from providers.base import Endpoint, FinishReason, PromptMessage, ProviderFault, ProviderRequest, UsageReported
from tests.providers.conftest import Heard
from tests.providers.reading import read
from tests.vendors import ollama as wire
from tests.vendors.wire import PROMPT_TOKENS, Asked

WIRE = wire.OllamaWire()
ASKED = Asked("POST", "/api/chat", {}, {}, {})
TALK = (PromptMessage("system", "Be brief."), PromptMessage("user", "hello"))


def decoded(lines: bytes, *cuts: int) -> Heard:
    return read(ChatDecoder(longest_text=10_000), lines, cuts=cuts, lines=True)


@given(cuts=st.lists(st.integers(1, 1_000), max_size=40))
def test_however_the_bytes_are_cut_the_text_is_the_same(cuts: list[int]) -> None:
    heard = decoded(WIRE.thought("Hm.") + WIRE.delta("Hello, ") + WIRE.delta("你好 😀") + WIRE.ending(ASKED, 9), *cuts)
    assert (heard.reasoning, heard.text, heard.error) == ("Hm.", "Hello, 你好 😀", None)
    assert heard.usage == UsageReported(PROMPT_TOKENS, 9)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"done_reason": "stop"}, FinishReason.STOP),
        ({"done_reason": "length"}, FinishReason.LENGTH),
        ({"done_reason": "load"}, FinishReason.OTHER),
        ({}, FinishReason.OTHER),
    ],
)
def test_each_reason_is_an_ending(fields: dict[str, str], reason: FinishReason) -> None:
    last = wire.line(**wire.ABOUT, message={"role": "assistant", "content": "!"}, done=True, **fields)
    heard = decoded(WIRE.delta("Hello") + last)
    assert heard.finished is not None
    assert (heard.text, heard.finished.reason, heard.finished.model) == ("Hello!", reason, "gemma3")


def test_an_error_is_a_line_of_its_own() -> None:
    heard = decoded(WIRE.delta("Hello") + wire.line(error="an error was encountered while running the model"))
    assert heard.error is not None
    assert (heard.text, heard.error.fault) == ("Hello", ProviderFault.UNAVAILABLE)


def test_a_last_line_without_its_newline_is_read() -> None:
    lines = WIRE.delta("Hello") + WIRE.ending(ASKED, 1).rstrip(b"\n")
    assert decoded(lines).text == "Hello"


def test_what_it_is_asked_is_in_ollama_s_words() -> None:
    request = ProviderRequest(
        "gemma3", TALK, max_tokens=50, temperature=0.2, top_p=0.9, stop=("END",), extra={"think": True, "options": {"seed": 1}}
    )
    body = Ollama(Endpoint("http://localhost:11434")).body(request)
    assert body["options"] == {"seed": 1, "num_predict": 50, "temperature": 0.2, "top_p": 0.9, "stop": ["END"]}
    assert (body["stream"], body["think"], body["messages"][0]) == (True, True, {"role": "system", "content": "Be brief."})


@pytest.mark.parametrize("base_url", ["http://localhost:11434", "http://localhost:11434/api/", "http://localhost:11434/v1"])
def test_the_address_may_be_written_with_and_without_its_path(base_url: str) -> None:
    assert Ollama(Endpoint(base_url)).url(ProviderRequest("gemma3", TALK, max_tokens=5)) == "http://localhost:11434/api/chat"
