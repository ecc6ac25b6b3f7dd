"""Questions that nobody means well: each is answered, and the answer is the documents' and not an error."""

import pytest

from retrieval.search import SearchRequest, search
from tests.retrieval.shelf import person, store

pytestmark = pytest.mark.django_db

TYPES = ("hybrid", "semantic", "keyword")
ODD = {
    "nothing": "",
    "spaces": "   ",
    "signs": "%_'\"",
    "punctuation": "。，！？…",
    "a quotation": "it's 100% 'quoted' \\ and \"double\"",
    "operators": "a & b | !c <-> d:* (e)",
    "SQL": "'; DROP TABLE retrieval_chunk; --",
    "backslashes": "\\\\' \\",
    "placeholders": "%s %(user)s {0} $1",
    "NUL": "umbrella\0umbrella",
    "half a surrogate pair": "umbrella \ud800",
    "one letter": "x",
    "emoji": "😀😀",
    "10 kB of one letter": "a" * 10_000,
    "10 kB of words": "umbrella sales " * 700,
    "10 kB of Chinese": "雨伞的销售" * 700,
    "many different words": " ".join(f"word{number}" for number in range(2_000)),
    "Arabic": "مظلة المطر",
    "Thai": "ร่มกันฝน",
}


@pytest.fixture
def alice():
    alice = person("alice")
    store(alice, "Sales of umbrellas rose. It's 100% certain.", title="en")
    store(alice, "雨伞的销售在雨季增长。", title="zh")
    return alice


@pytest.mark.parametrize("search_type", TYPES)
@pytest.mark.parametrize("name", ODD)
def test_it_is_answered(alice, name, search_type):
    found = search(principal=alice, request=SearchRequest(query=ODD[name], search_type=search_type))
    assert all(0 < hit.score <= 1 for hit in found.hits)
    assert found.total >= len(found.hits)


@pytest.mark.parametrize("search_type", TYPES)
@pytest.mark.parametrize("name", ["nothing", "spaces", "signs", "punctuation"])
def test_without_a_word_it_finds_nothing(alice, name, search_type):
    assert search(principal=alice, request=SearchRequest(query=ODD[name], search_type=search_type)).hits == []


def test_thresholds_and_numbers_beyond_all_bounds_find_nothing_or_all(alice):
    ask = SearchRequest(query="umbrella", threshold=7)
    assert search(principal=alice, request=ask).hits == []
    assert len(search(principal=alice, request=SearchRequest(query="umbrella", threshold=-7, most=10**6)).hits) == 2


def test_an_empty_library_answers_at_once():
    assert search(principal=person("bob"), request=SearchRequest(query="umbrella")).total == 0
