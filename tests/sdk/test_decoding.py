"""From JSON to values: a newer platform does not break an older client."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from chatplatform_client import Document, Provider, StreamEnd, StreamStart, UnexpectedAnswer, Usage
from chatplatform_client.decoding import decode
from chatplatform_client.errors import api_error, read_error
from chatplatform_client.events import read_event
from chatplatform_client.models import Progress, read_page
from chatplatform_client.paths import segment
from chatplatform_client.tokens import Credentials, root_of
from lyss_ai_client.models import Tokens

FILE = {
    "id": "f", "filename": "f.pdf", "originalName": "Whales.pdf", "size": 10, "type": "document", "url": "/uploads/f.pdf",
    "uploadedAt": "2025-10-18T10:30:00.000Z", "progress": {"done": 1, "total": 2, "percent": 50},
}  # fmt: skip


def test_camel_case_times_and_what_lies_within():
    found = decode(Document, FILE)
    assert (found.original_name, found.progress) == ("Whales.pdf", Progress(1, 2, 50))
    assert found.uploaded_at == datetime(2025, 10, 18, 10, 30, tzinfo=UTC)
    assert found.failure is None


def test_what_is_new_is_left_out_and_what_is_missing_is_said():
    assert decode(Usage, {"total_tokens": 3, "carbon_grams": 0.1}) == Usage(total_tokens=3)
    with pytest.raises(UnexpectedAnswer, match=r"Provider: provider_type is missing"):
        decode(Provider, {"id": 1, "name": "a"})
    with pytest.raises(UnexpectedAnswer):
        decode(Provider, ["a list"])
    with pytest.raises(UnexpectedAnswer):
        read_page({"items": []}, "items", str)


@pytest.mark.parametrize(
    "place",
    [
        {"page": 2, "size": 5, "total": 7, "pages": 2},
        {"page": 2, "page_size": 5, "total": 7, "total_pages": 2, "has_next": False},
        {"page": 2, "limit": 5, "total": 7, "totalPages": 2},
    ],
)
def test_pages_of_every_contract(place):
    page = read_page({"items": ["6", "7"], "pagination": place}, "items", int)
    assert (page.items, page.page, page.size, page.total, page.pages) == ([6, 7], 2, 5, 7, 2)


def test_events_that_are_not_known_are_passed_over():
    assert read_event("reference", {"type": "reference"}, 2) is None
    start = read_event("start", {"turn_id": "t", "conversation_id": "c", "message_id": "m"}, 1)
    assert start == StreamStart(1, "t", "c", "m")
    end = read_event("end", {"turn_id": "t", "message_id": "m", "usage": {"total_tokens": 3}, "stopped": True}, 9)
    assert end == StreamEnd(9, Usage(total_tokens=3), "t", "m", stopped=True)


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"success": False, "error": {"code": "A", "message": "b", "details": {"turn_id": "t"}}}, "A", "b"),
        ({"code": "A", "message": "b", "error": {"type": "AError", "details": "b", "turnId": "t"}}, "A", "b"),
        ({"type": "error", "code": "A", "message": "b", "turnId": "t"}, "A", "b"),
        ({"error": {"code": "A", "message": "b", "turn_id": "t"}}, "A", "b"),
        ({"detail": "b", "turn_id": "t"}, "", "b"),
    ],
)
def test_an_error_in_any_contracts_shape(body, code, message):
    assert read_error(body)[:2] == (code, message)
    error = api_error(409, json.dumps(body), {"x-request-id": "req_1"})
    assert (error.code, error.message, error.turn_id, error.request_id) == (code, message, "t", "req_1")


@pytest.mark.parametrize("base", ["", "/", "/api", "/api/", "/api/v1", "/lyss/api/v1/"])
def test_the_platform_is_found_from_any_base(base):
    assert root_of(f"https://chat.example.org/at/home{base}") == "https://chat.example.org/at/home"


def test_no_secret_is_written_where_a_value_is_printed():
    held = Credentials("secret-1", "secret-2", "secret-3")
    signed_in = Tokens(access_token="secret-4", expires_in=60, refresh_token="secret-5")
    assert "secret" not in f"{held!r} {signed_in!r}"
    assert held.headers() == {"Authorization": "Bearer secret-1"}


def test_an_id_leads_nowhere_else():
    assert segment("../users/me?x=1#y") == "..%2Fusers%2Fme%3Fx%3D1%23y"
    assert segment(7) == "7"
    for nothing in ("", ".", ".."):
        with pytest.raises(ValueError, match="is not an id"):
            segment(nothing)
