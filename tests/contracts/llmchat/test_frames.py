"""Byte for byte what a turn's events become in this contract."""

from __future__ import annotations

import json

import pytest
from django.utils import translation

from chatplatform.contracts.llmchat.stream import EventEncoder
from chatplatform.core.errors import NotSignedIn
from conversations.turns.events import TextAdded
from tests.contracts.test_frames import EVENTS, NAMES, REFERENCE, uuid_text


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


IDS = f'"sessionId":"{uuid_text(2)}","messageId":"{uuid_text(3)}","turnId":"{uuid_text(1)}"'.encode()


def test_server_sent_events_byte_for_byte():
    usage = b'"usage":{"promptTokens":15,"completionTokens":200,"totalTokens":215}'
    failed = b'{"type":"error","code":"SERVICE_UNAVAILABLE","message":"The model\'s provider failed to answer.",'
    lost = b'{"type":"error","code":"SERVICE_UNAVAILABLE","message":"The service is temporarily unavailable.",'
    encoder = EventEncoder(NAMES)
    assert [encoder.frame(event) for event in EVENTS] == [
        b'id: 1\nevent: start\ndata: {"type":"start",' + IDS + b',"model":"gpt-4"}\n\n',
        'id: 2\nevent: chunk\ndata: {"type":"text","content":"春"}\n\n'.encode(),
        b'id: 3\nevent: end\ndata: {"type":"end",' + IDS + b"," + usage + b',"finishReason":"stop","model":"gpt-4"}\n\n',
        b'id: 3\nevent: end\ndata: {"type":"end",' + IDS + b"," + usage + b',"stopped":true}\n\n',
        b"id: 3\nevent: error\ndata: " + failed + IDS + b"}\n\n",
        b"id: 3\nevent: error\ndata: " + lost + IDS + b"}\n\n",
    ]
    assert encoder.frames(EVENTS[:2]) == encoder.frame(EVENTS[0]) + encoder.frame(EVENTS[1])
    assert encoder.frame(REFERENCE) == b""


def test_an_error_of_the_reader_has_no_number():
    frame = EventEncoder(NAMES).error(NotSignedIn())
    assert frame.startswith(b'event: error\ndata: {"type":"error","code":"UNAUTHORIZED",')
    assert frame.endswith(IDS + b"}\n\n")


@pytest.mark.parametrize(
    "text", ["\n\nevent: end\ndata: {}\n\n", 'event: error\n"}', "\r\n: x", "%s %d {}", "\u2028\u2029", "\x1b[31m", "😀"]
)
def test_text_that_looks_like_framing_stays_content(text):
    frame = EventEncoder(NAMES).frame(TextAdded(2, text))
    assert frame.count(b"\n") == 4
    assert json.loads(frame.split(b"data: ", 1)[1])["content"] == text
