"""A route that will go says so in every answer, wherever it runs, three months before."""

from __future__ import annotations

import dataclasses
from datetime import date
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from chatplatform.asgi import Platform
from chatplatform.contracts.contract import Runs
from chatplatform.contracts.deprecation import Deprecation
from chatplatform.contracts.middleware import Access
from chatplatform.contracts.routing import Place, find_place, places
from tests.contracts.test_failures_of_our_own import ask

GOING = Deprecation(
    since=date(2026, 1, 1), sunset=date(2026, 4, 1), note="https://chat.example.org/moving", successor="/api/v2/conversations"
)
TOLD = {
    b"deprecation": b"@1767225600",
    b"sunset": b"Wed, 01 Apr 2026 00:00:00 GMT",
    b"link": b'<https://chat.example.org/moving>; rel="deprecation", <https://chat.example.org/moving>; rel="sunset",'
    b' </api/v2/conversations>; rel="successor-version"',
}
IN_EACH_WAY = {
    Runs.FAST: ("GET", "/api/v1/users/me"),
    Runs.SLOW: ("POST", "/api/v1/users/me/change-password"),
    Runs.HOT: ("GET", "/api/v1/conversations"),
    Runs.NATIVE: ("POST", "/api/v1/turns/550e8400-e29b-41d4-a716-446655440040/stop"),
}


def find_going(path: str, accept: str) -> tuple[Place, dict[str, str]] | None:
    """As the product finds, but what answers to these methods will go."""
    found = find_place(path, accept)
    if found is None:
        return None
    place, parts = found
    routes = {
        method: dataclasses.replace(route, deprecated=GOING) if (method, path) in IN_EACH_WAY.values() else route
        for method, route in place.routes.items()
    }
    return dataclasses.replace(place, routes=routes), parts


async def told(method: str, path: str) -> tuple[int, dict[bytes, bytes]]:
    status, headers, _body = await ask(Access(Platform(find=find_going)), method=method, path=path)
    return status, {name: value for name, value in headers.items() if name in TOLD}


@pytest.mark.django_db(transaction=True)  # threads of the pool look after connections that earlier tests left them
@pytest.mark.parametrize("runs", Runs)
async def test_every_answer_says_since_when_and_until_when(runs: Runs) -> None:
    method, path = IN_EACH_WAY[runs]
    found = find_place(path)
    assert found is not None
    assert found[0].runs(method) is runs
    assert await told(method, path) == (401, TOLD)


async def test_other_methods_and_other_routes_say_nothing() -> None:
    assert (await told("PUT", "/api/v1/users/me"))[1] == {}
    assert (await told("GET", "/api/v1/users/me/quota"))[1] == {}
    assert (await told("GET", "/api/v1/nothing"))[1] == {}


async def test_a_head_says_what_a_get_says() -> None:
    assert (await told("HEAD", "/api/v1/users/me"))[1] == TOLD


@pytest.mark.parametrize(
    ("since", "sunset", "is_enough"),
    [
        (date(2026, 1, 1), date(2026, 3, 31), False),
        (date(2026, 1, 1), date(2026, 4, 1), True),
        (date(2025, 11, 30), date(2026, 2, 28), False),
        (date(2025, 11, 30), date(2026, 3, 1), True),
        (date(2026, 12, 1), date(2027, 3, 1), True),
        (date(2026, 12, 1), date(2026, 1, 1), False),
    ],
)
def test_nothing_goes_with_less_than_three_months_of_notice(since: date, sunset: date, is_enough: bool) -> None:
    def deprecate() -> Any:
        return Deprecation(since=since, sunset=sunset, note="/moving")

    if is_enough:
        assert deprecate().sunset == sunset
    else:
        with pytest.raises(ValueError, match="cannot go before"):
            deprecate()


def test_the_document_marks_it_and_names_its_headers() -> None:
    place = next(place for place in places() if place.addresses[0] == "/api/v1/users/me")
    routes = {method: dataclasses.replace(route, deprecated=GOING) for method, route in place.routes.items() if method == "GET"}
    routes = dict(place.routes) | routes
    route = routes["GET"]
    actions: Any = {method.lower(): each.action for method, each in routes.items()}
    from django.urls import re_path

    handler = route.view.as_view(actions, contract=place.contract, routes=routes)
    made = SchemaGenerator(patterns=[re_path("^" + route.pattern(place.addresses[0]), handler)]).get_schema(public=True)
    operations = made["paths"]["/api/v1/users/me"]
    assert operations["get"]["deprecated"] is True
    assert {"Deprecation", "Sunset", "Link"} <= set(operations["get"]["responses"]["200"]["headers"])
    assert "deprecated" not in operations["put"]
    assert "Sunset" not in operations["put"]["responses"]["200"]["headers"]
