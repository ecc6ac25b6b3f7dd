"""httpx2 over our own sessions. Loads httpx2: see `sdks.py`, which does so in a thread."""

import httpx2

from providers.adapters.streaming import StreamingAdapter, read_body


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, adapter: StreamingAdapter) -> None:
        self._adapter = adapter

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # Of the SDK's headers none goes out: some tell about this machine, others come from its environment.
        response = await self._adapter.send(request.method, str(request.url), await request.aread() or None)
        try:
            body = await read_body(response, most=self._adapter.check_body_bytes)
        finally:
            response.close()  # does nothing to a connection that went back
        headers = {name: response.headers[name] for name in ("Content-Type", "Retry-After") if name in response.headers}
        return httpx2.Response(response.status, headers=headers, content=body, request=request)


def client(adapter: StreamingAdapter) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=_Transport(adapter), trust_env=False, follow_redirects=False, timeout=None)
