"""The bounded JSON parser by itself."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from chatplatform.contracts.json_body import parse_json, refuse_repeated_keys
from chatplatform.core.errors import InvalidInput, MalformedBody

TEXT = st.text(st.characters(exclude_characters="\0", codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(-1e15, 1e15) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_sound_is_read_as_the_standard_library_reads_it(value):
    assert parse_json(json.dumps(value)) == value


def test_so_many_lists_that_the_event_loop_would_stand_still_are_malformed():
    assert parse_json('{"a":[' + ",".join(["[]"] * 40_000) + "]}")
    for inside in ("[]", "{}", "[[]]"):
        with pytest.raises(MalformedBody):
            parse_json('{"a":[' + ",".join([inside] * 50_000) + "]}")


def test_the_depth_is_bounded():
    deepest = settings.MAX_JSON_DEPTH
    assert parse_json("[" * deepest + "]" * deepest)
    for depth in (deepest + 1, 1000, 100_000):
        with pytest.raises(MalformedBody):
            parse_json("[" * depth + "]" * depth)
        with pytest.raises(MalformedBody):
            parse_json('{"a":' * depth + "1" + "}" * depth)


NOT_JSON = ["NaN", "Infinity", '"\\ud800"', '"\\udc00x"', "", " ", "\ufeff{}", "{'a':1}", "01"]
TOO_LARGE = ["1e999", "9" * 30, "-" + "9" * 5000, "1e300"]


@pytest.mark.parametrize("text", NOT_JSON + TOO_LARGE)
def test_what_is_not_json_or_too_large_is_malformed(text):
    with pytest.raises(MalformedBody):
        parse_json(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(MalformedBody):
        parse_json(b'{"a":[' + text.encode("utf-8", "surrogatepass") + b",]}")


NUL = [
    ('"\\u0000"', ""),
    ('{"x":"y","a":"\\u0000","b":"\\u0000"}', "a"),
    ('{"\\u0000":1}', ""),
    ('{"a":{"b":["y","x\\u0000"]}}', "a.b.1"),
    ('[{"\\u0000":[]}]', "0"),
]


@pytest.mark.parametrize(("text", "field"), NUL)
def test_nul_is_refused_wherever_it_hides_and_its_place_is_named(text, field):
    with pytest.raises(InvalidInput) as refused:
        parse_json(text)
    assert not isinstance(refused.value, MalformedBody)
    assert refused.value.field == field


def test_the_last_of_two_equal_keys_counts():
    assert parse_json('{"a":1,"a":2}') == {"a": 2}


TWICE = [
    ('{"stream":true,"stream":false}', "stream"),
    ('{"stream":true,"stream":true}', "stream"),
    ('{"stream":true,"\\u0073tream":false}', "stream"),
    ('{"messages":[{"stream":1}],"stream" : 1,\n"stream" : 2}', "stream"),
    ("{" + ",".join(f'"k{n}":{n}' for n in range(30)) + ',"k7":1}', "k7"),
]


@pytest.mark.parametrize(("text", "field"), TWICE)
def test_a_key_that_is_given_twice_is_refused_where_it_matters(text, field):
    with pytest.raises(InvalidInput) as refused:
        refuse_repeated_keys(text.encode(), parse_json(text))
    assert refused.value.field == field


def test_a_key_that_is_given_twice_is_refused_however_deep_its_first_value_is():
    deep = "[" * 1_010 + "]" * 1_010
    text = f'{{"stream":{deep},"stream":true}}'
    with pytest.raises(MalformedBody):
        refuse_repeated_keys(text.encode(), parse_json(text))


NOT_TWICE = [
    {},
    {"stream": True, "messages": [{"stream": 1}, {"stream": 2}]},
    {"model": "stream", "stream": False},
    {"stream": '"stream"', '"stream"': 1, "stream\\": 2},
    {f"k{number}": number for number in range(100)},
    {"stream": {"a": 1, "b": {"stream": []}}},
    {"stream": "caf\u00e9", "é": "\n", "你好": "你好"},
]


@pytest.mark.parametrize("value", NOT_TWICE)
def test_a_key_is_not_taken_for_given_twice_when_it_also_stands_elsewhere(value):
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False)):
        refuse_repeated_keys(text.encode(), parse_json(text))


@given(st.dictionaries(TEXT, VALUES, max_size=6))
def test_what_gives_each_key_once_is_never_refused(value):
    refuse_repeated_keys(json.dumps(value).encode(), value)
