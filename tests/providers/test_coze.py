"""Coze's documented events, read; and what it is asked."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.coze import Coze, CozeDecoder
from providers.base import Endpoint, FinishReason, PromptMessage, ProviderFault, ProviderRequest, ThreadNamed, UsageReported
from tests.providers.conftest import Heard
from tests.providers.reading import read
from tests.vendors import coze as wire

KEY = "pat_canary4f9d2c7e8a1b"
ASKED = PromptMessage("user", "And in winter?")
TOLD = PromptMessage("system", "Be brief.")
EARLIER = (PromptMessage("user", "Is it warm?"), PromptMessage("assistant", "Yes."))
ADAPTER = Coze(Endpoint("https://api.coze.cn", KEY, config={"bot_id": "7379462189365198898"}))


def decoded(frames: bytes, *cuts: int) -> Heard:
    return read(CozeDecoder(longest_text=10_000, keys=(KEY,)), frames, cuts=cuts)


def asked(*messages: PromptMessage, thread: str = "") -> ProviderRequest:
    return ProviderRequest(model="", messages=messages, max_tokens=100, user="alice", thread=thread)


def test_a_bot_says_its_text_once_its_usage_and_its_conversation() -> None:
    heard = decoded(wire.bot("Mild, ", "你好 😀"))
    assert (heard.text, heard.error) == ("Mild, 你好 😀", None)
    assert heard.usage == UsageReported(prompt_tokens=614, completion_tokens=19)
    assert heard.events[0] == ThreadNamed(wire.CONVERSATION)
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.STOP


@given(cuts=st.lists(st.integers(1, 4_000), max_size=40))
def test_however_the_bytes_are_cut_the_text_is_the_same(cuts: list[int]) -> None:
    heard = decoded(wire.bot("Mild, ", "你好 😀"), *cuts)
    assert (heard.text, heard.usage, heard.error) == ("Mild, 你好 😀", UsageReported(614, 19), None)


def test_several_answers_are_paragraphs_and_one_that_was_not_streamed_is_said_too() -> None:
    heard = decoded(wire.two_answers())
    assert (heard.text, heard.usage) == ("One.\n\nAnd two.", UsageReported(2224, 1173))


def test_reasoning_is_told_apart() -> None:
    heard = decoded(wire.opening() + wire.thought("Hm.") + wire.delta("42") + wire.ending(wire.usage(5, 1)))
    assert (heard.reasoning, heard.text) == ("Hm.", "42")


def test_a_question_that_the_bot_asks_back_is_an_answer() -> None:
    heard = decoded(wire.question())
    assert (heard.text, heard.error) == ("Which city?", None)
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.OTHER


def test_a_tool_that_the_bot_wants_run_here_is_rejected() -> None:
    error = decoded(wire.tool_call()).error
    assert error is not None
    assert (error.fault, error.retryable) == (ProviderFault.REJECTED, False)


@pytest.mark.parametrize(
    ("code", "fault", "retryable"),
    [
        (4000, ProviderFault.REJECTED, False),
        (4008, ProviderFault.BUSY, False),
        (4009, ProviderFault.BUSY, True),
        (4011, ProviderFault.BUSY, False),
        (4013, ProviderFault.UNAVAILABLE, True),
        (4015, ProviderFault.REJECTED, False),
        (4016, ProviderFault.BUSY, True),
        (4020, ProviderFault.BUSY, True),
        (4100, ProviderFault.AUTH, False),
        (4101, ProviderFault.AUTH, False),
        (4200, ProviderFault.REJECTED, False),
        (5000, ProviderFault.UNAVAILABLE, True),
        (701231, ProviderFault.UNAVAILABLE, True),
        (700012006, ProviderFault.AUTH, False),
    ],
)
def test_a_code_means_the_same_wherever_it_comes(code: int, fault: ProviderFault, retryable: bool) -> None:
    words = f"no {KEY}"
    body = {"code": code, "msg": words}
    decoder = CozeDecoder(longest_text=10_000, keys=(KEY,))
    decoder.feed_body(orjson.dumps(body))
    failures = [
        decoder.failure,
        decoded(wire.opening() + wire.failed(code, words)).error,
        decoded(wire.opening() + wire.event("conversation.chat.failed", body)).error,
        decoded(wire.opening() + wire.event("error", body)).error,
    ]
    for error in failures:
        assert error is not None
        assert (error.fault, error.retryable) == (fault, retryable)
        assert KEY not in str(error)


def test_a_status_says_what_its_code_does_not() -> None:
    error, _words = ADAPTER.error_of(503, {"code": 720701, "msg": "upstream"}, {"Retry-After": "3"})
    assert (error.fault, error.retryable, error.retry_after) == (ProviderFault.UNAVAILABLE, True, 3)
    error, _words = ADAPTER.error_of(200, {"code": 4020, "msg": "slow down"}, {"Retry-After": "7"})
    assert (error.fault, error.retry_after) == (ProviderFault.BUSY, 7)


def test_a_failure_without_a_code_is_the_vendor_s() -> None:
    error = decoded(wire.opening() + wire.failed(0, "")).error
    assert error is not None
    assert (error.fault, error.retryable) == (ProviderFault.UNAVAILABLE, True)


def test_a_failure_after_text_keeps_it() -> None:
    heard = decoded(wire.opening() + wire.delta("Half") + wire.failed(5000, "oops"))
    assert heard.text == "Half"
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.UNAVAILABLE


def test_a_body_that_is_neither_stream_nor_refusal_is_a_broken_protocol() -> None:
    decoder = CozeDecoder(longest_text=10_000)
    decoder.feed_body(b'{"code":0,"msg":"","data":{"id":"123","status":"in_progress"}}')
    assert decoder.failure is not None
    assert decoder.failure.fault is ProviderFault.PROTOCOL


def test_a_conversation_that_coze_has_not_is_told_whole_the_question_last() -> None:
    body = ADAPTER.body(asked(TOLD, *EARLIER, ASKED))
    assert [(m["role"], m["type"], m["content"]) for m in body["additional_messages"]] == [
        ("user", "question", "Be brief."),
        ("user", "question", "Is it warm?"),
        ("assistant", "answer", "Yes."),
        ("user", "question", "And in winter?"),
    ]
    assert (body["bot_id"], body["user_id"]) == ("7379462189365198898", "alice")
    assert ADAPTER.url(asked(ASKED)) == "https://api.coze.cn/v3/chat"


def test_a_user_that_the_operators_name_is_the_one_that_coze_is_told_of() -> None:
    adapter = Coze(Endpoint("https://api.coze.cn", KEY, config={"bot_id": "7379462189365198898", "user_id": "the-clinic"}))
    assert adapter.body(asked(ASKED))["user_id"] == "the-clinic"


def test_a_conversation_that_coze_has_is_continued_with_the_question_alone() -> None:
    request = asked(TOLD, *EARLIER, ASKED, thread="73/8")
    assert [message["content"] for message in ADAPTER.body(request)["additional_messages"]] == ["And in winter?"]
    assert ADAPTER.url(request) == "https://api.coze.cn/v3/chat?conversation_id=73%2F8"


def test_a_long_past_is_cut_to_what_one_request_may_bring_and_keeps_instructions_and_question() -> None:
    messages = ADAPTER.body(asked(TOLD, *EARLIER * 80, ASKED))["additional_messages"]
    assert len(messages) == 100
    assert (messages[0]["content"], messages[-1]["content"]) == ("Be brief.", "And in winter?")
