"""What texts are found by. Pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.lexical import language_of, query_words, quoted, words, words_in


def test_chinese_is_cut_into_words_and_names_into_their_parts():
    assert list(words_in("配置 PAM_unix(8) 模块")) == ["配置", "pam", "unix", "8", "模块"]


def test_a_word_is_kept_with_all_its_places():
    found = words("data, more data")
    assert (found.literal, found.length) == ("'data':1,3 'more':2", 3)


def test_plurals_are_found_by_their_singular_and_names_stay_apart():
    assert list(words_in("entries boxes commands patches classes")) == ["entry", "box", "command", "patch", "class"]
    assert list(words_in("bus process https axis")) == ["bus", "process", "http", "axis"]


def test_width_case_and_composition_do_not_matter():
    assert list(words_in("ＡＢＣ Café")) == list(words_in("abc cafe\u0301"))


def test_question_words_count_only_when_there_is_nothing_else():
    assert query_words("How do I configure the network?") == ("configure", "network")
    assert query_words("如何配置网络") == ("配置", "网络")
    assert query_words("what is this?") == ("what", "is", "this")


@pytest.mark.parametrize("text", ["", "   ", "%_'\"", "\n\t", "。，！？", "😀"])
def test_what_has_no_word_asks_for_nothing(text):
    assert query_words(text) == ()
    assert words(text).literal == ""


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("配置网络", "zh"),
        ("用 systemctl 重启网络服务", "zh"),
        ("Restart the network", "en"),
        ("Qué es esto", "en"),
        ("настройка сети", ""),
        ("ネットワークの設定をする", ""),
        ("12345 %%%", ""),
    ],
)
def test_the_script_tells_the_language(text, language):
    assert language_of(text) == language


def test_long_runs_of_letters_count_by_their_beginning():
    assert list(words_in("x" * 5_000)) == ["x" * 64]


@pytest.mark.django_db
@given(text=st.text(max_size=300))
def test_whatever_a_text_has_postgresql_takes_its_literal_and_finds_each_of_its_words(text):
    from django.db import connection

    text = text.replace("\0", "")
    found = words(text)
    with connection.cursor() as cursor:
        for word in dict.fromkeys(words_in(text)):
            cursor.execute("SELECT %s::tsvector @@ %s::tsquery", [found.literal, quoted(word)])
            assert cursor.fetchone() == (True,)
