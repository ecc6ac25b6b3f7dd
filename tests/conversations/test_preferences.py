"""How a conversation wants its turns to be asked for: what is taken, what is refused, what holds by itself."""

from __future__ import annotations

import pytest

from chatplatform.core.errors import InvalidInput
from conversations.preferences import Preferences, merged, read_preferences


def test_what_was_not_said_has_its_default():
    assert read_preferences({}) == Preferences()
    assert read_preferences({"temperature": 0.5}).context_window_strategy == "sliding"
    assert read_preferences({"of another version": 1}) == Preferences()


def test_changes_are_merged_and_none_goes_back_to_the_default():
    settings = merged({}, {"temperature": 0.5, "max_context_length": 8000})
    settings = merged(settings, {"temperature": 0.7, "context_window_strategy": "full"})
    assert settings == {"temperature": 0.7, "max_context_length": 8000, "context_window_strategy": "full"}
    assert merged(settings, {"temperature": None, "max_context_length": None}) == {"context_window_strategy": "full"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", -0.1), ("temperature", 2.1), ("temperature", "0.7"), ("temperature", True), ("temperature", float("nan")),
        ("max_tokens", 0), ("max_tokens", 1.5), ("max_tokens", 10**9), ("max_context_length", 99), ("stream", "yes"),
        ("include_document_metadata", 1), ("context_window_strategy", "newest"), ("relevance_threshold", 7),
        ("relevance_threshold", -1), ("model", "gpt-4"), ("", 1), ("context_window_strategy", ["sliding"]),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(name, value):
    with pytest.raises(InvalidInput) as refused:
        merged({}, {name: value})
    assert refused.value.field == name
    assert refused.value.issue
