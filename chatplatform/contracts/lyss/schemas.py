"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; a test holds the two together."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, OpenApiTypes, extend_schema, extend_schema_serializer
from rest_framework import serializers as s

Shape = type[s.Serializer[Any]]

PAGING = [
    OpenApiParameter("page", int, description="From 1."),
    OpenApiParameter("page_size", int, description="At most 100.", default=20),
]


def shape(name: str, /, **fields: s.Field[Any, Any, Any, Any]) -> Shape:
    """Its name in the document begins with the contract's, since the document may hold those of others."""
    return type(f"Lyss{name}", (s.Serializer,), fields)


def _moment() -> s.DateTimeField:
    return s.DateTimeField()


User = shape(
    "User",
    id=s.IntegerField(),
    username=s.CharField(),
    email=s.EmailField(),
    role=s.ChoiceField(choices=[("admin", "admin"), ("user", "user")]),
    is_active=s.BooleanField(),
    created_at=_moment(),
    updated_at=_moment(),
)
Tokens = shape(
    "Tokens",
    access_token=s.CharField(),
    refresh_token=s.CharField(required=False, help_text="Not there when an access token was given."),
    token_type=s.CharField(),
    expires_in=s.IntegerField(help_text="Seconds."),
)
SignedIn: Shape = type("LyssSignedIn", (Tokens,), {"user": User()})
Provider = shape(
    "Provider",
    id=s.IntegerField(),
    name=s.CharField(),
    provider_type=s.CharField(),
    scope=s.CharField(),
    created_by=s.IntegerField(allow_null=True, help_text="Null when it was configured by the operators."),
    api_base_url=s.CharField(allow_blank=True, help_text="Empty to those who may not change it."),
    config=s.DictField(),
    is_active=s.BooleanField(),
    is_default=s.BooleanField(help_text="Everyone may use it."),
    has_key=s.BooleanField(allow_null=True, help_text="Null to those who may not change it."),
    key_last4=s.CharField(allow_null=True, allow_blank=True),
    created_at=_moment(),
    updated_at=_moment(),
)
Distributed = shape(
    "Distributed",
    provider_id=s.IntegerField(),
    distributed_to=s.ListField(child=s.IntegerField()),
    distributed_at=_moment(),
)
_Person = shape("Person", id=s.IntegerField(), username=s.CharField(), email=s.EmailField())
Distribution = shape(
    "Distribution",
    id=s.IntegerField(),
    user_id=s.IntegerField(),
    user=_Person(),
    distributed_by=s.IntegerField(allow_null=True),
    distributor=_Person(allow_null=True),
    distributed_at=_moment(),
    is_active=s.BooleanField(),
)
_Answerer = shape("Answerer", id=s.IntegerField(), name=s.CharField(), provider_type=s.CharField())
Conversation = shape(
    "Conversation",
    id=s.IntegerField(),
    title=s.CharField(allow_blank=True),
    user_id=s.IntegerField(),
    provider_id=s.IntegerField(allow_null=True),
    metadata=s.DictField(),
    created_at=_moment(),
    updated_at=_moment(),
)
ConversationItem = shape(
    "ConversationItem",
    id=s.IntegerField(),
    title=s.CharField(allow_blank=True),
    provider=_Answerer(allow_null=True),
    message_count=s.IntegerField(),
    last_message_at=s.DateTimeField(allow_null=True),
    created_at=_moment(),
    updated_at=_moment(),
)
_MessageMetadata = shape(
    "MessageMetadata",
    model=s.CharField(),
    tokens_used=s.IntegerField(),
    cost=s.FloatField(allow_null=True, help_text="USD; null where nobody knows the price."),
    cached=s.BooleanField(help_text="The vendor took the prompt, or a part of it, from its cache."),
)
Message = shape(
    "Message",
    id=s.IntegerField(),
    role=s.CharField(),
    content=s.CharField(allow_blank=True),
    status=s.CharField(),
    created_at=_moment(),
    metadata=_MessageMetadata(required=False, help_text="Of an answer."),
    turn_id=s.UUIDField(required=False),
)
ConversationDetail: Shape = type(
    "LyssConversationDetail", (Conversation,), {"provider": _Answerer(allow_null=True), "messages": Message(many=True)}
)
Answer = shape(
    "Answer",
    message=Message(),
    conversation=shape("ConversationName", id=s.IntegerField(), title=s.CharField(), updated_at=_moment())(),
    provider=_Answerer(allow_null=True),
    turn_id=s.UUIDField(),
    stopped=s.BooleanField(),
)
_Pagination = shape(
    "Pagination",
    page=s.IntegerField(),
    page_size=s.IntegerField(),
    total=s.IntegerField(),
    total_pages=s.IntegerField(),
    has_next=s.BooleanField(),
    has_prev=s.BooleanField(),
)
_ErrorDetails = shape(
    "ErrorDetails",
    field=s.CharField(required=False),
    reason=s.CharField(required=False),
    turn_id=s.UUIDField(required=False),
    text_kept=s.BooleanField(required=False),
    retry_after=s.IntegerField(required=False),
)
_ErrorObject = shape("ErrorObject", code=s.CharField(), message=s.CharField(), details=_ErrorDetails(required=False))
Failure = shape("Failure", success=s.BooleanField(), error=_ErrorObject(), timestamp=_moment())

_FAILURES = {
    400: "The body is not JSON, a value breaks a rule, or the provider is switched off.",
    401: "Not signed in, or the token has expired.",
    403: "Not allowed, not one's own provider, or the quota is used up.",
    404: "It does not exist, or is somebody else's.",
    409: "An answer is already being written here, or the name is taken.",
    422: "The idempotency key was used with another body.",
    429: "Too many requests.",
    502: "The model's provider failed.",
    503: "Something of ours is away for now.",
}
_BY_KIND = {
    "list": (400, 401, 429, 503),
    "read": (400, 401, 404, 429, 503),
    "edit": (400, 401, 404, 429, 503),
    "begin": (400, 401, 403, 429, 503),
    "change": (400, 401, 403, 404, 429, 503),
    "write": (400, 401, 403, 404, 429, 503),
    "send": (400, 401, 403, 404, 409, 422, 429, 502, 503),
    "register": (400, 409, 429, 503),
    "sign_in": (400, 401, 429, 503),
}
_PUBLIC = ("register", "sign_in")


@cache
def _enveloped(name: str, data: s.Field[Any, Any, Any, Any]) -> Shape:
    return shape(f"{name}Answer", success=s.BooleanField(), data=data, message=s.CharField(), timestamp=_moment())


@cache
def _success(data: Shape | None, many: Shape | None, page: Shape | None) -> Shape:
    for found, suffix in ((data, ""), (many, "List"), (page, "Page")):
        if found is not None:
            name = found.__name__.removeprefix("Lyss") + suffix
            if found is page:
                return _enveloped(name, shape(name, items=found(many=True), pagination=_Pagination())())
            return _enveloped(name, found(many=True) if found is many else found())
    return _enveloped("Done", s.JSONField(allow_null=True))


def described(
    summary: str,
    *,
    kind: str,
    data: Shape | None = None,
    many: Shape | None = None,
    page: Shape | None = None,
    stream: bool = False,
    status: int = 200,
    request: Shape | None = None,
    **more: Any,
) -> Any:
    """`extend_schema` for one action: its success (one thing, a list, a page, or a stream) and its failures."""
    responses: dict[Any, Any] = {code: OpenApiResponse(Failure, _FAILURES[code]) for code in _BY_KIND[kind]}
    if stream:
        responses[(status, "text/event-stream")] = OpenApiResponse(OpenApiTypes.STR, "The turn's events, one frame each.")
    else:
        responses[status] = _success(data, many, page)
    if request is not None:
        extend_schema_serializer(component_name=f"Lyss{request.__name__}")(request)
    security: dict[str, Any] = {"auth": [{}]} if kind in _PUBLIC else {}
    return extend_schema(summary=summary, request=request, responses=responses, tags=["lyss"], **security, **more)
