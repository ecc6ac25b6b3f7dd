"""The route tables: every route is guarded, and runs where it should. (`test_openapi.py`: and is described.)"""

from __future__ import annotations

import re

import pytest

from chatplatform.contracts.contract import Runs
from chatplatform.contracts.routing import TABLES, find_place, places

PUBLIC = {
    "chatgpt_backend": {
        ("POST", "/auth/register"),
        ("POST", "/auth/login"),
        ("POST", "/auth/refresh"),
        ("POST", "/auth/forgot-password"),
        ("POST", "/auth/reset-password"),
        ("GET", "/health"),
        ("GET", "/info"),
        ("GET", "/models"),
        ("GET", "/metrics"),
        ("GET", "/ws/chat"),  # the socket's handshake asks for itself
    },
    "lyss": {("POST", "/auth/register"), ("POST", "/auth/login"), ("POST", "/auth/refresh")},
    "llmchat": {
        ("POST", "/auth/register"),
        ("POST", "/auth/login"),
        ("POST", "/auth/refresh"),
        ("GET", "/health"),
        ("GET", "/metrics"),
    },
    "chat_system": {("GET", "/chat/sessions/{session_id}/stream")},  # the same
    "openai": set(),
    "coze": {("GET", "/"), ("GET", "/health")},
}
SLOW = {
    "chatgpt_backend": {"/auth/register", "/auth/login", "/auth/reset-password", "/users/me/change-password"},
    # A provider's price list is read when it gets an address.
    "lyss": {"/auth/register", "/auth/login", "/providers", "/providers/{provider_id}"},
    "llmchat": {"/auth/register", "/auth/login", "/agents/reload", "/chat/sessions/save", "/upload", "/upload/{file_id}"},
    "chat_system": set(),
    "openai": set(),
    "coze": set(),
}
WAITING = {
    "chatgpt_backend": {
        ("POST", "/conversations/{conversation_id}/messages"),
        ("POST", "/conversations/{conversation_id}/messages/stream"),
        ("GET", "/turns/{turn_id}"),
        ("GET", "/turns/{turn_id}/events"),
        ("POST", "/turns/{turn_id}/stop"),
        ("GET", "/health"),
    },
    "lyss": {("POST", "/chat/messages"), ("POST", "/chat/stream")},
    "llmchat": {
        ("GET", "/agents/{agent_id}/status"),
        ("POST", "/chat/completions"),
        ("POST", "/cad/parse"),
        ("GET", "/health"),
        ("GET", "/health/detailed"),
    },
    "chat_system": {
        ("POST", "/chat/sessions/{session_id}/messages"),
        ("POST", "/chat/messages/{message_id}/regenerate"),
        ("POST", "/chat/search"),
    },
    "openai": {("POST", "/chat/completions"), ("POST", "/embeddings")},
    "coze": {("POST", "/chat"), ("POST", "/chat/stream"), ("GET", "/health")},
}
UNAUTHORIZED = {
    "chatgpt_backend": "AUTHENTICATION_ERROR",
    "lyss": "UNAUTHORIZED",
    "llmchat": "UNAUTHORIZED",
    "chat_system": "AUTHENTICATION_FAILED",
    "openai": "invalid_api_key",
    "coze": None,  # its errors have no codes
}


SENDS = {"/chat", "/chat/stream", "/chat/completions", "/embeddings"}


def routes():
    return [(contract, route) for contract, table in TABLES for route in table]


def test_every_contract_is_looked_at_here():
    assert {contract.name for contract, _ in TABLES} == set(PUBLIC) == set(SLOW) == set(WAITING) == set(UNAUTHORIZED)


@pytest.mark.parametrize(("contract", "table"), [pytest.param(*row, id=row[0].name) for row in TABLES])
def test_what_is_public_and_what_leaves_the_few_threads_of_ordinary_rest(contract, table):
    assert {(route.method, route.path) for route in table if route.public} == PUBLIC[contract.name]
    assert {route.path for route in table if route.runs is Runs.SLOW} == SLOW[contract.name]
    assert {(route.method, route.path) for route in table if route.runs is Runs.NATIVE} == WAITING[contract.name]


@pytest.mark.parametrize(("contract", "route"), [pytest.param(*row, id=f"{row[0].name} {row[1].path}") for row in routes()])
def test_rates_are_the_documents(contract, route):
    """Who gives no figures takes those of ChatGPT Backend. Asking who one is, is no attempt to become somebody."""
    if route.rate is None:
        assert (route.method, route.path) in {("GET", "/"), ("GET", "/health")}
        return
    if contract.name == "llmchat":
        rates = ("1000/m", "1000/m", True) if route.public else ("2000/m", "5000/m", False)
        assert (route.rate.limit_for("standard"), route.rate.limit_for("enterprise"), route.rate.by_address) == rates
        return
    is_auth = route.path.startswith("/auth/") and route.path != "/auth/me"
    is_send = route.method == "POST" and ("/messages" in route.path or route.path in SENDS)
    sends = "60/m" if contract.name == "chat_system" else "20/m"
    assert route.rate.limit == ("5/m" if is_auth else sends if is_send else "100/m")
    assert route.rate.by_address is is_auth


def test_every_path_is_found_with_and_without_a_slash_and_nothing_else_is():
    for place in places():
        path = re.sub(r"{\w+}", "x", place.addresses[0])
        accept = f"application/vnd.{place.contract.vendor}.v1+json" if place.addresses[0] == "/health" else ""  # of two
        for written in (path, f"{path}/" if path != "/" else ""):
            found = find_place(written, accept)
            assert found is not None
            assert found[0] is place
        for other in (f"{path}//", f"{path}/x/y/z", f"{path}x" if "{" not in place.path else f"/x{path}", f"/{path}"):
            found = find_place(other)
            assert found is None or found[0] is not place


@pytest.mark.parametrize("credentials", [
    {},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer garbage"},
    {"Authorization": "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4In0."},
    {"Authorization": "Basic YTpi"},
    {"X-API-Key": "cp_0000000000000000_0000000000000000000000"},
    {"Cookie": "access_token=x; sessionid=y"},
])  # fmt: skip
async def test_every_route_that_is_not_public_answers_401_to_strangers(platform, alice, credentials):
    alice.token = ""
    for contract, route in routes():
        if route.public or (contract.guests and not {"Authorization", "X-API-Key"} & credentials.keys()):
            continue  # (a guest: tests/contracts/coze/test_guests.py)
        url = platform.url + re.sub(r"{\w+}", "00000000-0000-4000-8000-000000000000", contract.address(route))
        async with alice.session.request(route.method, url, headers=credentials) as response:
            answer = await response.json()
        code = answer["code"] if contract.name == "llmchat" else answer["error"]["code"] if "error" in answer else None
        assert (response.status, code) == (401, UNAUTHORIZED[contract.name]), route
    query = f"{platform.url}/api/v1/users/me?token=x&access_token=x"
    async with alice.session.get(query) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_the_documentation_and_its_files_come_from_here(platform, alice):
    for path, media_type in (
        ("/docs", "text/html"),
        ("/openapi.json", "application/json"),
        ("/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js", "text/javascript"),
        ("/static/admin/css/base.css", "text/css"),
        ("/static/chatplatform/pages.css", "text/css"),
        ("/admin/login/", "text/html"),
    ):
        async with alice.session.get(platform.url + path) as response:
            assert response.status == 200, path
            assert response.content_type == media_type
            text = await response.text()
        if media_type == "text/html":
            assert not re.search(r"(?:src|href)=\"https?://", text), f"{path} loads something from elsewhere"


async def test_the_start_page(platform, alice):
    async with alice.session.get(platform.url, headers={"Accept": "text/html,*/*"}) as response:
        assert response.content_type == "text/html"
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
        page = await response.text()
        assert "/docs" in page
        assert "/admin/" in page
    async with alice.session.get(platform.url, headers={"Accept": "application/json"}) as response:
        assert (await response.json())["name"] == "chatplatform"
