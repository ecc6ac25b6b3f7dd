"""What is refused, in the shapes and classes that the official package makes of it."""

from __future__ import annotations

import asyncio

import openai
import pytest

from tests.acceptance.conftest import database

WHY = [{"role": "user", "content": "Why?"}]
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}


def asking(client: openai.OpenAI, **more):
    return client.chat.completions.create(**{"model": "ok-3", "messages": WHY, **more})


def test_a_wrong_key(platform):
    client = openai.OpenAI(base_url=f"{platform.url}/v1", api_key="sk-wrong")
    with client, pytest.raises(openai.AuthenticationError) as found:
        asking(client)
    assert (found.value.code, found.value.type, found.value.param) == ("invalid_api_key", "invalid_request_error", None)
    assert found.value.request_id.startswith("req_")


def test_an_unknown_model(official):
    for refused in (lambda: asking(official, model="gpt-9"), lambda: official.models.retrieve("gpt-9")):
        with pytest.raises(openai.NotFoundError) as found:
            refused()
        assert (found.value.code, found.value.param) == ("model_not_found", "model")


def test_messages_that_do_not_fit(official):
    with pytest.raises(openai.BadRequestError) as found:
        asking(official, model="ok-4", messages=[{"role": "user", "content": "why " * 100}])
    assert (found.value.code, found.value.param) == ("context_length_exceeded", None)


async def test_a_used_up_quota_is_not_tried_again(alice, key, platform):
    with database(platform) as connection:
        connection.execute(
            """INSERT INTO quotas_tier (slug, name, daily_requests, monthly_requests, daily_tokens, monthly_tokens, updated_at)
               VALUES ('nothing', 'nothing', 0, 0, 0, 0, now()) ON CONFLICT (slug) DO NOTHING"""
        )
        connection.execute("UPDATE accounts_user SET tier = 'nothing' WHERE username = %s", [alice.username])
    await asyncio.sleep(1)  # until every process has heard of it
    async with openai.AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=2) as client:
        with pytest.raises(openai.RateLimitError) as found:
            await client.chat.completions.create(model="ok-3", messages=WHY)
    assert (found.value.code, found.value.type) == ("insufficient_quota", "insufficient_quota")
    assert found.value.response.headers["x-should-retry"] == "false"
    assert int(found.value.response.headers["Retry-After"]) > 0
    assert found.value.response.request.headers["x-stainless-retry-count"] == "0"


def test_a_vendor_that_fails_before_its_first_word_is_a_status(official):
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as found:
            asking(official, model="500", stream=stream)
        assert (found.value.status_code, found.value.code, found.value.type) == (502, "vendor_failed", "server_error")


def test_a_vendor_that_fails_later_is_an_error_in_the_stream(official):
    stream = asking(official, model="cut-after-5", stream=True)
    assert next(stream).choices[0].delta.role == "assistant"
    with pytest.raises(openai.APIError) as found:
        list(stream)
    assert found.value.code == "vendor_failed"


@pytest.mark.parametrize(
    ("param", "more"),
    [
        ("tools", {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        ("functions", {"functions": [{"name": "f"}]}),
        ("tool_choice", {"tool_choice": "required"}),
        ("n", {"n": 2}),
        ("n", {"n": True}),
        ("logprobs", {"logprobs": True}),
        ("logit_bias", {"logit_bias": {"50256": -100}}),
        ("response_format", {"response_format": {"type": "json_object"}}),
        ("modalities", {"modalities": ["text", "audio"]}),
        ("frequency_penalty", {"frequency_penalty": 0.5}),
        ("web_search_options", {"web_search_options": {}}),
        ("top_k", {"extra_body": {"top_k": 40}}),
        ("messages[0].content[1].type", {"messages": [{"role": "user", "content": [{"type": "text", "text": "what"}, IMAGE]}]}),
        ("messages[0].role", {"messages": [{"role": "tool", "content": "4", "tool_call_id": "1"}, *WHY]}),
        ("messages[0].tool_calls", {"messages": [{"role": "assistant", "tool_calls": [{"id": "1"}]}, *WHY]}),
    ],
)
def test_what_would_change_the_answer_and_is_not_there_is_refused_by_name(official, param, more):
    with pytest.raises(openai.BadRequestError) as found:
        asking(official, **more)
    assert (found.value.code, found.value.param) == ("unsupported_parameter", param)


@pytest.mark.parametrize(
    ("param", "more"),
    [
        ("messages", {"messages": []}),
        ("messages", {"messages": "Why?"}),
        ("messages", {"messages": [{"role": "system", "content": "Be brief."}]}),
        ("messages", {"messages": [{"role": "user", "content": "  \n"}]}),
        ("messages", {"messages": WHY * 2_001}),
        ("messages[0]", {"messages": ["Why?"]}),
        ("messages[1].role", {"messages": [*WHY, {"role": "wizard", "content": "Hm."}]}),
        ("messages[1].role", {"messages": [*WHY, {"role": ["user"], "content": "Hm."}]}),
        ("messages[0].content", {"messages": [{"role": "user"}]}),
        ("messages[0].content", {"messages": [{"role": "user", "content": []}]}),
        ("messages[0].content[0]", {"messages": [{"role": "user", "content": ["Why?"]}]}),
        ("messages[0].content[0].text", {"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
        ("temperature", {"temperature": 3}),
        ("top_p", {"top_p": "0.5"}),
        ("max_tokens", {"max_tokens": 0}),
        ("max_tokens", {"max_tokens": 5, "max_completion_tokens": 5}),
        ("stop", {"stop": ["a", "b", "c", "d", "e"]}),
        ("stop", {"stop": ""}),
        ("stop", {"stop": {"a": 1}}),
        ("stream", {"extra_body": {"stream": "yes"}}),
        ("stream_options", {"stream_options": {"include_usage": True}}),
        ("metadata", {"metadata": {"topic": 5}}),
        ("metadata", {"metadata": {str(n): "" for n in range(17)}}),
        ("metadata.conversation_id", {"metadata": {"conversation_id": "12"}}),
        ("X-Conversation-ID", {"extra_headers": {"X-Conversation-ID": "mine"}}),
        ("model", {"model": "  "}),
    ],
)
def test_what_is_wrong_is_refused_with_the_place_where_it_is(official, param, more):
    with pytest.raises(openai.BadRequestError) as found:
        asking(official, **more)
    assert (found.value.code, found.value.param, found.value.type) == ("invalid_value", param, "invalid_request_error")
    assert found.value.body["message"]


async def raw(alice, body: bytes, **headers: str) -> tuple[int, dict]:
    async with alice.session.post(
        f"{alice.url}/v1/chat/completions", data=body, headers=alice.headers | {"Content-Type": "application/json"} | headers
    ) as response:
        return response.status, await response.json()


async def test_two_values_for_stream_are_refused(alice):
    body = b'{"model": "ok-3", "messages": [{"role": "user", "content": "Why?"}], "stream": true, "stream": false}'
    status, answer = await raw(alice, body)
    assert (status, answer["error"]["code"], answer["error"]["param"]) == (400, "invalid_value", "stream")


async def test_what_no_view_answers_is_refused_in_the_same_shape(alice):
    status, answer = await raw(alice, b"{")
    assert (status, answer["error"]["code"]) == (400, "invalid_json")
    status, answer = await raw(alice, b"x" * 1_100_000)
    assert (status, answer["error"]["code"]) == (413, "request_too_large")
    status, answer = await raw(alice, b"a=b", **{"Content-Type": "application/x-www-form-urlencoded"})
    assert (status, answer["error"]["code"]) == (415, "unsupported_media_type")
    for path, expected in (("/v1/nothing", (404, "not_found")), ("/v1/chat/completions", (405, "method_not_allowed"))):
        async with alice.session.get(alice.url + path, headers=alice.headers) as response:
            answer = await response.json()
            assert (response.status, answer["error"]["code"]) == expected
            assert set(answer["error"]) >= {"message", "type", "param", "code"}
    async with alice.session.get(f"{alice.url}/v1/models") as response:
        assert (response.status, (await response.json())["error"]["code"]) == (401, "invalid_api_key")
