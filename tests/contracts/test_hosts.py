"""Host names: a process that serves one of them answers no other, on whatever path."""

from __future__ import annotations

import aiohttp
import pytest

from tests.contracts.test_draining import web_process
from tests.contracts.test_socket import PATH, say

OURS, FOREIGN = "chat.example.org", "evil.example"
PATHS = (
    ("GET", "/api/v1/health"),
    ("POST", "/api/v1/conversations/00000000-0000-4000-8000-000000000000/messages"),
    ("GET", "/api/v1/users/me"),
    ("GET", "/admin/login/"),
    ("GET", "/static/admin/css/base.css"),
    ("GET", "/"),
)


async def test_another_host_is_refused_by_all_that_answers(platform, alice):
    async with web_process(platform, ALLOWED_HOSTS=OURS) as (_process, url), aiohttp.ClientSession() as session:
        for method, path in PATHS:
            async with session.request(method, url + path, headers={"Host": FOREIGN, "Accept-Language": "en"}) as response:
                answer = await response.json()
                assert response.status == 400, path
                if not path.startswith("/api"):
                    assert "host name" in answer["detail"]
                    continue
                assert answer["error"]["code"] == "VALIDATION_ERROR"
                assert "host name" in answer["error"]["message"]
                assert "host name" in answer["error"]["details"]["issue"]
            async with session.request(method, url + path, headers={"Host": OURS}) as response:
                assert response.status in (200, 401), path

        address = f"ws{url.removeprefix('http')}{PATH}?token={alice.token}"
        for headers in ({"Host": FOREIGN}, {"Host": FOREIGN, "Origin": f"https://{FOREIGN}"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(address, headers=headers)
            assert refused.value.status == 400
            assert refused.value.headers["X-Request-ID"].startswith("req_")
        async with session.ws_connect(address, headers={"Host": OURS, "Origin": f"https://{OURS}"}) as socket:
            assert (await say(socket, type="ping"))["type"] == "pong"
