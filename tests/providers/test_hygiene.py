"""Foreign text is made storable, and stripped of keys before it is logged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.hygiene import redact, storable

SECRETS = [
    "sk-proj-abcdEFGH1234567890",
    "sk-ant-api03-xxxx****",
    "Bearer abc.def.ghi",
    "gsk_0123456789abcdef",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "api_key=hunter2hunter2",
    "0a1b2c3d4e5f60718293a4b5c6d7e8f9",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_key_is_taken_out(secret: str) -> None:
    assert secret not in redact(f"Incorrect API key provided: {secret}. See the page.")
    assert redact(f"x {secret} y").startswith("x ")


def test_the_key_in_use_is_taken_out_whatever_it_looks_like() -> None:
    assert redact("got opensesame", keys=("opensesame",)) == "got [redacted]"


def test_a_reason_stays_readable() -> None:
    reason = "request (5031 tokens) exceeds the available context size (4096 tokens) of gpt-4o-mini, try a shorter one"
    assert redact(reason, keys=("",)) == reason


@given(st.text(st.characters(), max_size=300))
@settings(deadline=None)
def test_whatever_comes_is_one_storable_line(text: str) -> None:
    assert "\0" not in storable(text)
    storable(text).encode()
    line = redact(text)
    assert len(line.splitlines()) <= 1
    assert len(line) <= 300


@pytest.mark.timeout(10)
@pytest.mark.parametrize("text", ["a" * 1_000_000, "a1" * 500_000, "-" * 1_000_000, "eyJ" * 300_000])
def test_a_long_text_does_not_keep_it_busy(text: str) -> None:
    assert len(redact(text)) <= 300
