"""Chat completions as the official Python package asks for them."""

from __future__ import annotations

import asyncio

from openai._streaming import SSEDecoder

from tests.vendors.scripts import words

WHY = [{"role": "user", "content": "Why?"}]


def text_of(chunks) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def test_an_answer_in_one_body(official):
    answer = official.chat.completions.create(model="ok-3", messages=WHY)
    assert answer.object == "chat.completion"
    assert answer.id.startswith("chatcmpl-")
    assert answer.model == "ok-3"
    assert (answer.choices[0].index, answer.choices[0].finish_reason) == (0, "stop")
    assert answer.choices[0].message.content == words(3)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens_details.cached_tokens == 0


def test_an_answer_as_chunks(official):
    chunks = list(official.chat.completions.create(model="ok-15-rate-30", messages=WHY, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert text_of(chunks) == words(15)
    assert len(chunks) > 5, "as they come"
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["stop"]
    assert {chunk.usage for chunk in chunks} == {None}
    assert {(chunk.id, chunk.created, chunk.model) for chunk in chunks} == {(chunks[0].id, chunks[0].created, "ok-15-rate-30")}


def test_what_it_took_comes_last_where_it_is_asked_for(official):
    asked = {"model": "ok-3", "messages": WHY, "stream": True, "stream_options": {"include_usage": True}}
    *chunks, last = official.chat.completions.create(**asked)
    assert {chunk.usage for chunk in chunks} == {None}
    assert last.choices == []
    assert last.usage.completion_tokens == 3
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_the_packages_own_accumulating_stream_understands_it(official):
    with official.chat.completions.stream(model="ok-15-rate-30", messages=WHY) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    assert "content.delta" in kinds
    assert final.choices[0].message.content == words(15)


async def test_the_async_client_runs_several_at_the_same_time(official_async):
    async def one() -> str:
        stream = await official_async.chat.completions.create(model="ok-15-rate-30", messages=WHY, stream=True)
        return text_of([chunk async for chunk in stream])

    assert await asyncio.gather(*(one() for _ in range(4))) == [words(15)] * 4


def test_all_text_parts_are_one_text_and_what_was_answered_can_be_sent_again(official):
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two"}]
    asked = [{"role": "developer", "content": "Repeat."}, {"role": "user", "content": parts}]
    first = official.chat.completions.create(model="echo", messages=asked)
    assert first.choices[0].message.content.split() == ["one", "two"]
    again = official.chat.completions.create(
        model="echo", messages=[*asked, first.choices[0].message, {"role": "user", "content": "three"}]
    )
    assert again.choices[0].message.content == "three"


def test_the_length_is_held_under_both_names(official):
    for name in ("max_tokens", "max_completion_tokens"):
        answer = official.chat.completions.create(model="ok-60-rate-20", messages=WHY, **{name: 5})
        assert answer.choices[0].finish_reason == "length"
        assert answer.choices[0].message.content == words(5)


def test_hints_are_passed_over(official):
    answer = official.chat.completions.create(
        model="ok-3",
        messages=[{"role": "user", "content": "Why?", "name": "alice"}],
        user="alice",
        seed=7,
        store=True,
        n=1,
        temperature=0.5,
        top_p=0.5,
        stop=["END", "\n"],
        presence_penalty=0,
        response_format={"type": "text"},
        tools=[],
        tool_choice="none",
        metadata={"topic": "sky"},
        reasoning_effort="low",
    )
    assert answer.choices[0].message.content == words(3)


def test_a_heartbeat_is_nothing_to_the_packages_reader():
    """It takes an empty line after an `id:` for an event without data, and fails to read that."""
    from datetime import UTC, datetime
    from uuid import uuid4

    from chatplatform.contracts.names import names_of_completion
    from chatplatform.contracts.openai.stream import ChunkEncoder
    from conversations.turns.events import TextAdded, TurnStarted

    turn = uuid4()
    encoder = ChunkEncoder(names_of_completion(turn))
    started = TurnStarted(1, turn, None, None, None, "ok-3", datetime.now(UTC))
    sent = [encoder.frame(started), encoder.heartbeat, encoder.frame(TextAdded(2, "so")), encoder.heartbeat, encoder.heartbeat]
    events = list(SSEDecoder().iter_bytes(iter(sent)))
    assert [event.json()["choices"][0]["delta"]["content"] for event in events] == ["", "so"]


async def test_an_access_token_is_as_good_as_a_key(alice, platform):
    import openai

    async with openai.AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=alice.token) as client:
        answer = await client.chat.completions.create(model="ok-3", messages=WHY)
    assert answer.choices[0].message.content == words(3)
