"""The outermost layer: addresses behind proxies, other origins, one access line without secrets."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.test import override_settings

from chatplatform.contracts.middleware import Access
from tests.contracts.test_failures_of_our_own import ask


class Seen:
    """An application that notes what it was given."""

    def __init__(self) -> None:
        self.scope: dict[str, Any] = {}

    async def __call__(self, scope, receive, send):
        self.scope = dict(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})


async def arrive(*headers: tuple[bytes, bytes], client: str = "203.0.113.5", **scope: Any):
    seen = Seen()
    status, answered, _ = await ask(Access(seen), client=(client, 1), headers=list(headers), **({"path": "/api/v1/x"} | scope))
    return seen.scope, status, answered


FORWARDED = [(b"x-forwarded-for", b"1.1.1.1, 198.51.100.7"), (b"x-forwarded-proto", b"https")]


async def test_forwarded_headers_of_strangers_mean_nothing():
    spoofed = [*FORWARDED, (b"x-real-ip", b"9.9.9.9"), (b"forwarded", b"for=9.9.9.9")]
    for proxies in ([], ["192.0.2.0/24"]):
        with override_settings(TRUSTED_PROXIES=proxies):
            scope, _, _ = await arrive(*spoofed)
            assert scope["client"][0] == "203.0.113.5"
            assert scope.get("scheme", "http") == "http"


@pytest.mark.parametrize(
    ("chain", "address"),
    [
        (b"1.1.1.1, 198.51.100.7", "198.51.100.7"),  # the client made 1.1.1.1 up
        (b"198.51.100.7, 192.0.2.1", "198.51.100.7"),  # two proxies of ours
        (b"198.51.100.7", "198.51.100.7"),
        (b"2001:db8::7", "2001:db8::7"),
        (b"198.51.100.7, nonsense", "192.0.2.9"),
        (b"", "192.0.2.9"),
        (b"192.0.2.1, 192.0.2.2", "192.0.2.1"),
    ],
)
@override_settings(TRUSTED_PROXIES=["192.0.2.0/24"])
async def test_a_configured_proxy_says_who_called_it(chain, address):
    scope, _, _ = await arrive((b"x-forwarded-for", chain), (b"x-forwarded-proto", b"https"), client="192.0.2.9")
    assert scope["client"][0] == address
    assert scope["scheme"] == "https"


@override_settings(TRUSTED_PROXIES=["192.0.2.0/24"])
async def test_several_forwarded_headers_count_as_one_in_order():
    scope, _, _ = await arrive((b"x-forwarded-for", b"1.1.1.1"), (b"x-forwarded-for", b"198.51.100.7"), client="192.0.2.9")
    assert scope["client"][0] == "198.51.100.7"


@pytest.mark.parametrize(
    "origin",
    [
        b"https://evil.example",
        b"null",
        b"https://ours.example.evil.example",
        b"https://sub.ours.example",
        b"http://ours.example",
        b"https://ours.example:444",
    ],
)
@override_settings(CORS_ALLOWED_ORIGINS=["https://ours.example"])
async def test_other_origins_are_not_allowed(origin):
    for scope in ({}, {"method": "OPTIONS"}):
        headers = [(b"origin", origin), (b"access-control-request-method", b"POST")]
        _, _, answered = await arrive(*headers, **scope)
        assert b"access-control-allow-origin" not in answered
        assert b"access-control-allow-methods" not in answered


@override_settings(CORS_ALLOWED_ORIGINS=["https://ours.example"])
async def test_a_configured_origin_is_allowed_without_credentials():
    _, status, answered = await arrive((b"origin", b"https://ours.example"))
    assert answered[b"access-control-allow-origin"] == b"https://ours.example"
    assert answered[b"vary"] == b"Origin"
    assert b"access-control-allow-credentials" not in answered
    _, status, answered = await arrive(
        (b"origin", b"https://ours.example"), (b"access-control-request-method", b"POST"), method="OPTIONS"
    )
    assert status == 204
    assert b"authorization" in answered[b"access-control-allow-headers"]
    assert b"DELETE" in answered[b"access-control-allow-methods"]


async def test_cors_is_off_unless_origins_are_named_and_a_star_never_means_credentials():
    _, _, answered = await arrive((b"origin", b"https://ours.example"))
    assert not any(name.startswith(b"access-control") for name in answered)
    with override_settings(CORS_ALLOWED_ORIGINS=["*"]):
        _, _, answered = await arrive((b"origin", b"https://ours.example"))
    assert answered[b"access-control-allow-origin"] == b"*"
    assert b"access-control-allow-credentials" not in answered


async def test_one_access_line_without_the_token(caplog):
    with caplog.at_level(logging.INFO, logger="access"):
        await arrive((b"user-agent", b"curl"), query_string=b"token=abc.def.ghi&page=2", path="/api/v1/conversations")
    lines = [record.msg for record in caplog.records if record.name == "access"]
    assert len(lines) == 1
    assert (lines[0]["method"], lines[0]["path"], lines[0]["status"]) == ("GET", "/api/v1/conversations", 200)
    assert lines[0]["query"] == "token=[hidden]&page=2"
    assert lines[0]["request_id"].startswith("req_")


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ([b"chat.example.org"], 200),
        ([b"chat.example.org:8443"], 200),
        ([b"CHAT.example.org."], 200),
        ([b"a.example.net"], 200),
        ([], 400),  # meant is the address it was sent to
        ([b""], 400),
        ([b"evil.example"], 400),
        ([b"chat.example.org.evil.example"], 400),
        ([b"chat.example.org@evil.example"], 400),
        ([b"chat.example.org/x"], 400),
        ([b"\xff"], 400),
        ([b"chat.example.org", b"chat.example.org"], 400),
    ],
)
@override_settings(ALLOWED_HOSTS=["chat.example.org", ".example.net"])
async def test_only_hosts_of_ours_are_answered(hosts, status, caplog):
    seen, got, _ = await arrive(*[(b"host", host) for host in hosts], server=("127.0.0.1", 8000))
    assert got == status
    assert bool(seen) is (status == 200), "nobody further inside sees it"
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == (status == 400)
    assert not any(record.exc_info or record.levelno > logging.WARNING for record in warnings)
