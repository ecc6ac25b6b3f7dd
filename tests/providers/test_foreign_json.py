"""Whatever JSON a vendor sends, it is an answer, a bad event or a ProviderError; never a fault of ours."""

import contextlib
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.adapters.coze import Coze, CozeDecoder
from providers.adapters.decoding import Decoder
from providers.adapters.dify import Dify, DifyDecoder
from providers.adapters.fastgpt import FastGPT, FastGPTDecoder
from providers.adapters.streaming import StreamingAdapter
from providers.base import Endpoint, ProviderError
from providers.sse import SSEEvent

ENDPOINT = Endpoint("https://vendor.example.org", "a-key-that-is-long", config={"bot_id": "1"})
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "a", "text", "1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "code", "x"]), inner, max_size=2),
    max_leaves=4,
)


def objects(*keys: str, **nested: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Objects that have these keys or not, with anything under them, and mostly the nested ones under theirs."""
    return st.fixed_dictionaries(
        {}, optional={**dict.fromkeys(keys, VALUES), **{key: one | VALUES for key, one in nested.items()}}
    )


STEPS = objects(
    "id", "inputTokens", "toolCallInputTokens", "outputTokens", queryExtensionResult=objects("inputTokens", "outputTokens")
)
CHOICES = st.lists(objects("finish_reason", delta=objects("content", "reasoning_content")), max_size=2)
ASKED = objects("description", userSelectOptions=st.lists(objects("value")), inputForm=st.lists(objects("label")))
REFUSAL = objects("code", "status", "statusText", "message", "msg", "error")
DIFY = objects(
    "event", "answer", "status", "code", "message", data=objects("reasoning"), metadata=objects(usage=objects("prompt_tokens"))
)
FASTGPT = objects(
    "code", "model", "error", choices=CHOICES, interactive=objects(params=ASKED), responseData=st.lists(STEPS, max_size=2)
)
COZE = objects(
    "conversation_id", "id", "type", "content", "content_type", "reasoning_content", last_error=REFUSAL, usage=objects()
)
SAYS = ("message", "agent_message", "reasoning_chunk", "message_replace", "message_end", "workflow_paused", "error")
CHAT_EVENTS = [f"conversation.chat.{part}" for part in ("created", "completed", "failed", "requires_action")]


def events(name: st.SearchStrategy[str], body: st.SearchStrategy[Any]) -> st.SearchStrategy[SSEEvent]:
    return st.builds(lambda said, what: SSEEvent(said, orjson.dumps(what)), name, body | VALUES)


WIRES = {
    DifyDecoder: events(st.just("message"), st.builds(lambda name, rest: {**rest, "event": name}, st.sampled_from(SAYS), DIFY)),
    FastGPTDecoder: events(st.sampled_from(["answer", "interactive", "error"]), FASTGPT)
    | events(st.just("flowResponses"), st.lists(objects(childrenResponses=st.lists(STEPS), toolDetail=STEPS), max_size=2)),
    CozeDecoder: events(st.sampled_from(["conversation.message.delta", "conversation.message.completed"]), COZE)
    | events(st.sampled_from(["conversation.message.delta"]), st.builds(lambda rest: {**rest, "type": "answer"}, COZE))
    | events(st.sampled_from([*CHAT_EVENTS, "error"]), COZE | REFUSAL),
}


@pytest.mark.parametrize("kind", WIRES)
@given(data=st.data())
def test_events_of_any_shape_never_break_the_decoder(kind: type[Decoder], data: st.DataObject) -> None:
    decoder = kind(longest_text=1_000)
    said = decoder.feed(data.draw(st.lists(WIRES[kind], max_size=6)))
    said += decoder.feed_body(orjson.dumps(data.draw(DIFY | FASTGPT | REFUSAL | VALUES)))
    with contextlib.suppress(ProviderError):
        said += decoder.close()
    assert all(isinstance(getattr(event, "text", ""), str) for event in said)


@pytest.mark.parametrize("kind", [Dify, FastGPT, Coze])
@given(status=st.sampled_from([200, 302, 400, 401, 404, 429, 500, 529]), body=REFUSAL | VALUES)
def test_refusals_of_any_shape_are_understood_somehow(kind: type[StreamingAdapter], status: int, body: Any) -> None:
    error, _words = kind(ENDPOINT).error_of(status, body, {"Retry-After": "x"})
    assert isinstance(error, ProviderError)
