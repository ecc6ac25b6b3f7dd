"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; a test holds the two together."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_serializer
from rest_framework import serializers as s

Shape = type[s.Serializer[Any]]

PAGING = [
    OpenApiParameter("page", int, description="From 1."),
    OpenApiParameter("limit", int, description="At most 100.", default=20),
]


def shape(name: str, /, **fields: s.Field[Any, Any, Any, Any]) -> Shape:
    """Its name in the document begins with the contract's, since the document may hold those of others."""
    return type(f"LLMChat{name}", (s.Serializer,), fields)


_Config = shape(
    "AgentSettings",
    model=s.CharField(allow_blank=True),
    temperature=s.FloatField(allow_null=True, help_text="Null: the vendor's own."),
    maxTokens=s.IntegerField(allow_null=True, help_text="Null: as many as the model has room for."),
)
Agent = shape(
    "Agent",
    id=s.UUIDField(),
    name=s.CharField(),
    description=s.CharField(allow_blank=True),
    category=s.CharField(allow_blank=True),
    provider=s.CharField(allow_blank=True),
    avatar=s.CharField(allow_blank=True),
    status=s.CharField(),
    capabilities=s.ListField(child=s.CharField()),
    config=_Config(),
    createdAt=s.DateTimeField(),
    updatedAt=s.DateTimeField(),
    systemPrompt=s.CharField(required=False, allow_blank=True, help_text="To administrators."),
)
AgentStatus = shape(
    "AgentStatus",
    id=s.UUIDField(),
    name=s.CharField(),
    status=s.CharField(help_text="What the operators say: active or inactive."),
    provider=s.CharField(allow_blank=True),
    available=s.BooleanField(help_text="What the provider says."),
    responseTime=s.IntegerField(help_text="Of the provider, in milliseconds."),
    checkedAt=s.DateTimeField(help_text="At most half a minute ago."),
    fault=s.CharField(required=False, allow_null=True, help_text="To administrators."),
)
Reload = shape(
    "Reload",
    agents=s.IntegerField(help_text="How many the file declares."),
    providers=s.IntegerField(help_text="How many the file declares."),
    changes=s.ListField(child=s.CharField(), help_text="A line for each."),
)
_Pagination = shape(
    "Pagination", page=s.IntegerField(), limit=s.IntegerField(), total=s.IntegerField(), totalPages=s.IntegerField()
)
_ErrorObject = shape(
    "ErrorObject",
    type=s.CharField(),
    details=s.CharField(),
    field=s.CharField(required=False),
    retryAfter=s.IntegerField(required=False),
)
Failure = shape("Failure", code=s.CharField(), message=s.CharField(), error=_ErrorObject(), timestamp=s.DateTimeField())

_FAILURES = {
    400: "The body is not JSON, or a value breaks a rule.",
    401: "Not signed in.",
    403: "Not allowed.",
    404: "It does not exist.",
    429: "Too many requests.",
    503: "Something of ours is away for now.",
}
_BY_KIND = {
    "list": (400, 401, 429, 503),
    "read": (401, 404, 429, 503),
    "write": (400, 401, 403, 404, 429, 503),
    "reload": (400, 401, 403, 429, 503),
}


@cache
def _success(data: Shape | None, page: Shape | None) -> Shape:
    found = data or page
    assert found is not None
    name = found.__name__.removeprefix("LLMChat")
    held: s.Field[Any, Any, Any, Any] = found()
    if page is not None:
        name += "Page"
        held = shape(name, items=found(many=True), pagination=_Pagination())()
    return shape(f"{name}Answer", code=s.CharField(), message=s.CharField(), data=held, timestamp=s.DateTimeField())


def described(
    summary: str,
    *,
    kind: str,
    data: Shape | None = None,
    page: Shape | None = None,
    request: Shape | None = None,
    **more: Any,
) -> Any:
    """`extend_schema` for one action: its success (one thing or a page) and its failures."""
    responses: dict[Any, Any] = {code: OpenApiResponse(Failure, _FAILURES[code]) for code in _BY_KIND[kind]}
    responses[200] = _success(data, page)
    if request is not None:
        extend_schema_serializer(component_name=f"LLMChat{request.__name__}")(request)
    return extend_schema(summary=summary, request=request, responses=responses, tags=["llmchat"], **more)
