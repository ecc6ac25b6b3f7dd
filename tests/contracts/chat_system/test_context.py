"""The context: what the next message would be sent with, in chunks, and the settings that bound it."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.utils import translation

from tests.contracts.chat_system.conftest import new_session, send


def shown(language, *said):
    from chatplatform.contracts.chat_system.responses import context
    from conversations.preview import ContextView
    from providers.base import PromptMessage

    messages = tuple(PromptMessage(role, content) for role, content in said)
    view = ContextView(conversation_id=uuid4(), messages=messages, passages=(), total_tokens=9, max_tokens=99)
    with translation.override(language):
        return [(chunk["context_type"], chunk["content"]) for chunk in context(view)["context"]["context_chunks"]]


@pytest.mark.parametrize(("language", "user", "assistant"), [("zh-hans", "用户", "助手"), ("en", "User", "Assistant")])
def test_a_question_and_its_answer_are_one_chunk(language, user, assistant):
    said = (("system", "Be brief."), ("user", "one?"), ("assistant", "1"), ("user", "two?"), ("user", "three?"))
    assert shown(language, *said) == [
        ("system", "Be brief."),
        ("conversation", f"{user}: one?\n{assistant}: 1"),
        ("conversation", f"{user}: two?"),
        ("conversation", f"{user}: three?"),
    ]
    assert shown(language) == []


async def test_what_does_not_fit_slides_out_or_is_refused(alice):
    session = await new_session(alice, context_settings={"max_context_length": 400}, model_config={"max_tokens": 20})
    for number in range(6):
        assert (await send(alice, session, f"question {number} " + "word " * 60))[0] == 200
    context = (await alice.data("GET", f"/chat/sessions/{session}/context"))["context"]
    said = " ".join(chunk["content"] for chunk in context["context_chunks"])
    assert "question 5" in said
    assert "question 0" not in said
    assert 0 < context["total_context_length"] <= context["max_context_length"] == 400

    await alice.data("PUT", f"/chat/sessions/{session}/context", {"context_window_strategy": "full"})
    for method, path, body in (("POST", "messages", {"content": "more " * 20}), ("GET", "context", None)):
        status, answer = await alice.call(method, f"/chat/sessions/{session}/{path}", body)
        assert (status, answer["error"]["code"]) == (422, "CONTEXT_TOO_LONG"), path
    await alice.data("PUT", f"/chat/sessions/{session}/context", {"max_context_length": None})
    context = (await alice.data("GET", f"/chat/sessions/{session}/context"))["context"]
    assert "question 0" in context["context_chunks"][0]["content"]
    assert (await send(alice, session, "again"))[0] == 200


async def test_an_empty_session_has_an_empty_context(alice):
    context = (await alice.data("GET", f"/chat/sessions/{await new_session(alice)}/context"))["context"]
    assert context["context_chunks"] == []
    assert context["max_context_length"] > 0
