"""Frames of one contract, from its OpenAPI document: what an operation streams, and what a socket says and hears.

The schemas are the same, so that the two documents cannot disagree. Two things are said otherwise: AsyncAPI has a message for
each kind of frame where OpenAPI has one schema with a discriminator, and its schemas know no discriminator of that form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chatplatform.contracts.contract import Contract
from chatplatform.contracts.openapi.describing import EVENTS

Json = dict[str, Any]
SCHEMA = "#/components/schemas/"
DONE = "StreamDone"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where frames go. `sent` and `received` are names of messages, seen from the server."""

    name: str
    address: str
    method: str
    summary: str
    description: str
    parameters: Mapping[str, str]
    """The parts of the address, with what each is."""
    is_public: bool
    sent: tuple[str, ...]
    received: tuple[str, ...] = ()
    is_socket: bool = False
    every_dialect: bool = False


class Frames:
    """Of one contract. All names begin with the contract's, since all contracts stand in one document."""

    def __init__(self, contract: Contract, document: Json) -> None:
        self.contract = contract
        self._prefix = f"{contract.document.name}."
        self._document = document
        self._schemas: Json = document["components"]["schemas"]
        self._events: tuple[str, ...] = ()
        self.channels = tuple(self._channels())

    @property
    def dialect(self) -> tuple[str, ...]:
        """The messages of a turn that is read as server-sent events."""
        return self._events or next((channel.sent for channel in self.channels if not channel.is_socket), ())

    def messages(self) -> Json:
        return {name: self._message(name) for channel in self.channels for name in (*channel.sent, *channel.received)}

    def schemas(self) -> Json:
        """Those that the messages need, and that these need."""
        found: Json = {}
        wanted = [name.removeprefix(self._prefix) for name in self.messages()]
        while wanted:
            name = wanted.pop()
            if name not in found and name != DONE:
                found[name] = self._schemas[name]
                wanted += _referred(self._schemas[name])
        return {self._prefix + name: _translated(schema, self._prefix) for name, schema in sorted(found.items())}

    def _channels(self) -> Iterator[Channel]:
        for address, methods in self._document["paths"].items():
            for method, operation in methods.items():
                stream = operation["responses"].get("200", {}).get("content", {}).get(EVENTS)
                if (socket := operation.get("x-websocket-messages")) is not None:
                    yield self._socket(address, operation, socket)
                elif stream is not None:
                    yield self._stream(address, method.upper(), operation, _content(stream["schema"]["properties"]["data"]))

    def _socket(self, address: str, operation: Json, frames: Json) -> Channel:
        by_type = self._schemas[_name_in(frames["server"])]["discriminator"]["mapping"]
        self._events = tuple(self._prefix + _name_in({"$ref": by_type[kind]}) for kind in frames["events"])
        sent, received = self._kinds(frames["server"]), self._kinds(frames["client"])
        return Channel(*self._told(address, "GET", operation), is_public=False, sent=sent, received=received, is_socket=True)

    def _stream(self, address: str, method: str, operation: Json, data: Json) -> Channel:
        done = (self._prefix + DONE,) if self.contract.document.last_line else ()
        return Channel(
            *self._told(address, method, operation),
            is_public={} in operation["security"],
            sent=(*self._kinds(data), *done),
            every_dialect=operation.get("x-every-dialect", False),
        )

    def _told(self, address: str, method: str, operation: Json) -> tuple[str, str, str, str, str, dict[str, str]]:
        parts = {part["name"]: part["description"] for part in operation.get("parameters", ()) if part["in"] == "path"}
        name = self._prefix + operation["operationId"]
        return name, address, method, operation["summary"], operation.get("description", ""), parts

    def _kinds(self, reference: Json) -> tuple[str, ...]:
        """The names of what one of is meant."""
        name = _name_in(reference)
        members = self._schemas[name].get("oneOf", [reference])
        return tuple(self._prefix + _name_in(member) for member in members)

    def _message(self, name: str) -> Json:
        plain = name.removeprefix(self._prefix)
        told: Json = {"name": plain, "title": plain}
        if plain == DONE:
            line = {"type": "string", "const": self.contract.document.last_line}
            return told | {"summary": "Nothing follows.", "contentType": "text/plain", "payload": line}
        if summary := self._schemas[plain].get("description"):
            told["summary"] = summary
        return told | {"contentType": "application/json", "payload": {"$ref": SCHEMA + name}}


def _content(data: Json) -> Json:
    """The schema of an event's data, which may be a last line instead."""
    found: Json = data.get("anyOf", [data])[0]["contentSchema"]
    return found


def _name_in(reference: Json) -> str:
    return str(reference["$ref"]).removeprefix(SCHEMA)


def _referred(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [_name_in(schema)] if isinstance(schema.get("$ref"), str) else []
        return own + [name for inner in schema.values() for name in _referred(inner)]
    if isinstance(schema, list):
        return [name for inner in schema for name in _referred(inner)]
    return []


def _translated(schema: Any, prefix: str) -> Any:
    """Its references to the schemas here, and without discriminators."""
    if isinstance(schema, dict):
        return {
            key: SCHEMA + prefix + _name_in(schema) if key == "$ref" and isinstance(inner, str) else _translated(inner, prefix)
            for key, inner in schema.items()
            if key != "discriminator" or not isinstance(inner, dict)
        }
    return [_translated(inner, prefix) for inner in schema] if isinstance(schema, list) else schema
