"""One operation of OpenAPI, of a route's row in the table, its view's `Operation`, and its contract."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils import translation
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiExample, OpenApiResponse

from chatplatform.contracts.contract import Contract, Route
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.openapi import fields  # noqa: F401  # spectacular finds them once they are imported
from chatplatform.contracts.openapi.describing import EVENTS, JSON, Answer, Example, Operation
from chatplatform.contracts.openapi.refusals import refusals_of, sample
from chatplatform.core.errors import DomainError

MOMENT = datetime(2024, 1, 1, 12, tzinfo=UTC)
"""When all examples happen."""
SIGNED_IN = ("bearer", "apiKey")
_HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-ID": {
        "description": "The request's name in the logs: the client's own, if it sent a sane one.",
        "required": True,
        "schema": {"type": "string"},
        "example": "req_6f1d2c3b4a59687706152433",
    },
    "Retry-After": {
        "description": "Seconds until trying again makes sense.",
        "schema": {"type": "integer", "minimum": 1},
        "example": 42,
    },
    "WWW-Authenticate": {"description": "How to sign in.", "schema": {"type": "string"}, "example": "Bearer"},
    "Deprecation": {
        "description": "Since when one should do without this, as `@` and seconds since 1970.",
        "schema": {"type": "string"},
        "example": "@1767225600",
    },
    "Sunset": {
        "description": "When it will be gone.",
        "schema": {"type": "string"},
        "example": "Fri, 01 May 2026 00:00:00 GMT",
    },
    "Link": {
        "description": "What there is to know about moving, and what to use instead.",
        "schema": {"type": "string"},
        "example": '</docs/moving>; rel="deprecation", </api/v2/agents>; rel="successor-version"',
    },
    "Upgrade": {"description": "What is spoken here instead.", "schema": {"type": "string"}, "example": "websocket"},
}
_NOTICES = ("Deprecation", "Sunset", "Link")
_OF_STATUS = {401: ("WWW-Authenticate",), 426: ("Upgrade",), 429: ("Retry-After",), 502: ("Retry-After",), 503: ("Retry-After",)}


class RouteSchema(AutoSchema):
    # --- What it is made of

    view: ContractViewSet  # type: ignore[override]

    @property
    def route(self) -> Route:
        return self.view.routes[self.method]

    @property
    def contract(self) -> Contract:
        return self.view.contract

    @property
    def operation(self) -> Operation:
        operation: Operation = getattr(self.view, self.route.action).operation
        return operation

    @property
    def example(self) -> Example:
        return self.contract.document.examples[self.operation.name]

    # --- What spectacular asks for

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        made = super().get_operation(*args, **kwargs)
        assert made is not None  # none is excluded
        made["responses"] = self._with_refusals(made["responses"])
        for status, response in made["responses"].items():
            names = ("X-Request-ID", *_OF_STATUS.get(int(status), ()), *(_NOTICES if self.is_deprecated() else ()))
            response["headers"] = {name: self._header(name) for name in names}
        if (linked := self.contract.document.links.get(self.operation.name)) is not None:
            made["responses"][str(self.operation.status)]["links"] = {
                name: {"operationId": name, "parameters": dict(parameters)} for name, parameters in linked.items()
            }
        if self.operation.every_dialect:
            made["x-every-dialect"] = True
        if self.operation.socket is not None:
            frames = self.operation.socket
            made["x-websocket-messages"] = {
                "client": self.resolve_serializer(frames.client, "request").ref,
                "server": self.resolve_serializer(frames.server, "response").ref,
                "events": list(frames.events),
                "examples": {
                    name: self._component(ResolvedComponent.EXAMPLE, name, {"value": frame})
                    for name, frame in frames.examples.items()
                },
            }
        return made

    def get_operation_id(self) -> str:
        return self.operation.name

    def get_summary(self) -> str:
        return self.operation.summary

    def get_tags(self) -> list[str]:
        return [self.view.tag]

    def is_deprecated(self) -> bool:
        return self.route.deprecated is not None

    def get_auth(self) -> list[dict[str, list[str]]]:
        names = self.operation.security
        if names is None:
            names = ("",) if self.route.public else ("", *SIGNED_IN) if self.contract.guests else SIGNED_IN
        return [{name: []} if name else {} for name in names]

    def get_override_parameters(self) -> list[Any]:
        return list(self.operation.parameters)

    def get_request_serializer(self) -> Any:
        return self.operation.request

    def get_response_serializers(self) -> Any:
        operation, document = self.operation, self.contract.document
        answers: dict[Any, OpenApiResponse] = {}
        for status in (operation.status, *operation.also) if operation.enveloped else ():
            answers[status, JSON] = OpenApiResponse(
                document.envelope(operation.data), "Done.", [self._example(self._enveloped_example())]
            )
        for answer in operation.answers:
            answers[answer.status, answer.media_type or JSON] = self._other(answer)
        return answers

    def get_examples(self) -> list[OpenApiExample]:
        asked = self.example.request
        return [] if asked is None else [self._example(asked, request_only=True, media_type=self.map_parsers()[0])]

    def _is_list_view(self, serializer: Any = None) -> bool:
        return False  # a list stands in an envelope here

    def _insert_field_validators(self, field: Any, schema: dict[str, Any]) -> None:
        super()._insert_field_validators(field, schema)
        # Spectacular allows the empty text beside what the pattern allows. Ours allow it themselves where it is allowed, and one
        # that matches both of two is none of `oneOf`.
        if getattr(field, "allow_blank", False) and "oneOf" in schema:
            schema.update(schema.pop("oneOf")[0])

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        parts = self.contract.document.parts
        return [
            {
                "name": name,
                "in": "path",
                "required": True,
                "description": parts[name].description,
                "schema": dict(parts[name].schema),
                "example": parts[name].example,
            }
            for name in variables
        ]

    def _example(self, value: Any, **more: Any) -> OpenApiExample:
        return OpenApiExample(self.operation.name, value, summary=self.operation.summary, **more)

    # --- Answers

    def _enveloped_example(self) -> dict[str, Any]:
        with translation.override(settings.LANGUAGE_CODE):
            return self.contract.envelope(self.example.answer, self.example.message, MOMENT)

    def _other(self, answer: Answer) -> OpenApiResponse:
        if not answer.media_type:
            return OpenApiResponse(None, answer.description)
        if answer.media_type == EVENTS:
            data: dict[str, Any] = {
                "type": "string",
                "contentMediaType": JSON,
                "contentSchema": self.resolve_serializer(answer.body, "response").ref,
            }
            if last := self.contract.document.last_line:
                data = {"anyOf": [data, {"type": "string", "const": last}]}  # the media type asserts nothing: both may be true
            event = {
                "type": "object",
                "description": "One event. Lines that begin with a colon are heartbeats.",
                "properties": {
                    "id": {"type": "string", "description": "The event's number in its turn."},
                    "data": data,
                },
                "required": ["data"],
            }
            return OpenApiResponse(event, answer.description, [self._example(self.example.stream)])
        body = answer.body or {"type": "string"}
        return OpenApiResponse(body, answer.description or "Done.", [self._example(self.example.answer)])

    def _with_refusals(self, answers: dict[str, Any]) -> dict[str, Any]:
        schema = self._failure()
        refusals: dict[str, list[type[DomainError]]] = {}
        for kind in refusals_of(self.route, self.operation, self.contract):
            refusals.setdefault(str(self.contract.errors.row_for(kind).status), []).append(kind)
        found = dict(answers)
        for status, kinds in refusals.items():
            told = found.setdefault(status, {"description": "", "content": {}})
            said = (kind.__doc__ or "" for kind in kinds)
            told["description"] = " ".join(dict.fromkeys(filter(None, (told["description"], *said))))
            examples = {kind.__name__: self._refusal_example(kind) for kind in kinds}
            of_json = told["content"].setdefault(JSON, {})
            of_json["schema"] = {"oneOf": [of_json["schema"], schema]} if "schema" in of_json else schema
            of_json["examples"] = of_json.get("examples", {}) | examples
        return dict(sorted(found.items()))

    def _failure(self) -> dict[str, Any]:
        reference: dict[str, Any] = self.resolve_serializer(self.contract.document.failure, "response").ref
        return reference

    def _refusal_example(self, kind: type[DomainError]) -> dict[str, Any]:
        with translation.override(settings.LANGUAGE_CODE):
            wire, _body = self.contract.wire_error(sample(kind))
            value = self.contract.failure(wire, MOMENT)
        return self._component(ResolvedComponent.EXAMPLE, kind.__name__, {"value": value})

    def _header(self, name: str) -> dict[str, Any]:
        return self._component(ResolvedComponent.HEADER, name, _HEADERS[name])

    def _component(self, kind: str, name: str, content: dict[str, Any]) -> dict[str, Any]:
        component = ResolvedComponent(name=name, type=kind, schema=content, object=name)
        self.registry.register_on_missing(component)
        reference: dict[str, Any] = component.ref
        return reference
