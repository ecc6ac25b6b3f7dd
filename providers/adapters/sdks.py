"""The vendors' own SDKs, for what is no answer: checking a key, listing models.

They bring an HTTP client of their own, httpx2, which knows nothing of who may be connected to. So it is given a transport that
goes through our sessions and sends our headers: the SDK pages and reads the JSON, every byte goes the way that is watched.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp

from providers.adapters.decoding import read_json
from providers.base import ProviderError, ProviderFault

if TYPE_CHECKING:
    from providers.adapters.streaming import StreamingAdapter


@asynccontextmanager
async def client(adapter: "StreamingAdapter", sdk: str, name: str, *, base_url: str) -> AsyncIterator[Any]:
    """The SDK's client for one call. Whatever goes wrong with it is raised as a ProviderError, by the adapter's own reading."""
    seconds = adapter.endpoint.limits.check
    # Loading takes a second and tens of megabytes: not before somebody asks, and not in the event loop.
    module = await asyncio.to_thread(importlib.import_module, sdk)
    transport = await asyncio.to_thread(importlib.import_module, "providers.adapters.sdk_transport")
    try:
        async with asyncio.timeout(seconds), transport.client(adapter) as http:
            yield getattr(module, name)(
                api_key=adapter.endpoint.api_key or "none", base_url=base_url, http_client=http, max_retries=0
            )
    except module.APIStatusError as error:
        raise _refusal(adapter, error.response) from None
    except module.APIConnectionError as error:
        raise _lost(error, seconds) from None
    except transport.httpx2.InvalidURL:
        raise ProviderError(ProviderFault.REJECTED, "InvalidURL") from None
    except TimeoutError:
        raise ProviderError(ProviderFault.TIMEOUT, f"no answer within {seconds:g} s") from None
    except (module.APIError, AttributeError, TypeError, ValueError) as error:
        raise ProviderError(ProviderFault.PROTOCOL, type(error).__name__) from None


def _refusal(adapter: "StreamingAdapter", response: Any) -> ProviderError:
    try:
        body = read_json(response.content)
    except ValueError:
        body = None
    return adapter.error_of(response.status_code, body, response.headers)[0]


def _lost(error: Exception, seconds: float) -> ProviderError:
    """What the SDK wrapped: an error of our transport's, as a rule."""
    match error.__cause__:
        case ProviderError() as cause:
            return cause
        case TimeoutError():
            return ProviderError(ProviderFault.TIMEOUT, f"no answer within {seconds:g} s")
        case aiohttp.ClientError() | OSError() as cause:
            return ProviderError(ProviderFault.CUT, type(cause).__name__, retryable=True)
    return ProviderError(ProviderFault.PROTOCOL, type(error).__name__)
