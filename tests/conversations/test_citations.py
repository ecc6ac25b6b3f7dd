"""Which passages an answer uses: found by the server, in what the answer says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversations.citations import SHORTEST_SPAN, positions_cited

CHINESE = "机器学习是人工智能的一个重要分支，它使计算机能够从数据中学习规律。"
ENGLISH = "Gradient descent walks downhill along the steepest slope of a loss."


@pytest.mark.parametrize(
    ("answer", "positions"),
    [
        ("It is so [1].", (1,)),
        ("It is so [2][1].", (1, 2)),
        ("It is so [1, 2].", (1, 2)),
        ("是这样的【2】。", (2,)),
        ("是这样的[1，2]。", (1, 2)),
        ("It is so [7].", ()),
        ("It is so [0] and [12345].", ()),
        ("It is so [2, 9].", (2,)),
        ("See https://example.com/[a] and [x1].", ()),
        ("1. one 2. two (1) {2}", ()),
        ("", ()),
    ],
)
def test_a_marker_of_a_passage_counts_and_an_invented_one_is_nothing(answer, positions):
    assert positions_cited(answer, [CHINESE, ENGLISH]) == positions


@pytest.mark.parametrize(("position", "passage"), [(1, CHINESE), (2, ENGLISH)])
def test_a_span_of_twelve_characters_word_for_word_counts_and_one_of_eleven_does_not(position, passage):
    for begin in range(len(passage) - SHORTEST_SPAN + 1):
        span = passage[begin : begin + SHORTEST_SPAN]
        if span != span.strip():
            continue  # its ends would be the answer's own white space
        assert positions_cited(f"«{span}»", [CHINESE, ENGLISH]) == (position,)
        assert positions_cited(f"«{span[1:]}»", [CHINESE, ENGLISH]) == ()


def test_where_lines_break_does_not_matter():
    assert positions_cited("it\nwalks   downhill\nalong", [ENGLISH.replace(" ", "\n")]) == (1,)


def test_lines_and_dots_are_nobodys_words():
    assert positions_cited("a\n--------------------\nb", ["x -------------------- y", "....................."]) == ()


def test_without_passages_there_is_nothing_to_cite():
    assert positions_cited("It is so [1].", []) == ()


@given(st.text(), st.lists(st.text(), max_size=4))
def test_whatever_is_said_only_passages_that_were_given_are_cited(answer, excerpts):
    assert set(positions_cited(answer, excerpts)) <= set(range(1, len(excerpts) + 1))
