"""Sessions: listed, narrowed, changed, deleted, and the same conversations in the other contracts."""

from __future__ import annotations

import uuid

import pytest

from tests.contracts.chat_system.conftest import new_session, new_topic, send

NOBODYS = "5e0ff2a4-8a4e-4a36-9b0e-6b1de3a1c0de"


async def listed(client, query=""):
    page = await client.data("GET", f"/chat/sessions{query}")
    return [item["session_id"] for item in page["sessions"]]


async def test_an_empty_body_makes_a_session_with_every_setting_at_its_default(alice):
    made = await alice.data("POST", "/chat/sessions")
    assert (made["title"], made["description"], made["topic_id"], made["status"]) == ("", "", None, "active")
    assert made["model_config"]["model"]
    assert made["context_settings"]["context_window_strategy"] == "sliding"
    assert made["context_settings"]["include_document_metadata"] is True
    assert 0 <= made["context_settings"]["relevance_threshold"] <= 1
    assert (await alice.data("POST", "/chat/sessions", {"model_config": None, "context_settings": None}))["status"] == "active"


async def test_the_list_is_narrowed_by_topic_status_and_words_of_the_title(alice):
    topic = await new_topic(alice)
    with_topic = await new_session(alice, title="关于机器学习的讨论", topic_id=topic)
    plain = await new_session(alice, title="Weekly report")
    archived = await new_session(alice, title="旧的讨论")
    await alice.data("PUT", f"/chat/sessions/{archived}", {"status": "archived"})
    deleted = await new_session(alice, title="gone")
    await alice.data("DELETE", f"/chat/sessions/{deleted}")

    assert set(await listed(alice)) == {with_topic, plain, archived}
    assert await listed(alice, f"?topic_id={topic}") == [with_topic]
    assert set(await listed(alice, "?status=active")) == {with_topic, plain}
    assert await listed(alice, "?status=archived") == [archived]
    assert await listed(alice, "?search=%E6%9C%BA%E5%99%A8") == [with_topic]
    assert await listed(alice, "?search=week&status=archived") == []
    assert await listed(alice, "?topic_id=&status=&search=") == await listed(alice)
    assert await listed(alice, f"?topic_id={2**62}") == []


async def test_what_was_deleted_is_a_tombstone_without_text_that_only_the_list_of_deleted_ones_shows(alice):
    session = await new_session(alice, title="secret", description="secret", model_config={"temperature": 0.1})
    await send(alice, session, "secret words")
    await alice.data("DELETE", f"/chat/sessions/{session}")
    page = await alice.data("GET", "/chat/sessions?status=deleted")
    [tombstone] = page["sessions"]
    assert (tombstone["session_id"], tombstone["status"]) == (session, "deleted")
    assert (tombstone["title"], tombstone["description"]) == ("", "")
    for method, path in (("GET", ""), ("GET", "/messages"), ("GET", "/context"), ("PUT", ""), ("DELETE", "")):
        status, answer = await alice.call(method, f"/chat/sessions/{session}{path}", {} if method == "PUT" else None)
        assert (status, answer["error"]["code"]) == (404, "SESSION_NOT_FOUND"), path


async def test_pages_are_counted_and_cut_and_empty_beyond_the_end(alice):
    for number in range(3):
        await new_session(alice, title=f"session {number}")
    first = (await alice.data("GET", "/chat/sessions?page_size=2"))["pagination"]
    assert first == {"page": 1, "page_size": 2, "total": 3, "total_pages": 2, "has_next": True, "has_prev": False}
    last = (await alice.data("GET", "/chat/sessions?page_size=2&page=2"))["pagination"]
    assert (last["has_next"], last["has_prev"]) == (False, True)
    beyond = await alice.data("GET", "/chat/sessions?page=7&page_size=1000")
    assert beyond["sessions"] == []
    assert (beyond["pagination"]["page_size"], beyond["pagination"]["total"]) == (100, 3)


async def test_a_change_leaves_what_it_does_not_name(alice):
    topic = await new_topic(alice)
    session = await new_session(
        alice,
        title="t",
        description="d",
        topic_id=topic,
        model_config={"temperature": 0.7, "max_tokens": 50, "stream": True},
        context_settings={"max_context_length": 900, "relevance_threshold": 0.25},
    )
    before = await alice.data("GET", f"/chat/sessions/{session}")
    await alice.data("PUT", f"/chat/sessions/{session}", {"model_config": {"temperature": 0.5}})
    await alice.data("PUT", f"/chat/sessions/{session}/context", {"include_document_metadata": False})
    after = await alice.data("GET", f"/chat/sessions/{session}")
    assert after["model_config"] == {**before["model_config"], "temperature": 0.5}
    assert after["context_settings"] == {**before["context_settings"], "include_document_metadata": False}
    assert (after["title"], after["description"], after["topic_id"]) == ("t", "d", topic)
    await alice.data(
        "PUT", f"/chat/sessions/{session}", {"topic_id": None, "description": "", "model_config": {"temperature": None}}
    )
    after = await alice.data("GET", f"/chat/sessions/{session}")
    assert (after["topic_id"], after["description"], after["model_config"]["temperature"]) == (None, "", None)
    await alice.data("PUT", f"/chat/sessions/{session}", {"status": "archived"})
    assert (await alice.data("PUT", f"/chat/sessions/{session}", {"title": "u"}))["status"] == "archived"
    assert (await alice.data("PUT", f"/chat/sessions/{session}", {"status": "active"}))["status"] == "active"


async def test_a_session_is_a_conversation_of_every_contract(alice):
    session = await new_session(alice, title="one of all")
    conversation = str(uuid.UUID(session.removeprefix("sess_")))
    assert (await alice.data("GET", f"/conversations/{conversation}"))["title"] == "one of all"
    made = await alice.new_conversation(title="the other way")
    await alice.send(made, "hello")
    seen = f"sess_{uuid.UUID(made).hex}"
    shown = await alice.data("GET", f"/chat/sessions/{seen}")
    assert (shown["title"], shown["message_count"]) == ("the other way", 2)
    assert len((await alice.data("GET", f"/chat/sessions/{seen}/messages"))["messages"]) == 2


async def test_what_is_somebody_elses_does_not_exist(alice, bob):
    session = await new_session(alice, title="hers")
    reply = (await send(alice, session, "hello"))[1]["data"]["assistant_response"]["message_id"]
    for method, path, body, code in (
        ("GET", f"/chat/sessions/{session}", None, "SESSION_NOT_FOUND"),
        ("PUT", f"/chat/sessions/{session}", {"title": "mine"}, "SESSION_NOT_FOUND"),
        ("DELETE", f"/chat/sessions/{session}", None, "SESSION_NOT_FOUND"),
        ("GET", f"/chat/sessions/{session}/messages", None, "SESSION_NOT_FOUND"),
        ("POST", f"/chat/sessions/{session}/messages", {"content": "x"}, "SESSION_NOT_FOUND"),
        ("GET", f"/chat/sessions/{session}/context", None, "SESSION_NOT_FOUND"),
        ("PUT", f"/chat/sessions/{session}/context", {}, "SESSION_NOT_FOUND"),
        ("GET", f"/chat/messages/{reply}", None, "MESSAGE_NOT_FOUND"),
        ("GET", f"/chat/messages/{reply}/references", None, "MESSAGE_NOT_FOUND"),
        ("POST", f"/chat/messages/{reply}/regenerate", {}, "MESSAGE_NOT_FOUND"),
    ):
        nobodys = path.replace(session, f"sess_{uuid.uuid4().hex}").replace(reply, f"msg_{uuid.uuid4().hex}")
        for asked in (path, nobodys):
            status, answer = await bob.call(method, asked, body)
            assert (status, answer["error"]["code"]) == (404, code), asked
    topic = await new_topic(alice, "hers")
    for made in ({"topic_id": topic}, {"topic_id": 2**62}):
        status, answer = await bob.call("POST", "/chat/sessions", made)
        assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
    assert (await bob.data("GET", "/chat/sessions"))["sessions"] == []
    assert len(await listed(alice)) == 1


@pytest.mark.parametrize("wrong", ["1", "sess_", "sess_abc123def456", "sess_" + "G" * 32, "msg_" + "0" * 32, NOBODYS])
async def test_an_id_that_is_none_finds_nothing(alice, wrong):
    status, answer = await alice.call("GET", f"/chat/sessions/{wrong}")
    assert (status, answer["error"]["code"]) == (404, "SESSION_NOT_FOUND")
    status, answer = await alice.call("GET", f"/chat/messages/{wrong.replace('msg_', 'sess_')}")
    assert (status, answer["error"]["code"]) == (404, "MESSAGE_NOT_FOUND")
