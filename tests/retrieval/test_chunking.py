"""Cutting a text into pieces. Pure."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.chunking import CHINESE_CHARS, OTHER_CHARS, split

CHINESE = "网络接口的静态地址写在配置文件里。修改之后要重新启动网络服务，新的地址才会生效。" * 40
ENGLISH = "The static address is written in a file. Restart the network afterwards.\n\n" * 60

SCRIPTS = st.sampled_from(
    ["网", "络", "。", "a", "b", " ", "\n", "\n\n", ". ", "é", "\U0001f600", "\U00020000", "e\u0301", "\t", "1"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(SCRIPTS, max_size=3_000).map("".join))
def test_every_piece_stands_in_the_text_where_it_says(text):
    end = 0
    for number, piece in enumerate(split(text=text, page_starts=())):
        assert text[piece.start : piece.end] == piece.text
        assert piece.ordinal == number
        assert piece.text == piece.text.strip()
        assert piece.start >= end
        assert len(piece.text) <= (CHINESE_CHARS if piece.language == "zh" else OTHER_CHARS)
        end = piece.end


def test_nothing_of_a_text_is_lost():
    for text in (CHINESE, ENGLISH, CHINESE + ENGLISH, ENGLISH + CHINESE):
        joined = "".join(piece.text for piece in split(text=text, page_starts=()))
        assert "".join(joined.split()) == "".join(text.split())


@pytest.mark.parametrize("said", ["x", "日本語の文章がここに続きます", "กำ", "a ", "字"])
def test_a_text_without_lines_and_sentences_takes_no_longer_for_its_length(said):
    text = (said * 200_000)[:200_000]
    began = time.process_time()
    pieces = split(text=text, page_starts=())
    assert time.process_time() - began < 5  # as one stretch it took 17 s, and 400 s for five times as much
    assert all(text[piece.start : piece.end] == piece.text for piece in pieces)
    assert "".join("".join(piece.text.split()) for piece in pieces) == "".join(text.split())


def test_a_long_text_is_cut_at_its_paragraphs_as_a_short_one_is():
    pieces = split(text=ENGLISH * 20, page_starts=())
    assert all(piece.text.startswith("The static") and piece.text.endswith("afterwards.") for piece in pieces)
    assert sum(len(piece.text) > OTHER_CHARS / 2 for piece in pieces) > 0.9 * len(pieces)


def test_pieces_are_as_long_as_their_language_allows_and_end_with_sentences():
    chinese = split(text=CHINESE, page_starts=())
    english = split(text=ENGLISH, page_starts=())
    assert {piece.language for piece in chinese} == {"zh"}
    assert {piece.language for piece in english} == {"en"}
    assert all(piece.text.endswith("。") and len(piece.text) > CHINESE_CHARS / 2 for piece in chinese[:-1])
    assert all(piece.text.endswith(".") and len(piece.text) > OTHER_CHARS / 2 for piece in english[:-1])


def test_chinese_within_an_english_text_is_cut_as_chinese():
    pieces = split(text=ENGLISH * 3 + CHINESE, page_starts=())
    assert all(len(piece.text) <= CHINESE_CHARS for piece in pieces if piece.language == "zh")
    assert {piece.language for piece in pieces} == {"zh", "en"}


def test_a_piece_is_all_on_its_page_however_short_the_page():
    pages = ["Winter is cold.\n", "Spring is mild. " * 100, "", "秋天是收获的季节。"]
    starts = [sum(map(len, pages[:number])) for number in range(4)]
    for piece in split(text="".join(pages), page_starts=starts):
        assert piece.page is not None
        assert piece.text in pages[piece.page - 1]
        assert starts[piece.page - 1] <= piece.start < piece.end <= starts[piece.page - 1] + len(pages[piece.page - 1])
    assert {piece.page for piece in split(text="".join(pages), page_starts=starts)} == {1, 2, 4}


def test_a_piece_is_on_the_page_where_it_begins():
    pages = [f"Page {number}. " + "Some text of it. " * 70 + "\n" for number in range(1, 6)]
    starts = [sum(map(len, pages[:number])) for number in range(5)]
    text = "".join(pages)
    for piece in split(text=text, page_starts=starts):
        assert piece.page is not None
        assert starts[piece.page - 1] <= piece.start
        assert piece.page == 5 or piece.start < starts[piece.page]


def test_a_text_without_pages_has_none_and_one_without_words_has_no_pieces():
    assert [piece.page for piece in split(text="Hello there.", page_starts=())] == [None]
    assert split(text=" \n ---- \n ....", page_starts=(0,)) == []
    assert split(text="", page_starts=()) == []


def test_an_empty_first_page_counts():
    assert [piece.page for piece in split(text="Only the third page has text.", page_starts=(0, 0, 0))] == [3]
