"""The document's limits: 1,000 requests a minute, 2,000 for who is signed in, 5,000 for an enterprise."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from accounts.principal import Principal
from chatplatform.contracts.contract import Rate
from chatplatform.contracts.incoming import count_request
from chatplatform.contracts.llmchat.contract import LLMCHAT, RATE, STRANGERS_RATE
from chatplatform.contracts.llmchat.urls import ROUTES
from chatplatform.core.errors import RateLimited
from chatplatform.core.origin import NOWHERE, Origin
from quotas.models import ENTERPRISE


@pytest.fixture
def alice(settings) -> Principal:
    settings.RATE_LIMITS = True
    number = uuid4().int % 2**40
    return Principal(
        user_id=number, user_uuid=uuid4(), username="alice", role="user", tier="standard", session_id=None, api_key_id=1
    )


def counted(rate: Rate, person: Principal | None, origin: Origin = NOWHERE) -> int:
    """How many requests are let through until one is refused, within a window or two."""
    for number in range(20_000):
        try:
            count_request(LLMCHAT, rate, person, origin)
        except RateLimited:
            return number
    raise AssertionError("there is no limit")


@pytest.mark.parametrize(("tier", "most"), [("standard", 2_000), ("vip", 2_000), (ENTERPRISE, 5_000)])
def test_a_person_has_as_many_requests_a_minute_as_her_tier(alice, tier, most):
    assert most <= counted(RATE, replace(alice, tier=tier)) <= 2 * most
    count_request(LLMCHAT, RATE, replace(alice, user_id=alice.user_id + 1), NOWHERE)  # others are not affected


def test_strangers_have_a_thousand_a_minute_by_their_address(alice):
    somewhere = replace(NOWHERE, address=f"2001:db8::{uuid4().hex[:4]}:{uuid4().hex[:4]}")
    assert 1_000 <= counted(STRANGERS_RATE, None, somewhere) <= 2_000
    count_request(LLMCHAT, STRANGERS_RATE, None, replace(somewhere, address=f"2001:db8::{uuid4().hex[:4]}"))
    count_request(LLMCHAT, RATE, alice, somewhere)  # who has signed in there is counted by herself


def test_every_route_has_one_of_the_two():
    for route in ROUTES:
        if not route.at_root:
            assert route.rate == (STRANGERS_RATE if route.public else RATE), route
