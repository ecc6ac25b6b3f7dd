"""Server-sent events mean the same however the network cuts them."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.sse import SSEEvent, SSEParser, SSETooLong

LINES = st.sampled_from(
    [
        "data: {}",
        "data:{}",
        "data:  two blanks",
        "data",
        "data: 你好😀",
        ": comment",
        ":",
        "event: error",
        "event",
        "id: 7",
        "retry: 10",
        "nonsense",
        "",
        "",
        "\ufeffdata: x",
    ]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r\n", "\r"])), max_size=30).map(
    lambda lines: "".join(line + end for line, end in lines).encode()
)


def parse(stream: bytes, cuts: list[int] | None = None) -> list[tuple[str, str]]:
    parser = SSEParser()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts or []), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]
    return [(event.name, event.text) for piece in pieces for event in parser.feed(piece)]


def as_the_standard_says(stream: bytes) -> list[tuple[str, str]]:
    """The specification's own words, on the whole text at once."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\r|\n", text)[:-1]
    events: list[tuple[str, str]] = []
    data: list[str] = []
    name = ""
    for line in lines:
        if line == "":
            if data:
                events.append((name or "message", "\n".join(data)))
            data, name = [], ""
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
    return events


@settings(deadline=None)
@given(STREAMS, st.lists(st.integers(0, 400), max_size=40))
@example(b"data: a\r\n\r\ndata: b\r\r", [8, 9, 10])
@example(b"data: a\n\n\ndata: b\n\n", [])
@example(b"data: a\ndata: b\n\ndata: c\n\n", [])
@example("data: 你\n\n".encode(), [7, 8])
def test_any_cut_of_the_bytes_gives_the_events_of_the_standard(stream: bytes, cuts: list[int]) -> None:
    assert parse(stream, cuts) == as_the_standard_says(stream)


@settings(deadline=None)
@given(STREAMS)
def test_one_byte_at_a_time_is_no_different(stream: bytes) -> None:
    assert parse(stream, list(range(len(stream)))) == as_the_standard_says(stream)


@settings(deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=20))
def test_arbitrary_bytes_never_fail_and_never_depend_on_the_cut(stream: bytes, cuts: list[int]) -> None:
    assert parse(stream, cuts) == parse(stream)


@settings(deadline=None)
@given(st.lists(st.text(st.characters(exclude_characters="\r\n"), max_size=20), max_size=8), st.lists(st.integers(0, 400)))
def test_what_is_written_usually_is_read_back(texts: list[str], cuts: list[int]) -> None:
    stream = "".join(f"data: {text}\n\n" for text in texts).encode("utf-8", "replace")
    assert [text for _name, text in parse(stream, cuts)] == [text.encode("utf-8", "replace").decode() for text in texts]


def test_an_event_that_is_not_finished_is_no_event() -> None:
    assert SSEParser().feed(b"data: [DONE]\n") == []


def test_bad_utf8_is_replaced() -> None:
    assert SSEParser().feed(b"data: a\xff\xfeb\n\n")[0].text == "a\ufffd\ufffdb"


def test_many_events_in_one_read_come_at_once() -> None:
    assert SSEParser().feed(b"data: 1\n\n" * 3) == [SSEEvent("message", b"1")] * 3


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 2000, b"data: xxxxxxxxx\n" * 200, b": " + b"x" * 2000])
def test_a_line_or_an_event_without_end_is_refused_before_it_fills_the_memory(stream: bytes) -> None:
    parser = SSEParser(limit=1000)

    def read_in_pieces() -> None:
        for at in range(0, len(stream), 100):
            parser.feed(stream[at : at + 100])

    with pytest.raises(SSETooLong):
        read_in_pieces()
