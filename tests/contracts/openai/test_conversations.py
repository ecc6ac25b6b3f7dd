"""A completion that names a conversation is a message like one through any other contract; and conversations can be read here."""

from __future__ import annotations

from uuid import uuid4

import openai
import pytest

from tests.vendors.scripts import words

WHY = [{"role": "user", "content": "Why?"}]
EARLIER = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
]


async def test_one_that_nobody_has_begins_with_that_id_and_with_what_was_said_before(alice, official_async):
    room = str(uuid4())
    answer = await official_async.chat.completions.create(
        model="echo",
        messages=[*EARLIER, {"role": "user", "content": "three"}],
        metadata={"conversation_id": room, "topic": "sky"},
    )
    assert answer.choices[0].message.content == "three"
    assert answer.metadata == {"topic": "sky", "conversation_id": room}
    said = await alice.messages(room)
    assert [(message["role"], message["content"]) for message in said] == [
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
        ("assistant", "three"),
    ]
    detail = await alice.data("GET", f"/conversations/{room}")
    assert (detail["model"], detail["title"]) == ("echo", "one")


async def test_one_that_is_hers_goes_on_with_the_last_message_alone(alice, official_async):
    room = await alice.new_conversation(model="ok-3")
    await alice.send(room, "one")
    raw = await official_async.chat.completions.with_raw_response.create(
        model="echo",
        messages=[*EARLIER, {"role": "user", "content": "three"}],
        extra_headers={"X-Conversation-ID": room},
    )
    assert raw.headers["X-Conversation-ID"] == room
    assert raw.headers["X-Turn-ID"] == raw.parse().turn_id
    said = await alice.messages(room)
    assert [message["content"] for message in said] == ["one", words(3), "three", "three"]


async def test_it_streams_and_goes_on_when_its_reader_leaves(alice, official_async):
    room = str(uuid4())
    stream = await official_async.chat.completions.create(
        model="ok-15-rate-30", messages=WHY, stream=True, metadata={"conversation_id": room}
    )
    first = await anext(stream)
    assert first.metadata == {"conversation_id": room}
    await stream.close()
    turn = await alice.data("GET", f"/turns/{first.turn_id}")
    assert turn["conversation_id"] == room
    async with alice.session.get(f"{alice.url}/api/v1/turns/{first.turn_id}/events", headers=alice.headers) as events:
        assert (await events.text()).endswith("data: [DONE]\n\n")
    assert [message["content"] for message in await alice.messages(room)] == ["Why?", words(15)]


async def test_the_same_key_is_the_same_turn(alice, official_async):
    room = str(uuid4())
    asked = {"model": "ok-3", "messages": WHY, "metadata": {"conversation_id": room}}
    answers = [await official_async.chat.completions.create(**asked, extra_headers={"Idempotency-Key": "k1"}) for _ in range(2)]
    assert answers[0].id == answers[1].id
    assert len(await alice.messages(room)) == 2
    with pytest.raises(openai.UnprocessableEntityError) as found:
        await official_async.chat.completions.create(**asked, temperature=0.1, extra_headers={"Idempotency-Key": "k1"})
    assert found.value.code == "idempotency_key_reused"


async def test_somebody_elses_does_not_exist(bob, official_async):
    room = await bob.new_conversation()
    calls = (
        official_async.chat.completions.create(model="ok-3", messages=WHY, metadata={"conversation_id": room}),
        official_async.conversations.retrieve(room),
        official_async.conversations.items.list(room),
        official_async.conversations.delete(room),
        official_async.conversations.retrieve("conv_" + uuid4().hex),
    )
    for call in calls:
        with pytest.raises(openai.NotFoundError) as found:
            await call
        assert found.value.code == "not_found"
    assert await bob.messages(room) == []


async def test_a_busy_one_is_a_conflict_that_names_its_turn(alice, official_async):
    room = await alice.new_conversation(model="ok-200-rate-20")
    turn = (await alice.stream(room, "go on", most=2)).start["turn_id"]
    with pytest.raises(openai.ConflictError) as found:
        await official_async.chat.completions.create(model="ok-3", messages=WHY, metadata={"conversation_id": room})
    assert (found.value.code, found.value.body["turn_id"]) == ("conflict", turn)
    await alice.data("POST", f"/turns/{turn}/stop")


async def test_what_is_refused_leaves_no_conversation_behind(alice, official_async):
    room = str(uuid4())
    for wrong in ({"model": "gpt-9"}, {"messages": [*WHY, {"role": "assistant", "content": "Because"}]}):
        with pytest.raises(openai.APIStatusError):
            await official_async.chat.completions.create(
                **{"model": "ok-3", "messages": WHY, "metadata": {"conversation_id": room}, **wrong}
            )
    assert (await alice.call("GET", f"/conversations/{room}"))[0] == 404


async def test_a_conversation_is_created_read_and_deleted(alice, official_async):
    items = [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "one"}]}]
    made = await official_async.conversations.create(metadata={"topic": "sky"}, items=items)
    assert (made.object, made.metadata) == ("conversation", {"topic": "sky"})
    assert await official_async.conversations.retrieve(made.id) == made
    await alice.send(made.id, "two", model="ok-3")
    page = await official_async.conversations.items.list(made.id, order="asc")
    assert [(item.role, item.status, item.content[0].type, item.content[0].text) for item in page.data] == [
        ("user", "completed", "input_text", "one"),
        ("user", "completed", "input_text", "two"),
        ("assistant", "completed", "output_text", words(3)),
    ]
    gone = await official_async.conversations.delete(made.id)
    assert (gone.id, gone.deleted) == (made.id, True)
    with pytest.raises(openai.NotFoundError):
        await official_async.conversations.retrieve(made.id)


async def test_the_packages_paging_walks_all_items_in_either_order(alice, official_async):
    room = await alice.new_conversation(model="ok-3")
    for number in range(3):
        await alice.send(room, str(number))
    expected = [text for number in range(3) for text in (str(number), words(3))]
    for order, wanted in (("asc", expected), ("desc", expected[::-1])):
        seen = [item.content[0].text async for item in official_async.conversations.items.list(room, order=order, limit=2)]
        assert seen == wanted
    empty = await official_async.conversations.items.list(await alice.new_conversation())
    assert (empty.data, empty.has_more, empty.last_id) == ([], False, None)


async def test_items_that_are_no_messages_are_refused(official_async):
    for items in ([{"type": "item_reference", "id": "1"}], [{"role": "user", "content": [{"type": "input_image"}]}]):
        with pytest.raises(openai.BadRequestError) as found:
            await official_async.conversations.create(items=items)
        assert found.value.code == "unsupported_parameter"


async def test_a_question_whose_answer_failed_is_kept_and_not_asked_again_by_the_package(alice, key, platform):
    room = str(uuid4())
    async with openai.AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError) as found:
            await client.chat.completions.create(model="500", messages=WHY, metadata={"conversation_id": room})
    assert found.value.response.headers["x-should-retry"] == "false"
    assert found.value.body["turn_id"]
    assert [message["content"] for message in await alice.messages(room)] == ["Why?", ""]


async def test_a_completion_that_broke_after_some_words_is_charged_once_and_not_asked_again_by_the_package(key, platform):
    async with openai.AsyncOpenAI(base_url=f"{platform.url}/v1", api_key=key, max_retries=2) as client:
        with pytest.raises(openai.InternalServerError) as found:
            await client.chat.completions.create(model="cut-after-5", messages=WHY)
    assert found.value.response.headers["x-should-retry"] == "false"


async def test_two_conversations_named_at_once_are_refused(official_async):
    with pytest.raises(openai.BadRequestError) as found:
        await official_async.chat.completions.create(
            model="ok-3",
            messages=WHY,
            metadata={"conversation_id": str(uuid4())},
            extra_headers={"X-Conversation-ID": str(uuid4())},
        )
    assert found.value.param == "metadata.conversation_id"
