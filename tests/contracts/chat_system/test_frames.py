"""What a turn's events become: the document's frames, over the socket and as the data of server-sent events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import get_args
from uuid import UUID

import pytest
from django.utils import translation

from chatplatform.contracts.chat_system.frames import SOCKET
from chatplatform.contracts.chat_system.socket import SocketEncoder
from chatplatform.contracts.chat_system.stream import EventEncoder
from chatplatform.contracts.encoder import TurnNames
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
from tests.contracts.chat_system.documented_frames import FRAMES
from tests.contracts.test_documented_examples import agrees

TURN, SESSION, ANSWER, QUESTION = (UUID(int=number) for number in (1, 2, 3, 4))
NAMES = TurnNames(TURN, SESSION, ANSWER)
AT = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
LATER = AT + timedelta(milliseconds=2500)
USAGE = TurnUsage(150, 30, "provider")
PASSAGE = ReferenceView(
    id=UUID(int=5),
    position=1,
    document_id=UUID(int=6),
    document_version=1,
    chunk_id=UUID(int=7),
    title="深度学习入门指南",
    author="",
    file_type="pdf",
    page=None,
    start=150,
    end=172,
    excerpt="深度学习是一种基于人工神经网络的机器学习方法",
    score=0.92,
)
BEGIN = [
    TurnStarted(1, TURN, SESSION, ANSWER, QUESTION, "gpt-4", AT, retrieval_ms=300),
    ReferenceFound(2, PASSAGE),
    TextAdded(3, "深度学习是"),
    TextAdded(4, "机器学习的一个"),
]
COMPLETED = TurnCompleted(5, USAGE, "stop", "gpt-4", LATER)
ENDINGS = (
    COMPLETED,
    TurnStopped(5, USAGE, LATER),
    TurnFailed(5, "provider_cut", 7.2, USAGE, LATER),
    TurnInterrupted(5, TurnUsage(None, None, "missing"), LATER),
)


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield


def over_socket(*events, seen: int = 0):
    encoder = SocketEncoder(NAMES)
    assert encoder.start_after(seen) == 0, "it is given all events, since its last frame tells of them all"
    return [json.loads(text) for event in events for text in encoder.frame(event)]


def as_events(*events, seen: int = 0) -> bytes:
    encoder = EventEncoder(NAMES)
    encoder.start_after(seen)
    return encoder.frames(events)


def data_of(stream: bytes) -> list[dict]:
    return [json.loads(line[6:]) for line in stream.decode().split("\n") if line.startswith("data: ")]


def test_every_kind_of_event_is_here():
    assert {type(event) for event in (*BEGIN, *ENDINGS)} == set(get_args(turn_events.TurnEvent))


def test_every_frame_has_the_keys_and_types_that_the_document_prints():
    frames = over_socket(*BEGIN, COMPLETED)
    assert [frame["type"] for frame in frames] == [
        "stream_start", "reference_chunk", "content_chunk", "content_chunk", "content_chunk", "stream_end",
    ]  # fmt: skip
    for frame in [*frames, *over_socket(*BEGIN, ENDINGS[2])[-1:]]:
        agrees(FRAMES[frame["type"]], frame)


def test_chunks_are_numbered_from_one_and_the_last_is_final_and_empty():
    chunks = [frame["data"] for frame in over_socket(*BEGIN, COMPLETED) if frame["type"] == "content_chunk"]
    assert [(chunk["chunk_index"], chunk["content"], chunk["is_final"]) for chunk in chunks] == [
        (1, "深度学习是", False), (2, "机器学习的一个", False), (3, "", True),
    ]  # fmt: skip
    end = over_socket(*BEGIN, COMPLETED)[-1]["data"]
    assert end["total_chunks"] == 3


def test_the_end_sums_the_turn_up():
    end = over_socket(*BEGIN, COMPLETED)[-1]
    assert end["timestamp"] == "2024-01-15T10:30:02Z"
    assert end["data"] == {
        "session_id": f"sess_{SESSION.hex}",
        "message_id": f"msg_{ANSWER.hex}",
        "turn_id": str(TURN),
        "n": 5,
        "final_content": "深度学习是机器学习的一个",
        "total_tokens": 180,
        "total_chunks": 3,
        "references_count": 1,
        "processing_time_ms": 2800,
        "finish_reason": "stop",
        "model": "gpt-4",
    }


def test_a_stopped_turn_has_the_ordinary_end_marked_so():
    frames = over_socket(*BEGIN, ENDINGS[1])
    assert [frame["type"] for frame in frames[-2:]] == ["content_chunk", "stream_end"]
    assert frames[-2]["data"]["is_final"] is True
    assert frames[-1]["data"]["stopped"] is True


@pytest.mark.parametrize(("ending", "seconds"), [(ENDINGS[2], 8), (ENDINGS[3], 1), (TurnFailed(5, "x", None, USAGE, LATER), 5)])
def test_a_turn_that_failed_ends_with_an_error_that_says_when_to_come_back(ending, seconds):
    frames = over_socket(*BEGIN, ending)
    assert not any(frame["data"].get("is_final") for frame in frames)
    assert frames[-1]["type"] == "error"
    told = frames[-1]["data"]
    assert (told["error_code"], told["retry_after"], told["text_kept"]) == ("GENERATION_FAILED", seconds, True)
    assert (told["session_id"], told["turn_id"], told["n"]) == (f"sess_{SESSION.hex}", str(TURN), 5)


@pytest.mark.parametrize("seen", range(7))
def test_whoever_comes_back_gets_the_rest_and_an_end_that_tells_of_all(seen):
    whole = over_socket(*BEGIN, COMPLETED)
    rest = over_socket(*BEGIN, COMPLETED, seen=seen)
    numbers = [frame["data"]["n"] for frame in rest]
    assert numbers == [n for n in (1, 2, 3, 4) if n > seen] + [5, 5]
    assert [one["data"] for one in rest] == [one["data"] for one in whole[-len(rest) :]]


def test_server_sent_events_carry_the_same_frames_with_the_events_number():
    stream = as_events(*BEGIN, COMPLETED)
    assert [frame["data"] for frame in data_of(stream)] == [frame["data"] for frame in over_socket(*BEGIN, COMPLETED)]
    blocks = stream.decode().strip().split("\n\n")
    # Whoever is cut off between the two frames of the ending comes back with 4 and gets both again.
    assert [block.split("\n")[0] if block.startswith("id") else "" for block in blocks] == [
        "id: 1", "id: 2", "id: 3", "id: 4", "", "id: 5",
    ]  # fmt: skip
    assert as_events(*BEGIN, seen=4) == b""
    assert [frame["data"]["n"] for frame in data_of(as_events(*BEGIN, COMPLETED, seen=3))] == [4, 5, 5]


def test_an_error_of_the_reader_has_no_number():
    frame = EventEncoder(NAMES).error(NotSignedIn())
    assert frame.startswith(b'data: {"type":"error","data":{')
    assert data_of(frame)[0]["data"]["error_code"] == "AUTHENTICATION_FAILED"


@pytest.mark.parametrize(
    "text", ["\n\ndata: [DONE]\n\n", 'event: error\n"}', "\r\n: x", "%s %d {}", "\u2028\u2029", "\x1b[31m", "😀"]
)
def test_text_that_looks_like_framing_stays_content(text):
    for event in (TextAdded(2, text), ReferenceFound(2, PASSAGE)):
        assert as_events(event).count(b"\n") == 3
    assert data_of(as_events(TextAdded(2, text)))[0]["data"]["content"] == text
    assert over_socket(TextAdded(2, text))[0]["data"]["content"] == text


def test_the_examples_in_the_interfaces_document_are_what_the_encoder_makes():
    shown = {example["type"]: example for example in SOCKET.examples.values()}
    for frame in (*over_socket(*BEGIN, COMPLETED), over_socket(*BEGIN, ENDINGS[2])[-1]):
        assert shown[frame["type"]]["data"].keys() == frame["data"].keys(), frame["type"]
