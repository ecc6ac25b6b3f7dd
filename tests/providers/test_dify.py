"""Dify's documented events, read; and what it is asked."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.dify import Dify, DifyDecoder
from providers.base import Endpoint, FinishReason, PromptMessage, ProviderFault, ProviderRequest, ThreadNamed, UsageReported
from tests.providers.conftest import Heard
from tests.providers.reading import read
from tests.vendors import dify as wire

KEY = "app-canary4f9d2c7e8a1b"
ASKED = PromptMessage("user", "And in winter?")
TOLD = PromptMessage("system", "Be brief.")
EARLIER = (PromptMessage("user", "Is it warm?"), PromptMessage("assistant", 'Yes. "Now."'))


def decoded(frames: bytes, *cuts: int) -> Heard:
    return read(DifyDecoder(longest_text=10_000, keys=(KEY,)), frames, cuts=cuts)


def body_of(*messages: PromptMessage, thread: str = "", user: str = "alice") -> dict[str, Any]:
    request = ProviderRequest(model="", messages=messages, max_tokens=100, user=user, thread=thread)
    return Dify(Endpoint("https://api.dify.ai/v1", KEY)).body(request)


@pytest.mark.parametrize("app", [wire.chatbot, wire.agent, wire.chatflow])
def test_every_kind_of_app_says_its_text_its_usage_and_its_conversation(app: Callable[..., bytes]) -> None:
    heard = decoded(app("Mild, ", "你好 😀"))
    assert (heard.text, heard.error) == ("Mild, 你好 😀", None)
    assert heard.usage == UsageReported(prompt_tokens=1033, completion_tokens=128)
    assert heard.events[0] == ThreadNamed(wire.CONVERSATION)
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.STOP


def test_a_chatflow_s_reasoning_is_told_apart() -> None:
    assert decoded(wire.chatflow("Mild.")).reasoning == "Hm, "


@given(cuts=st.lists(st.integers(1, 4_000), max_size=40))
def test_however_the_bytes_are_cut_the_text_is_the_same(cuts: list[int]) -> None:
    heard = decoded(wire.chatflow("Mild, ", "你好 😀"), *cuts)
    assert (heard.text, heard.reasoning, heard.error) == ("Mild, 你好 😀", "Hm, ", None)
    assert heard.usage == UsageReported(1033, 128)


def test_a_total_alone_is_no_usage() -> None:
    heard = decoded(wire.event("message", answer="Mild.") + wire.ending({"total_tokens": 10, "latency": 1.0}))
    assert (heard.text, heard.usage, heard.error) == ("Mild.", None, None)


def test_what_moderation_replaces_is_followed_by_its_words_and_ends_as_filtered() -> None:
    said, replaced = wire.event("message", answer="Something bad"), wire.event("message_replace", answer="I cannot say that.")
    heard = decoded(said + replaced + wire.ending(wire.usage(5, 5)))
    assert heard.text == "Something bad\n\nI cannot say that."
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.FILTER


def test_what_moderation_replaces_before_a_word_was_said_is_all_that_is_said() -> None:
    heard = decoded(wire.event("message_replace", answer="I cannot say that.") + wire.ending(wire.usage(5, 5)))
    assert heard.text == "I cannot say that."


def test_a_failed_chatflow_keeps_its_text_and_is_the_model_s_failure() -> None:
    heard = decoded(wire.failed_chatflow("Half"))
    assert heard.text == "Half"
    assert heard.error is not None
    assert (heard.error.fault, heard.error.retryable) == (ProviderFault.UNAVAILABLE, True)


def test_a_chatflow_that_waits_for_a_form_is_rejected() -> None:
    heard = decoded(wire.paused_chatflow())
    assert heard.error is not None
    assert (heard.error.fault, heard.error.retryable) == (ProviderFault.REJECTED, False)


@pytest.mark.parametrize(
    ("status", "code", "fault", "retryable"),
    [
        (400, "app_unavailable", ProviderFault.REJECTED, False),
        (400, "not_chat_app", ProviderFault.REJECTED, False),
        (400, "provider_not_initialize", ProviderFault.UNAVAILABLE, False),
        (400, "provider_quota_exceeded", ProviderFault.BUSY, False),
        (400, "completion_request_error", ProviderFault.UNAVAILABLE, True),
        (401, "unauthorized", ProviderFault.AUTH, False),
        (429, "too_many_requests", ProviderFault.BUSY, True),
        (500, "internal_server_error", ProviderFault.UNAVAILABLE, True),
    ],
)
def test_an_error_means_the_same_as_a_status_and_inside_a_stream(
    status: int, code: str, fault: ProviderFault, retryable: bool
) -> None:
    body = {"status": status, "code": code, "message": f"no {KEY}"}
    refused, _words = Dify(Endpoint("https://api.dify.ai/v1", KEY)).error_of(status, body, {})
    inside = decoded(wire.event("error", **body)).error
    assert inside is not None
    for error in (refused, inside):
        assert (error.fault, error.retryable) == (fault, retryable)
        assert KEY not in str(error)


def test_a_new_conversation_without_a_past_is_the_question_alone() -> None:
    body = body_of(ASKED)
    assert (body["query"], body["conversation_id"]) == ("And in winter?", "")
    assert (body["user"], body["response_mode"], body["auto_generate_name"]) == ("alice", "streaming", False)


def test_a_conversation_that_dify_has_is_continued_with_the_question_alone() -> None:
    body = body_of(TOLD, *EARLIER, ASKED, thread="45701982")
    assert (body["query"], body["conversation_id"]) == ("And in winter?", "45701982")


def test_a_conversation_that_dify_has_not_is_told_whole() -> None:
    query = body_of(TOLD, *EARLIER, ASKED)["query"]
    assert query.startswith("Instructions:\nBe brief.\n\n")
    assert '[{"role":"user","content":"Is it warm?"},{"role":"assistant","content":"Yes. \\"Now.\\""}]' in query
    assert query.endswith("\n\nThe message to answer:\nAnd in winter?")


def test_somebody_unknown_is_a_user_too() -> None:
    assert body_of(ASKED, user="")["user"]
