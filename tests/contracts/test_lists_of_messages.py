"""Lists of messages that clients send: what is taken without the machinery of serializers is what it would have taken."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework import serializers

from chatplatform.contracts.fields import MessagesField
from chatplatform.contracts.llmchat.requests import ChatMessage

TEXT = st.sampled_from(["hello", "你好", "", " ", "\n\t", "x" * 10_000, "x" * 10_001, " x "])
ANYTHING: st.SearchStrategy[object] = st.none() | st.booleans() | st.integers() | TEXT | st.just([]) | st.just({})
ROLES = st.sampled_from(["user", "assistant", "system", "User", "robot", ""])
MESSAGES = st.fixed_dictionaries({}, optional={"role": ROLES | ANYTHING, "content": TEXT | ANYTHING, "name": ANYTHING})


def outcome(field: serializers.ListField, value: Any) -> Any:
    try:
        return field.run_validation(value)
    except serializers.ValidationError as error:
        return "refused", str(error.detail)


@given(st.lists(MESSAGES | ANYTHING, max_size=4) | ANYTHING)
def test_it_takes_and_refuses_what_a_list_of_serializers_does(value):
    limits: dict[str, Any] = {"min_length": 1, "max_length": 3}
    plain = serializers.ListField(child=ChatMessage(), **limits)
    assert outcome(MessagesField(child=ChatMessage(), **limits), value) == outcome(plain, value)


def test_a_message_that_is_wrong_is_named_by_its_place():
    field = MessagesField(child=ChatMessage())
    with pytest.raises(serializers.ValidationError) as refused:
        field.run_validation([{"role": "user", "content": "hello"}] * 3 + [{"role": "robot", "content": "hello"}])
    assert set(refused.value.detail[3]) == {"role"}
