"""Byte for byte what a turn's events become."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

import pytest
from django.utils import translation

from chatplatform.contracts.chatgpt_backend.socket import SocketEncoder
from chatplatform.contracts.chatgpt_backend.stream import EventEncoder
from chatplatform.contracts.encoder import TurnEncoder, TurnNames
from chatplatform.core.errors import NotSignedIn
from conversations.turns import events as turn_events
from conversations.turns.events import (
    ReferenceFound,
    ReferenceView,
    TextAdded,
    TurnCompleted,
    TurnFailed,
    TurnInterrupted,
    TurnStarted,
    TurnStopped,
    TurnUsage,
)

TURN, CONVERSATION, ANSWER, QUESTION = (UUID(int=number) for number in (1, 2, 3, 4))
NAMES = TurnNames(TURN, CONVERSATION, ANSWER)
AT = datetime(2024, 1, 1, 16, 0, 0, 999, tzinfo=UTC)
USAGE = TurnUsage(15, 200, "provider")

EVENTS = [
    TurnStarted(1, TURN, CONVERSATION, ANSWER, QUESTION, "gpt-4", AT),
    TextAdded(2, "春"),
    TurnCompleted(3, USAGE, "stop", "gpt-4", AT),
    TurnStopped(3, USAGE, AT),
    TurnFailed(3, "provider_cut", 7.2, USAGE, AT),
    TurnInterrupted(3, TurnUsage(None, None, "missing"), AT),
]
REFERENCE = ReferenceFound(2, ReferenceView(UUID(int=5), 1, UUID(int=6), 1, UUID(int=7), "t", "a", "pdf", 1, 0, 1, "x", 0.5))


def uuid_text(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012d}"


def test_every_kind_of_event_is_here():
    assert {type(event) for event in [*EVENTS, REFERENCE]} == set(get_args(turn_events.TurnEvent))


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


def test_server_sent_events_byte_for_byte():
    usage = b'"usage":{"prompt_tokens":15,"completion_tokens":200,"total_tokens":215,"source":"provider"}'
    names = f'"turn_id":"{uuid_text(1)}","message_id":"{uuid_text(3)}"'.encode()
    failed = b'{"code":"OPENAI_API_ERROR","message":"The model\'s provider failed to answer.","details":{"retry_after":8}}'
    lost = b'{"code":"SERVICE_UNAVAILABLE","message":"The service is temporarily unavailable.","details":{"retry_after":1}}'
    encoder = EventEncoder(NAMES)
    assert [encoder.frame(event) for event in EVENTS] == [
        b'id: 1\ndata: {"type":"start","message_id":"%b","turn_id":"%b","conversation_id":"%b","user_message_id":"%b",'
        b'"model":"gpt-4"}\n\n' % tuple(uuid_text(number).encode() for number in (3, 1, 2, 4)),
        'id: 2\ndata: {"type":"content","content":"春"}\n\n'.encode(),
        b'id: 3\ndata: {"type":"end",' + usage + b"," + names + b',"finish_reason":"stop","model":"gpt-4"}\n\n',
        b'id: 3\ndata: {"type":"end",' + usage + b"," + names + b',"stopped":true}\n\n',
        b'id: 3\ndata: {"type":"error","error":' + failed + b"," + names + b"}\n\n",
        b'id: 3\ndata: {"type":"error","error":' + lost + b"," + names + b"}\n\n",
    ]
    assert encoder.frames(EVENTS[:2]) == encoder.frame(EVENTS[0]) + encoder.frame(EVENTS[1])


def test_a_reference_has_no_frame_where_documented_readers_know_none():
    assert EventEncoder(NAMES).frame(REFERENCE) == b""
    assert SocketEncoder(NAMES).frame(REFERENCE) == ""
    assert EventEncoder(NAMES).frames([EVENTS[0], REFERENCE]) == EventEncoder(NAMES).frame(EVENTS[0])


def test_an_error_of_the_reader_has_no_number():
    frame = EventEncoder(NAMES).error(NotSignedIn())
    assert frame.startswith(b'data: {"type":"error","error":{"code":"AUTHENTICATION_ERROR",')


def test_socket_frames_name_conversation_message_and_turn():
    encoder = SocketEncoder(NAMES)
    frames = [json.loads(encoder.frame(event)) for event in EVENTS]
    assert [frame["type"] for frame in frames] == [
        "message_start", "message_content", "message_end", "message_end", "error", "error",
    ]  # fmt: skip
    for frame, event in zip(frames, EVENTS, strict=True):
        assert frame["conversation_id"] == uuid_text(2)
        assert frame["message_id"] == uuid_text(3)
        assert frame["turn_id"] == uuid_text(1)
        assert frame["n"] == event.n
        assert datetime.strptime(frame["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    assert frames[0]["timestamp"] == "2024-01-01T16:00:00Z"
    assert frames[3]["stopped"] is True


@pytest.mark.parametrize(
    "text", ["\n\ndata: [DONE]\n\n", 'event: error\n"}', "\r\n: x", "%s %d {}", "\u2028\u2029", "\x1b[31m", "😀"]
)
def test_text_that_looks_like_framing_stays_content(text):
    sse = EventEncoder(NAMES).frame(TextAdded(2, text))
    assert sse.count(b"\n") == 3
    assert sse.endswith(b"\n\n")
    assert json.loads(sse.split(b"data: ", 1)[1])["content"] == text
    frame = SocketEncoder(NAMES).frame(TextAdded(2, text))
    assert json.loads(frame)["content"] == text


def test_every_encoder_is_whole():
    def kinds(base):
        for kind in base.__subclasses__():
            yield kind
            yield from kinds(kind)

    whole = [kind for kind in kinds(TurnEncoder) if not kind.__abstractmethods__]
    assert {EventEncoder, SocketEncoder} <= set(whole)
