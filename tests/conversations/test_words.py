"""What a text is found by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.words import LONGEST_WORD, MOST_BYTES, Wanted, wanted_words, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, hello World!", ["hello", "world"]),
        ("机器学习", ["机器", "器学", "学习", "习"]),
        ("学Python语言", ["学", "python", "语言", "言"]),
        ("Ｐｙｔｈｏｎ　３", ["python", "3"]),
        ("Straße CAFÉ cafe\u0301", ["strasse", "café"]),
        ("snake_case pam_unix(8)", ["snake", "case", "pam", "unix", "8"]),
        ("好👍！", ["好", "👍"]),
        ("ありがとう 안녕", ["あり", "りが", "がと", "とう", "う", "안녕", "녕"]),
        ("Что такое Ёлка", ["что", "такое", "ёлка"]),
        ("%_'\"\\ \n\t", []),
        ("", []),
    ],
)
def test_the_words_of_a_text(text, words):
    assert words_of(text) == words


def test_what_is_searched_is_taken_apart_in_the_same_way():
    assert wanted_words("学习") == [Wanted("学习", False)]
    assert wanted_words("学") == [Wanted("学", True)], "any pair that begins with it"
    assert wanted_words("Pyth x") == [Wanted("pyth", True), Wanted("x", False)]
    assert wanted_words("🎉") == [Wanted("🎉", False)]
    assert wanted_words(" %_'\" ") == []


@given(st.text())
def test_every_text_is_found_by_itself(text):
    words = words_of(text)
    for wanted in wanted_words(text):
        assert any(word.startswith(wanted.word) if wanted.beginning else word == wanted.word for word in words)


@given(st.text(alphabet="机器学习是好", min_size=1, max_size=12), st.data())
def test_every_part_of_a_chinese_text_finds_it(text, data):
    begin = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(begin + 1, len(text)))
    words = words_of(text)
    for wanted in wanted_words(text[begin:end]):
        assert any(word.startswith(wanted.word) if wanted.beginning else word == wanted.word for word in words)


def test_what_is_endless_is_found_by_its_beginning():
    assert words_of("x" * 100_000) == ["x" * LONGEST_WORD]
    many = words_of(" ".join(f"word{number}" for number in range(200_000)))
    assert many[0] == "word0"
    assert sum(len(word) for word in many) <= MOST_BYTES
