"""Sending, the history, and answering again."""

from __future__ import annotations

import asyncio
import uuid

from tests.contracts.chat_system.conftest import ECHO, QUESTION, guide, new_session, new_topic, send, upload


async def history(client, session, query=""):
    return (await client.data("GET", f"/chat/sessions/{session}/messages{query}"))["messages"]


async def test_the_history_is_read_before_and_after_a_message_and_by_role(alice):
    session = await new_session(alice)
    for number in range(3):
        await send(alice, session, f"question {number}")
    all_of_it = await history(alice, session)
    ids = [message["message_id"] for message in all_of_it]
    assert [message["content"] for message in all_of_it[1::2]] == ["question 2", "question 1", "question 0"]
    middle = ids[2]
    assert [message["message_id"] for message in await history(alice, session, f"?before_message_id={middle}")] == ids[3:]
    assert [message["message_id"] for message in await history(alice, session, f"?after_message_id={middle}")] == ids[:2]
    between = f"?before_message_id={ids[1]}&after_message_id={ids[4]}"
    assert [message["message_id"] for message in await history(alice, session, between)] == ids[2:4]
    assert {message["role"] for message in await history(alice, session, "?role=assistant")} == {"assistant"}
    page = await alice.data("GET", f"/chat/sessions/{session}/messages?role=user&page_size=2")
    assert page["pagination"] == {
        "page": 1,
        "page_size": 2,
        "total": 3,
        "total_pages": 2,
        "has_next": True,
        "has_prev": False,
    }
    assert await history(alice, session, "?role=system") == []


async def test_a_message_of_another_session_bounds_nothing(alice):
    session, other = await new_session(alice), await new_session(alice)
    elsewhere = (await send(alice, other, "hello"))[1]["data"]["message_id"]
    for name in ("before_message_id", "after_message_id"):
        status, answer = await alice.call("GET", f"/chat/sessions/{session}/messages?{name}={elsewhere}")
        assert (status, answer["error"]["code"]) == (404, "MESSAGE_NOT_FOUND")


async def test_what_the_client_says_of_a_message_is_kept(alice):
    session = await new_session(alice)
    sent = (await send(alice, session, "# hello", content_type="markdown", metadata={"tags": ["a", {"b": None}]}))[1]["data"]
    assert (sent["content_type"], sent["metadata"]) == ("markdown", {"tags": ["a", {"b": None}]})
    shown = await alice.data("GET", f"/chat/messages/{sent['message_id']}")
    assert (shown["content_type"], shown["metadata"], shown["content"]) == ("markdown", sent["metadata"], "# hello")
    assert (shown["prompt_tokens"], shown["generation_time_ms"], shown["model"]) == (None, None, None)


async def test_the_same_key_is_the_same_turn_and_with_another_body_it_is_refused(alice):
    session = await new_session(alice)
    answers = await asyncio.gather(
        *(alice.call("POST", f"/chat/sessions/{session}/messages", {"content": "x"}, **{"Idempotency-Key": "k"}) for _ in "ab"),
        send(alice, session, "x", client_message_id="k"),
    )
    assert [status for status, _ in answers] == [200, 200, 200]
    assert len({answer["data"]["message_id"] for _, answer in answers}) == 1
    assert len({answer["data"]["assistant_response"]["message_id"] for _, answer in answers}) == 1
    status, answer = await send(alice, session, "y", client_message_id="k")
    assert (status, answer["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert len(await history(alice, session)) == 2


async def test_answering_again_makes_a_sibling_with_settings_of_its_own(alice):
    session = await new_session(alice, model_config={"temperature": 0.7, "max_tokens": 100})
    sent = (await send(alice, session, "hello"))[1]["data"]
    first = sent["assistant_response"]
    asked = {"model_config": {"temperature": 0.5, "max_tokens": 3}, "regenerate_reason": "too long"}
    second = await alice.data("POST", f"/chat/messages/{first['message_id']}/regenerate", asked)
    assert second["message_id"] != first["message_id"]
    assert second["parent_message_id"] == first["parent_message_id"] == sent["message_id"]
    assert (second["metadata"]["model_config"]["temperature"], second["metadata"]["model_config"]["max_tokens"]) == (0.5, 3)
    assert second["completion_tokens"] == 3
    assert first["metadata"]["model_config"]["temperature"] == 0.7
    kept = await alice.data("GET", f"/chat/sessions/{session}")
    assert kept["model_config"]["temperature"] == 0.7
    assert {message["message_id"] for message in await history(alice, session)} == {
        sent["message_id"],
        first["message_id"],
        second["message_id"],
    }
    third = await alice.data("POST", f"/chat/messages/{first['message_id']}/regenerate")
    assert third["metadata"]["model_config"]["temperature"] == 0.7
    follow_up = (await send(alice, session, "and then?"))[1]["data"]
    assert follow_up["parent_message_id"] == third["message_id"]


async def test_only_an_answer_is_made_again(alice):
    session = await new_session(alice)
    sent = (await send(alice, session, "hello"))[1]["data"]
    status, answer = await alice.call("POST", f"/chat/messages/{sent['message_id']}/regenerate", {})
    assert (status, answer["error"]["code"]) == (400, "VALIDATION_ERROR")
    assert list(answer["error"]["field_errors"]) == ["message_id"]


async def test_a_session_that_is_being_answered_is_busy_and_says_by_which_turn(alice):
    session = await new_session(alice, model_config={"model": "ok-200-rate-20"})
    first = asyncio.ensure_future(send(alice, session, "hello"))
    while not (messages := await history(alice, session)):
        await asyncio.sleep(0.05)
    assert (messages[0]["status"], messages[0]["role"]) == ("streaming", "assistant")
    status, answer = await send(alice, session, "me too")
    assert (status, answer["error"]["code"]) == (409, "SESSION_BUSY")
    assert answer["error"]["turn_id"] == messages[0]["turn_id"]
    await alice.data("POST", f"/turns/{messages[0]['turn_id']}/stop")
    status, answer = await first
    assert (status, answer["data"]["assistant_response"]["stopped"]) == (200, True)
    assert answer["data"]["assistant_response"]["status"] == "stopped"


async def test_references_stay_readable_when_the_document_is_gone_and_say_so(alice):
    topic = await new_topic(alice)
    document = await upload(alice, guide(), "guide.pdf", topic)
    session = await new_session(alice, topic_id=topic, model_config={"model": ECHO})
    reply = (await send(alice, session, QUESTION))[1]["data"]["assistant_response"]
    best = reply["references"][0]
    assert (best["document_id"], best["page_number"], best["document_deleted"]) == (document, 2, False)
    assert "监督学习" in best["excerpt"]
    assert best["reference_type"] == "direct", "the answer repeats it word by word"
    assert best["end_char"] - best["start_char"] == len(best["excerpt"])
    await alice.data("DELETE", f"/upload/{uuid.UUID(document.removeprefix('doc_'))}")
    shown = (await alice.data("GET", f"/chat/messages/{reply['message_id']}/references"))["references"][0]
    assert shown == {**best, "document_deleted": True}


async def test_an_attached_document_is_read_without_any_topic(alice, bob):
    document = await upload(alice, guide(), "guide.pdf")
    session = await new_session(alice, document_ids=[document])
    reply = (await send(alice, session, QUESTION))[1]["data"]["assistant_response"]
    assert {item["document_id"] for item in reply["references"]} == {document}
    assert reply["retrieval_time_ms"] is not None
    bare = await new_session(alice)
    assert (await send(alice, bare, QUESTION))[1]["data"]["assistant_response"]["references"] == []
    reply = (await send(alice, bare, QUESTION, document_ids=[document]))[1]["data"]["assistant_response"]
    assert reply["references"]
    assert (await alice.data("GET", f"/chat/sessions/{bare}"))["document_ids"] == [document]
    assert (await alice.data("PUT", f"/chat/sessions/{bare}", {"title": "t"}))["document_ids"] == [document]
    assert (await alice.data("PUT", f"/chat/sessions/{bare}", {"document_ids": []}))["document_ids"] == []
    assert (await send(alice, bare, QUESTION))[1]["data"]["assistant_response"]["references"] == []
    for path in ("/chat/sessions", f"/chat/sessions/{await new_session(bob)}/messages"):
        status, answer = await bob.call("POST", path, {"content": QUESTION, "document_ids": [document]})
        assert (status, answer["error"]["code"]) == (404, "NOT_FOUND")
