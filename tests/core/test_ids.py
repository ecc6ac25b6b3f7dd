"""Ids with a prefix are a UUID's hexadecimal digits behind it, and nothing else is one."""

from __future__ import annotations

from uuid import UUID

import pytest

from chatplatform.core.ids import parse_prefixed, prefixed

ROW = UUID("550e8400-e29b-41d4-a716-446655440001")
WRITTEN = "sess_550e8400e29b41d4a716446655440001"


def test_what_was_written_is_read():
    assert prefixed("sess", ROW) == WRITTEN
    assert parse_prefixed("sess", WRITTEN) == ROW


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sess_",
        WRITTEN.upper(),
        WRITTEN.replace("sess", "msg"),
        WRITTEN + "0",
        WRITTEN[:-1],
        f"sess_{ROW}",
        f" {WRITTEN}",
        f"{WRITTEN}\n",
        WRITTEN[:-1] + "٣",
        str(ROW),
        None,
        5,
        [WRITTEN],
    ],
)
def test_nothing_else_is_an_id(text):
    assert parse_prefixed("sess", text) is None
