"""What a view says of its operation, and a contract of its document. `route_schema.py` makes OpenAPI of these values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from chatplatform.core.errors import DomainError, NotFound

Shape = type[serializers.Serializer[Any]]
View = TypeVar("View", bound=Callable[..., Any])
Errors = tuple[type[DomainError], ...]
JSON = "application/json"
EVENTS = "text/event-stream"
PLAIN = "text/plain"


def shape(name: str, doc: str = "", /, **fields: serializers.Field[Any, Any, Any, Any]) -> Shape:
    """The schema of an object, for documents only."""
    return type(name, (serializers.Serializer,), {"__doc__": doc, **fields})


def one_of(name: str, **shapes: Shape) -> PolymorphicProxySerializer:
    """One of several shapes, told apart by the value of their field `type`."""
    return PolymorphicProxySerializer(component_name=name, serializers=dict(shapes), resource_type_field_name="type")


def always(value: str) -> serializers.ChoiceField:
    """A field that has this value and no other."""
    return serializers.ChoiceField(choices=[value])


def client_frames(kinds: Mapping[str, tuple[Shape, str]]) -> PolymorphicProxySerializer:
    """What a client may say on a socket: by `type`, the shape of the rest and what it is for."""
    shapes = {
        kind: type(f"Client{kind.title().replace('_', '')}", (base,), {"__doc__": doc, "type": always(kind)})
        for kind, (base, doc) in kinds.items()
    }
    return one_of("ClientFrame", **shapes)


@extend_schema_field({"type": "null"})
class NullField(serializers.Field):
    """Always null."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer beside the ordinary one, or instead of it, which is JSON in the contract's envelope."""

    body: Any = None
    """A shape; for `EVENTS` what the data of an event may be; None for text, and for no body at all."""
    status: int = 200
    media_type: str = JSON
    """Empty for no body."""
    description: str = ""


@dataclass(frozen=True, slots=True)
class SocketFrames:
    """What goes over a WebSocket, each a `one_of`."""

    client: PolymorphicProxySerializer
    server: PolymorphicProxySerializer
    examples: Mapping[str, Any]
    """By the name of the shape."""
    events: tuple[str, ...] = ()
    """The types of the server's that are the data of server-sent events, too."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What is known of a route's action that its row in the table does not say. Its description is the view's docstring."""

    name: str
    """Unique in the contract: what a generated client calls its method."""
    summary: str
    request: Shape | None = None
    data: Shape | None = None
    """What the envelope holds; None is null."""
    status: int = 200
    also: tuple[int, ...] = ()
    """Other statuses that the same answer may have."""
    enveloped: bool = True
    """Whether there is an answer in the envelope."""
    answers: tuple[Answer, ...] = ()
    errors: Errors = ()
    """Beside those that follow from the route."""
    parameters: tuple[OpenApiParameter | Shape, ...] = ()
    security: tuple[str, ...] | None = None
    """The schemes, where they are not the usual ones. An empty name is nobody at all."""
    socket: SocketFrames | None = None
    every_dialect: bool = False
    """Its events may be in any contract's dialect."""


def described(name: str, summary: str, **more: Any) -> Callable[[View], View]:
    """Marks a view's method with its `Operation`."""
    operation = Operation(name, summary, **more)

    def mark(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return mark


@dataclass(frozen=True, slots=True)
class Example:
    """An operation's example. `answer` is what stands in the envelope, or the whole body where there is none."""

    answer: Any = None
    request: Any = None
    message: str = ""
    stream: str = ""
    """As it goes over the wire."""


@dataclass(frozen=True, slots=True)
class PathPart:
    """A `{name}` in paths."""

    description: str
    example: Any
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string", "format": "uuid"})
    missing: type[DomainError] = NotFound


@dataclass(frozen=True, slots=True)
class Document:
    """What a contract's OpenAPI document says beside its operations."""

    name: str
    """In `/openapi/{name}.json`."""
    description: str
    tags: Mapping[str, str]
    """The chapters and what they are about, in order. A viewset names its own in `tag`."""
    envelope: Callable[[Shape | None], Shape]
    """The shape of an answer by the shape of its data."""
    failure: Shape
    """The shape of every error."""
    parts: Mapping[str, PathPart]
    examples: Mapping[str, Example]
    """By the operation's name."""
    links: Mapping[str, Mapping[str, Mapping[str, str]]]
    """What can be done with an answer: by the operation's name, operations with where in the answer their parameters are."""
    last_line: str = ""
    """The last `data:` of a stream, where it is no JSON."""
