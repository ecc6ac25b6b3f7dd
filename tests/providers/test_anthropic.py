"""Anthropic's documented events, read; and what it is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.anthropic_messages import AnthropicMessages, MessageDecoder, arrange, read_usage
from providers.base import Endpoint, FinishReason, PromptMessage, ProviderFault, ProviderRequest, UsageReported
from tests.providers.conftest import Heard
from tests.providers.reading import read
from tests.vendors import anthropic as wire
from tests.vendors.wire import KEY, PROMPT_TOKENS, Asked

WIRE = wire.AnthropicWire()
ASKED = Asked("POST", "/v1/messages", {}, {}, {})
ADAPTER = AnthropicMessages(Endpoint("https://api.anthropic.com", KEY))
SYSTEM, ALICE, ANSWER = (PromptMessage(role, f"the {role}'s words") for role in ("system", "user", "assistant"))


def decoded(frames: bytes, *cuts: int) -> Heard:
    return read(MessageDecoder(longest_text=10_000, keys=(KEY,)), frames, cuts=cuts)


def asked(*messages: PromptMessage, **fields: object) -> ProviderRequest:
    return ProviderRequest("claude-haiku-4-5", messages, max_tokens=100, **fields)  # type: ignore[arg-type]


def answer(stop_reason: str, text: str = "Hello") -> bytes:
    stopped = wire.event("message_delta", delta={"stop_reason": stop_reason}, usage={"output_tokens": 5})
    return WIRE.opening(ASKED) + WIRE.delta(text) + stopped + wire.event("message_stop")


@given(cuts=st.lists(st.integers(1, 2_000), max_size=40))
def test_however_the_bytes_are_cut_the_text_is_the_same(cuts: list[int]) -> None:
    frames = WIRE.opening(ASKED) + WIRE.thought("Hm.") + WIRE.delta("Hello, ") + WIRE.delta("你好 😀") + WIRE.ending(ASKED, 9)
    heard = decoded(frames, *cuts)
    assert (heard.reasoning, heard.text, heard.error) == ("Hm.", "Hello, 你好 😀", None)
    assert heard.usage == UsageReported(PROMPT_TOKENS, 9, cached_tokens=4)


@pytest.mark.parametrize(
    ("stop_reason", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.LENGTH),
        ("refusal", FinishReason.FILTER),
        ("tool_use", FinishReason.OTHER),
        ("pause_turn", FinishReason.OTHER),
        ("something_new", FinishReason.OTHER),
    ],
)
def test_each_stop_reason_is_an_ending(stop_reason: str, reason: FinishReason) -> None:
    heard = decoded(answer(stop_reason))
    assert heard.finished is not None
    assert (heard.finished.reason, heard.finished.model) == (reason, wire.MODEL)


@pytest.mark.parametrize(
    ("kind", "fault", "retryable"),
    [
        ("overloaded_error", ProviderFault.BUSY, True),
        ("rate_limit_error", ProviderFault.BUSY, True),
        ("api_error", ProviderFault.UNAVAILABLE, True),
        ("authentication_error", ProviderFault.AUTH, False),
        ("permission_error", ProviderFault.AUTH, False),
        ("invalid_request_error", ProviderFault.REJECTED, False),
        ("not_found_error", ProviderFault.REJECTED, False),
    ],
)
def test_each_error_inside_a_stream_is_told_by_its_type(kind: str, fault: ProviderFault, retryable: bool) -> None:
    heard = decoded(WIRE.opening(ASKED) + wire.event("error", error={"type": kind, "message": "No."}))
    assert heard.error is not None
    assert (heard.error.fault, heard.error.retryable) == (fault, retryable)


def test_cached_and_reasoning_tokens_are_part_of_the_counts_and_told_apart() -> None:
    usage = {
        "input_tokens": 3,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 2000,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 30},
    }
    assert read_usage(usage) == UsageReported(2103, 50, cached_tokens=2000, reasoning_tokens=30)


@pytest.mark.parametrize("usage", [{}, {"input_tokens": 3}, {"input_tokens": -1, "output_tokens": 5}, {"input_tokens": "3"}])
def test_usage_that_is_missing_or_absurd_is_none(usage: dict[str, object]) -> None:
    assert read_usage(usage) is None


def test_a_message_in_one_body_is_understood() -> None:
    decoder = MessageDecoder(longest_text=10_000)
    body = (
        b'{"type":"message","role":"assistant","model":"claude-haiku-4-5","content":[{"type":"thinking","thinking":"Hm."},'
        b'{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":7,"output_tokens":2}}'
    )
    heard = Heard([*decoder.feed_body(body), *decoder.close()])
    assert (heard.reasoning, heard.text, heard.usage) == ("Hm.", "Hello", UsageReported(7, 2))


# What it is asked


def test_the_system_prompt_stands_apart() -> None:
    body = ADAPTER.body(asked(SYSTEM, ALICE))
    assert (body["system"], body["messages"]) == (SYSTEM.content, [{"role": "user", "content": ALICE.content}])
    assert "system" not in ADAPTER.body(asked(ALICE))


@pytest.mark.parametrize(
    ("messages", "roles"),
    [
        ((ALICE, ANSWER, ALICE), ["user", "assistant", "user"]),
        ((ALICE, ALICE, ANSWER, ANSWER, ALICE), ["user", "assistant", "user"]),
        ((ANSWER, ALICE), ["user", "assistant", "user"]),
        ((ALICE, PromptMessage("assistant", " \n"), ALICE), ["user"]),
        ((ALICE, SYSTEM, ALICE), ["user"]),
    ],
)
def test_roles_alternate_and_the_user_begins(messages: tuple[PromptMessage, ...], roles: list[str]) -> None:
    _system, arranged = arrange(messages)
    assert [message["role"] for message in arranged] == roles
    assert all(message["content"].strip() for message in arranged)


def test_several_messages_of_one_role_become_one_and_lose_nothing() -> None:
    _system, arranged = arrange((PromptMessage("user", "one"), PromptMessage("user", "two")))
    assert arranged == [{"role": "user", "content": "one\n\ntwo"}]


def test_sampling_stays_within_what_anthropic_takes() -> None:
    body = ADAPTER.body(asked(ALICE, temperature=1.7, top_p=0.5, stop=("END", "\n"), user="7f3a"))
    assert body["temperature"] == 1.0
    assert "top_p" not in body
    assert (body["stop_sequences"], body["metadata"]) == (["END"], {"user_id": "7f3a"})


def test_a_model_that_refuses_a_temperature_is_asked_without_it_from_then_on() -> None:
    adapter = AnthropicMessages(Endpoint("https://api.anthropic.com/v1", KEY))
    request = ProviderRequest("a-model-of-fixed-temperature", (ALICE,), max_tokens=5, temperature=0.2)
    assert adapter.body(request)["temperature"] == 0.2
    assert adapter.learns_from(request, "`temperature` is deprecated for this model.")
    assert "temperature" not in adapter.body(request)
    assert not adapter.learns_from(request, "`temperature` is deprecated for this model.")


@pytest.mark.parametrize("base_url", ["https://api.anthropic.com", "https://api.anthropic.com/", "https://api.anthropic.com/v1"])
def test_the_address_may_be_written_with_and_without_its_version(base_url: str) -> None:
    assert AnthropicMessages(Endpoint(base_url)).url(asked(ALICE)) == "https://api.anthropic.com/v1/messages"


def test_the_key_goes_into_anthropic_s_own_header() -> None:
    assert ADAPTER.headers() == {"x-api-key": KEY, "anthropic-version": "2023-06-01"}
