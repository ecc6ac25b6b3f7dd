"""Byte for byte what a turn's events become."""

from __future__ import annotations

import json

import pytest
from django.utils import translation

from chatplatform.contracts.coze.stream import EventEncoder
from chatplatform.core.errors import NotSignedIn
from conversations.turns.events import TextAdded, TurnCompleted, TurnFailed, TurnInterrupted, TurnStarted, TurnStopped
from tests.contracts.test_frames import ANSWER, AT, CONVERSATION, NAMES, QUESTION, REFERENCE, TURN, USAGE

STARTED = TurnStarted(1, TURN, CONVERSATION, ANSWER, QUESTION, "gpt-4", AT)
TEXTS = [TextAdded(2, "我理解"), TextAdded(3, 'a "b"\n\ndata: c'), TextAdded(4, "")]
OF_WHAT = (
    b'"session_id":"demo_session_1","conversation_id":"conv_00000000000000000000000000000002",'
    b'"message_id":"msg_00000000000000000000000000000003","turn_id":"00000000-0000-0000-0000-000000000001"'
)


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


@pytest.fixture
def encoder() -> EventEncoder:
    return EventEncoder(NAMES, "demo_session_1")


def test_an_answer_byte_for_byte(encoder):
    assert [encoder.frame(event) for event in [STARTED, REFERENCE, *TEXTS, TurnCompleted(5, USAGE, "stop", "gpt-4", AT)]] == [
        b"",
        b"",
        'data: {"type":"chunk","data":{"content":"我理解","chunk_index":0,"total_chunks":1}}\n\n'.encode(),
        b'data: {"type":"chunk","data":{"content":"a \\"b\\"\\n\\ndata: c","chunk_index":1,"total_chunks":2}}\n\n',
        b'data: {"type":"chunk","data":{"content":"","chunk_index":2,"total_chunks":3}}\n\n',
        'data: {"type":"complete","data":{"total_chunks":3,"full_content":"我理解a \\"b\\"\\n\\ndata: c",'.encode()
        + OF_WHAT
        + b',"finish_reason":"stop","model":"gpt-4"}}\n\n',
    ]


def test_an_answer_that_was_stopped_ends_as_usual(encoder):
    (*_, last) = encoder.writes([STARTED, *TEXTS, TurnStopped(5, USAGE, AT)])
    assert last.endswith(OF_WHAT + b',"stopped":true}}\n\n')
    assert json.loads(last[6:])["type"] == "complete"


@pytest.mark.parametrize(
    ("ending", "message"),
    [
        (TurnFailed(2, "provider_cut", 7.2, USAGE, AT), "The model's provider failed to answer."),
        (TurnFailed(2, "internal", None, USAGE, AT), "Something went wrong."),
        (TurnInterrupted(2, USAGE, AT), "The service is temporarily unavailable."),
    ],
)
def test_a_failure_is_an_event(encoder, ending, message):
    assert encoder.frame(ending) == b'data: {"type":"error","data":{"message":"%b",%b}}\n\n' % (message.encode(), OF_WHAT)


def test_an_error_of_the_reader_is_an_event(encoder):
    assert json.loads(encoder.error(NotSignedIn())[6:])["data"]["message"] == "Authentication is required."


def test_each_frame_is_a_write_and_what_says_nothing_is_none(encoder):
    writes = list(encoder.writes([STARTED, REFERENCE, *TEXTS]))
    assert len(writes) == 3
    assert all(write.startswith(b"data: ") and write.endswith(b"}\n\n") and write.count(b"\n\n") == 1 for write in writes)
    assert list(encoder.writes([STARTED])) == []


def test_a_heartbeat_is_a_blank_line(encoder):
    assert encoder.heartbeat == b"\n"


def test_who_comes_back_gets_what_is_missing_with_its_own_numbers(encoder):
    assert encoder.start_after(3) == 0
    frames = [json.loads(data[6:]) for data in encoder.writes([STARTED, *TEXTS, TurnCompleted(5, USAGE, "stop", "gpt-4", AT)])]
    assert [(frame["type"], frame["data"].get("chunk_index")) for frame in frames] == [("chunk", 2), ("complete", None)]
    assert frames[1]["data"]["full_content"] == "".join(text.text for text in TEXTS)


def test_who_has_seen_the_end_gets_nothing():
    for ending in (TurnCompleted(5, USAGE, "stop", "gpt-4", AT), TurnFailed(5, "internal", None, USAGE, AT)):
        encoder = EventEncoder(NAMES)
        assert encoder.start_after(5) == 0
        assert list(encoder.writes([STARTED, *TEXTS, ending])) == []


def test_without_a_session_none_is_named():
    assert b"session_id" not in EventEncoder(NAMES).frame(TurnStopped(2, USAGE, AT))
