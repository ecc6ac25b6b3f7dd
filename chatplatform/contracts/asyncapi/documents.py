"""The document itself."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache
from typing import Any

import orjson
from django.conf import settings

from chatplatform.contracts.asyncapi.messages import Channel, Frames
from chatplatform.contracts.contract import Contract
from chatplatform.contracts.openapi.documents import Published, contract_document, published_as
from chatplatform.contracts.routing import TABLES

Json = dict[str, Any]
VERSION = "3.0.0"
_DESCRIPTION = """\
What this platform says and hears over WebSockets, and what it sends as server-sent events, in the dialects of all its contracts.
How a stream is asked for is in the OpenAPI documents, at the same addresses.

**Server-sent events.** A message is the `data` of one event. `id:` is the event's number in its turn, for `Last-Event-ID`; Coze's
streams have none. A line that begins with a colon (on Coze's an empty one) is a heartbeat, sent at least every 15 seconds.

**WebSockets.** A message is one text frame. The server pings; clients answer with a pong as the protocol has it.

Clients must accept keys that they do not know."""
_SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token or an API key."},
    "apiKey": {"type": "httpApiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    "socketToken": {"type": "httpApiKey", "in": "query", "name": "token", "description": "For sockets only: as bearer."},
}
_SIGNED_IN = ("bearer", "apiKey")
_making = threading.Lock()


def asyncapi_document() -> Json:
    each = [Frames(contract, contract_document(contract)) for contract, _routes in TABLES]
    dialects = tuple(name for frames in each for name in frames.dialect)
    channels: Json = {}
    operations: Json = {}
    for frames in each:
        for channel in frames.channels:
            told = replace(channel, sent=dialects) if channel.every_dialect else channel
            channels[told.name] = _channel(told, frames.contract)
            operations |= _operations(told)
    return {
        "asyncapi": VERSION,
        "info": {
            "title": settings.SPECTACULAR_SETTINGS["TITLE"],
            "version": settings.SPECTACULAR_SETTINGS["VERSION"],
            "description": _DESCRIPTION,
            "externalDocs": {"description": "The OpenAPI document of all contracts.", "url": "/openapi.json"},
            "tags": [{"name": frames.contract.title} for frames in each],
        },
        "defaultContentType": "application/json",
        "servers": {"http": _server("http", "Server-sent events."), "sockets": _server("ws", "WebSockets.")},
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {name: message for frames in each for name, message in frames.messages().items()},
            "schemas": {name: schema for frames in each for name, schema in frames.schemas().items()},
            "securitySchemes": _SCHEMES,
        },
    }


@cache
def _published() -> Published:
    return published_as(orjson.dumps(asyncapi_document()))


def published() -> Published:
    """The document as it is served; made once for each process."""
    with _making:
        return _published()


def _server(protocol: str, description: str) -> Json:
    return {
        "host": "{host}",
        "protocol": protocol,
        "description": f"{description} With TLS where the platform is behind it.",
        "variables": {"host": {"default": "localhost:8000", "description": "Where the platform is."}},
    }


def _channel(channel: Channel, contract: Contract) -> Json:
    names = dict.fromkeys((*channel.sent, *channel.received))
    told: Json = {
        "address": channel.address,
        "title": channel.summary,
        "servers": [{"$ref": f"#/servers/{'sockets' if channel.is_socket else 'http'}"}],
        "tags": [{"name": contract.title}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }
    if channel.description:
        told["description"] = channel.description
    if channel.parameters:
        told["parameters"] = {name: {"description": text} for name, text in channel.parameters.items()}
    if channel.is_socket:
        told["bindings"] = {"ws": {"method": "GET", "bindingVersion": "0.1.0"}}
    return told


def _operations(channel: Channel) -> Json:
    security = () if channel.is_public else (*_SIGNED_IN, "socketToken") if channel.is_socket else _SIGNED_IN
    common: Json = {"channel": {"$ref": f"#/channels/{channel.name}"}, "summary": channel.summary}
    if security:
        common["security"] = [{"$ref": f"#/components/securitySchemes/{name}"} for name in security]
    if not channel.is_socket:
        common["bindings"] = {"http": {"method": channel.method, "bindingVersion": "0.3.0"}}
    actions = {"send": channel.sent, "receive": channel.received}
    return {
        f"{channel.name}.{action}": {
            "action": action,
            **common,
            "messages": [{"$ref": f"#/channels/{channel.name}/messages/{name}"} for name in names],
        }
        for action, names in actions.items()
        if names
    }
