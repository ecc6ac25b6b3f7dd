"""What people are known by is masked where nobody needs it; what only looks like it stays."""

from __future__ import annotations

import json
import time

import pytest

from chatplatform import logs
from chatplatform.core import audit
from chatplatform.core.masking import CARD, EMAIL, IDENTITY, KEY, PHONE, mask
from chatplatform.core.models import AuditEvent
from chatplatform.core.origin import Origin

MASKED = {
    "身份证号11010519491231002X。": f"身份证号{IDENTITY}。",
    "id: 11010519491231002x": f"id: {IDENTITY}",
    "110105 19491231 002X": IDENTITY,
    "请拨打13812345678，谢谢": f"请拨打{PHONE}，谢谢",
    "+86 138-1234-5678": PHONE,
    "008613812345678": PHONE,
    "138 1234 5678 2024": f"{PHONE} 2024",
    "4111 1111 1111 1111": CARD,
    "卡号6222021234567890128": f"卡号{CARD}",
    "3782 822463 10005": CARD,
    "13812345678 13912345678 4111-1111-1111-1111": f"{PHONE} {PHONE} {CARD}",
    "邮箱alice.b+c@mail.example.cn，": f"邮箱{EMAIL}，",
    "?email=alice%40example.com&x=1": f"?email={EMAIL}&x=1",
    "key sk-proj-abcdefgh12345 is wrong": f"key {KEY} is wrong",
    "AKIAIOSFODNN7EXAMPLE": KEY,
    "令牌eyJhbGciOiJI.eyJzdWIiOiIx.c2ln": f"令牌{KEY}",
    "ghp_abcdefghijklmnopqrstuvwx": KEY,
    "sk-13812345678-the-rest-of-it": KEY,
    "-eyJhbGciOiJI-x_y.eyJzdWIiOiIx.c2ln": f"-{KEY}",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIabc+/=\n-----END RSA PRIVATE KEY-----\nrest": f"{KEY}\nrest",
}

LEFT = [
    "110105194912310021",  # the check digit would be X
    "110105199913310023",  # a thirteenth month
    "4111111111111112",  # not by Luhn
    "订单 202401011234567890",
    "1700000000000",  # a moment in milliseconds
    "0.4111111111111111",
    "v4111111111111111",
    "550e8400-e29b-41d4-a716-446655440000",
    "12345678901",  # no phone begins with 12
    "138123456789",
    "a@b",
    "sk-short",
    "2026-11-21T17:00:00.123456Z",
    "10.138.123.45:8000",
]


@pytest.mark.parametrize("text", MASKED)
def test_it_is_masked_wherever_it_stands(text: str) -> None:
    assert mask(text) == MASKED[text]


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("text", MASKED)
def test_what_is_masked_stays_as_it_is(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@pytest.mark.parametrize(
    "text", ["-eyJ", "-eyJaaaaaaaa", "6222 0000 ", "a@a.a.", "-----BEGIN PRIVATE KEY-----", "110101 19900307 "]
)
def test_what_only_begins_like_it_many_times_takes_no_time(text: str) -> None:
    began = time.process_time()
    mask(text * (200_000 // len(text)))
    assert time.process_time() - began < 1


PRIVATE = ["13812345678", "11010519491231002X", "4111111111111111", "alice@example.com", "sk-abcdefgh12345"]


def test_no_log_line_tells_it() -> None:
    entry = {"event": f"she said {' '.join(PRIVATE)}", "deep": [{"text": PRIVATE}], "raw": PRIVATE[0].encode()}
    line = logs.render(None, "", logs.redact(None, "", entry))
    assert json.loads(line)["event"] == f"she said {PHONE} {IDENTITY} {CARD} {EMAIL} {KEY}"
    assert not [private for private in PRIVATE if private in line]


@pytest.mark.django_db
def test_no_audit_event_tells_it() -> None:
    everything = " ".join(PRIVATE)
    audit.record(
        action="access.refused",
        target=everything,
        origin=Origin(address="192.0.2.1", user_agent=everything, request_id="req_1"),
        details={"name": everything, "all": [{"text": everything}], "tokens": 13812345678},
    )
    event = AuditEvent.objects.get()
    stored = f"{event.target} {event.user_agent} {json.dumps(event.details)}".replace(": 13812345678", "")
    assert not [private for private in PRIVATE if private in stored]
    assert event.details["tokens"] == 13812345678  # a count is not text
    assert event.address == "192.0.2.1"
