"""What a vendor can do wrong, done by a scripted one over loopback, and what the caller sees of it."""

import time

import pytest

from providers.base import FinishReason, ProviderFault, UsageReported
from tests.providers.conftest import KEY, Vendor
from tests.vendors.scripts import words


async def test_an_ordinary_answer_is_text_usage_and_an_end(vendor: Vendor) -> None:
    heard = await vendor.ask("ok-20")
    assert (heard.text, heard.error) == (words(20), None)
    assert heard.usage == UsageReported(prompt_tokens=11, completion_tokens=20)
    assert heard.finished is not None
    assert (heard.finished.reason, heard.finished.model) == (FinishReason.STOP, "ok-20")


async def test_max_tokens_goes_to_the_vendor_and_its_length_ending_comes_back(vendor: Vendor) -> None:
    heard = await vendor.ask("ok-20", max_tokens=7)
    assert heard.text == words(7)
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.LENGTH


@pytest.mark.parametrize("model", ["401", "echo-key"])
async def test_a_refused_key_is_not_tried_again_and_not_repeated(vendor: Vendor, model: str) -> None:
    heard = await vendor.ask(model)
    assert heard.error is not None
    assert (heard.error.fault, heard.error.retryable) == (ProviderFault.AUTH, False)
    assert len(vendor.server.requests) == 1
    assert KEY not in str(heard.error)
    assert KEY not in repr(heard.error.__cause__)


async def test_a_vendor_s_words_are_one_line_without_control_characters(vendor: Vendor) -> None:
    heard = await vendor.ask("echo-key")
    assert heard.error is not None
    assert heard.error.detail.isprintable()


@pytest.mark.parametrize("model", ["429-ra1", "429-date"])
async def test_a_busy_vendor_is_asked_again_when_it_said_to(vendor: Vendor, model: str) -> None:
    heard = await vendor.ask(model)
    first, second = (request["at"] for request in vendor.server.requests)
    assert heard.error is None
    assert heard.text
    assert second - first >= 0.9  # the date of `429-date` has whole seconds: two, less what is left of this one


async def test_a_wait_longer_than_a_person_waits_is_told_instead(vendor: Vendor) -> None:
    heard = await vendor.ask("429-ra999999")
    assert heard.error is not None
    assert (heard.error.fault, heard.error.retry_after) == (ProviderFault.BUSY, 86_400)
    assert len(vendor.server.requests) == 1


async def test_a_broken_vendor_is_asked_three_times_in_all(vendor: Vendor) -> None:
    heard = await vendor.ask("500")
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.UNAVAILABLE
    assert len(vendor.server.requests) == 3


async def test_an_error_that_passes_is_never_seen(vendor: Vendor) -> None:
    assert (await vendor.ask("500-once")).text == words(3)


@pytest.mark.parametrize("model", ["502-html", "html-in-200"])
async def test_a_proxy_s_page_is_never_passed_on(vendor: Vendor, model: str) -> None:
    heard = await vendor.ask(model)
    assert heard.error is not None
    assert not heard.events
    assert "10.0.0.7" not in heard.error.detail
    assert "<" not in heard.error.detail


async def test_nobody_there_is_unavailable(vendor: Vendor) -> None:
    vendor.url = "http://127.0.0.1:1/v1"
    heard = await vendor.ask("ok-1")
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.UNAVAILABLE


async def test_no_token_in_time_is_a_timeout_over_all_attempts(vendor: Vendor) -> None:
    began = time.monotonic()
    heard = await vendor.ask("slow-first-30", first_token=0.5)
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.TIMEOUT
    assert time.monotonic() - began < 5
    assert len(vendor.server.requests) == 1


@pytest.mark.parametrize("model", ["stall-after-5", "ping-after-5"])
async def test_silence_ends_the_answer_and_comments_are_silence(vendor: Vendor, model: str) -> None:
    heard = await vendor.ask(model, silence=0.5)
    assert heard.error is not None
    assert (heard.text, heard.error.fault) == (words(5), ProviderFault.STALLED)
    assert len(vendor.server.requests) == 1


async def test_an_answer_that_takes_too_long_as_a_whole_is_cut_and_kept(vendor: Vendor) -> None:
    heard = await vendor.ask("ok-1000-rate-50", total=0.5)
    assert heard.error is None
    assert words(1000).startswith(heard.text)
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.LENGTH


@pytest.mark.parametrize("model", ["no-done", "done-no-close", "finish-no-close"])
async def test_an_answer_is_complete_without_done_and_without_the_vendor_hanging_up(vendor: Vendor, model: str) -> None:
    began = time.monotonic()
    heard = await vendor.ask(model, closing=0.3)
    assert (heard.text, heard.error) == (words(3), None)
    assert heard.finished is not None
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("model", ["cut-after-5", "rst"])
async def test_a_lost_connection_keeps_what_came_and_is_not_tried_again(vendor: Vendor, model: str) -> None:
    heard = await vendor.ask(model)
    assert heard.error is not None
    assert (heard.text, heard.error.fault, heard.error.retryable) == (words(5), ProviderFault.CUT, False)
    assert len(vendor.server.requests) == 1


async def test_a_connection_lost_before_the_first_token_is_tried_again(vendor: Vendor) -> None:
    heard = await vendor.ask("cut-after-0")
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.CUT
    assert len(vendor.server.requests) == 3


async def test_an_error_inside_a_stream_before_any_token_is_an_error_like_others(vendor: Vendor) -> None:
    heard = await vendor.ask("error-in-200")
    assert heard.error is not None
    assert (heard.events, heard.error.fault) == ([], ProviderFault.BUSY)
    assert len(vendor.server.requests) == 3


async def test_an_error_inside_a_stream_after_tokens_keeps_them(vendor: Vendor) -> None:
    heard = await vendor.ask("error-in-200-after-20")
    assert heard.error is not None
    assert (heard.text, heard.error.fault) == (words(20), ProviderFault.BUSY)
    assert len(vendor.server.requests) == 1


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("bad-json", "good again"),
        ("bad-utf8", "a\ufffd\ufffdb"),
        ("split-utf8", "你好，😀 café"),
        ("surrogates", "x😀y\ufffd"),
        ("odd-lines", "one two three"),
        ("nul", "a\ufffdb\ufffdc"),
    ],
)
async def test_odd_bytes_become_sound_text(vendor: Vendor, model: str, text: str) -> None:
    heard = await vendor.ask(model)
    assert (heard.text, heard.error) == (text, None)
    assert heard.text.encode()


@pytest.mark.parametrize("model", ["only-bad-json", "long-line-2MB", "big-header", "gzip-bomb", "redirect"])
async def test_what_cannot_be_read_is_a_broken_protocol(vendor: Vendor, model: str) -> None:
    heard = await vendor.ask(model)
    assert heard.error is not None
    assert (heard.events, heard.error.fault) == ([], ProviderFault.PROTOCOL)


async def test_a_redirect_is_not_followed(vendor: Vendor) -> None:
    await vendor.ask("redirect")
    assert [request["path"] for request in vendor.server.requests] == ["/v1/chat/completions"]


async def test_an_empty_answer_is_an_error_after_one_more_try(vendor: Vendor) -> None:
    heard = await vendor.ask("empty")
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.EMPTY
    assert len(vendor.server.requests) == 2


async def test_an_answer_that_is_empty_once_is_never_seen(vendor: Vendor) -> None:
    assert (await vendor.ask("empty-once")).text == words(3)


async def test_thinking_without_answering_is_an_error(vendor: Vendor) -> None:
    heard = await vendor.ask("reasoning-only")
    assert heard.error is not None
    assert (heard.reasoning, heard.error.fault) == ("let me think", ProviderFault.EMPTY)
    assert len(vendor.server.requests) == 1


async def test_reasoning_and_answer_are_kept_apart(vendor: Vendor) -> None:
    heard = await vendor.ask("reasoning")
    assert (heard.reasoning, heard.text) == ("let me think", "42")


@pytest.mark.parametrize("kind", ["nan", "negative", "huge", "string", "missing"])
async def test_absurd_usage_is_no_usage(vendor: Vendor, kind: str) -> None:
    heard = await vendor.ask(f"usage-{kind}")
    assert (heard.text, heard.usage, heard.error) == ("counted", None, None)
    assert heard.finished is not None


async def test_an_endless_answer_is_cut_at_a_million_characters(vendor: Vendor) -> None:
    heard = await vendor.ask("huge-5MB")
    assert (len(heard.text), heard.error) == (1_000_000, None)
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.LENGTH


# Vendors that are compatible in their own way


async def test_a_vendor_that_ignores_stream_is_understood(vendor: Vendor) -> None:
    heard = await vendor.ask("one-body")
    assert (heard.text, heard.error) == ("all at once", None)
    assert heard.usage == UsageReported(prompt_tokens=11, completion_tokens=3)


async def test_an_error_in_one_body_with_status_200_is_an_error(vendor: Vendor) -> None:
    heard = await vendor.ask("one-body-error")
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.UNAVAILABLE


@pytest.mark.parametrize(("model", "field"), [("no-stream-options", "stream_options"), ("no-max-tokens", "max_tokens")])
async def test_a_field_that_a_vendor_refuses_is_left_out_from_then_on(vendor: Vendor, model: str, field: str) -> None:
    assert (await vendor.ask(model)).text == words(3)
    before = len(vendor.server.requests)
    assert (await vendor.ask(model)).text == words(3)
    assert field not in vendor.server.requests[-1]["body"]
    assert len(vendor.server.requests) == before + 1


async def test_an_unknown_model_is_rejected_without_another_try(vendor: Vendor) -> None:
    heard = await vendor.ask("no such model")
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.REJECTED
    assert len(vendor.server.requests) == 1
