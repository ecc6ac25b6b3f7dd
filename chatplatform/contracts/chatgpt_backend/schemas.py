"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; a test holds the two together."""

from __future__ import annotations

from functools import cache
from typing import Any

from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework import serializers as s

Shape = type[s.Serializer[Any]]


def shape(name: str, /, **fields: s.Field[Any, Any, Any, Any]) -> Shape:
    return type(name, (s.Serializer,), fields)


def _moment() -> s.DateTimeField:
    return s.DateTimeField()


User = shape(
    "User",
    id=s.UUIDField(),
    username=s.CharField(),
    email=s.EmailField(),
    display_name=s.CharField(),
    role=s.CharField(),
    tier=s.CharField(),
    is_active=s.BooleanField(),
    is_vip=s.BooleanField(),
    created_at=_moment(),
    updated_at=_moment(),
)
SignedIn = shape(
    "SignedIn",
    user=User(),
    access_token=s.CharField(),
    refresh_token=s.CharField(),
    token_type=s.CharField(),
    expires_in=s.IntegerField(),
)
_Amount = shape("Amount", requests=s.IntegerField(allow_null=True), tokens=s.IntegerField(allow_null=True))
_QuotaShort = shape(
    "QuotaSummary",
    daily_requests=s.IntegerField(allow_null=True),
    monthly_requests=s.IntegerField(allow_null=True),
    daily_tokens=s.IntegerField(allow_null=True),
    monthly_tokens=s.IntegerField(allow_null=True),
    requests_used_today=s.IntegerField(),
    tokens_used_today=s.IntegerField(),
)
UserWithQuota: Shape = type("UserWithQuota", (User,), {"quota": _QuotaShort()})
Quota = shape(
    "Quota",
    daily_limit=_Amount(),
    monthly_limit=_Amount(),
    usage_today=_Amount(),
    usage_this_month=_Amount(),
    remaining_today=_Amount(),
    remaining_this_month=_Amount(),
    day_ends_at=_moment(),
    month_ends_at=_moment(),
)
ApiKey = shape(
    "ApiKey",
    id=s.UUIDField(),
    name=s.CharField(),
    prefix=s.CharField(),
    created_at=_moment(),
    expires_at=s.DateTimeField(allow_null=True),
    last_used_at=s.DateTimeField(allow_null=True),
)
CreatedApiKey: Shape = type("CreatedApiKey", (ApiKey,), {"key": s.CharField(help_text="Shown this once.")})
ApiKeys = shape("ApiKeys", api_keys=ApiKey(many=True))
Conversation = shape(
    "Conversation",
    id=s.UUIDField(),
    title=s.CharField(),
    model=s.CharField(),
    message_count=s.IntegerField(),
    is_archived=s.BooleanField(),
    created_at=_moment(),
    updated_at=_moment(),
)
_LastMessage = shape("LastMessage", content=s.CharField(), role=s.CharField(), created_at=_moment())
_Summary: Shape = type("ConversationSummary", (Conversation,), {"last_message": _LastMessage(allow_null=True)})
Message = shape(
    "Message",
    id=s.UUIDField(),
    role=s.CharField(),
    content=s.CharField(),
    tokens_used=s.IntegerField(),
    created_at=_moment(),
    status=s.CharField(),
    model=s.CharField(allow_null=True),
    turn_id=s.UUIDField(allow_null=True),
    edited_at=s.DateTimeField(allow_null=True),
)
ConversationDetail: Shape = type(
    "ConversationDetail", (Conversation,), {"system_message": s.CharField(), "messages": Message(many=True)}
)
_Pagination = shape("Pagination", page=s.IntegerField(), size=s.IntegerField(), total=s.IntegerField(), pages=s.IntegerField())
Conversations = shape("Conversations", conversations=_Summary(many=True), pagination=_Pagination())
Messages = shape("Messages", messages=Message(many=True), pagination=_Pagination())
Usage = shape(
    "Usage",
    prompt_tokens=s.IntegerField(allow_null=True),
    completion_tokens=s.IntegerField(allow_null=True),
    total_tokens=s.IntegerField(allow_null=True),
    source=s.CharField(),
)
Finished = shape(
    "FinishedTurn",
    user_message=Message(),
    assistant_message=Message(),
    usage=Usage(),
    turn_id=s.UUIDField(),
    stopped=s.BooleanField(),
)
Turn = shape(
    "Turn",
    turn_id=s.UUIDField(),
    conversation_id=s.UUIDField(),
    message_id=s.UUIDField(),
    user_message_id=s.UUIDField(allow_null=True),
    status=s.CharField(),
    model=s.CharField(),
    created_at=_moment(),
    ended_at=s.DateTimeField(allow_null=True),
    usage=Usage(),
)
Health = shape(
    "Health",
    status=s.CharField(),
    timestamp=_moment(),
    version=s.CharField(),
    services=shape("HealthServices", database=s.CharField(), redis=s.CharField(), openai=s.CharField())(),
    uptime=s.IntegerField(help_text="Seconds."),
)
_Features = shape("Features", websocket=s.BooleanField(), streaming=s.BooleanField(), file_upload=s.BooleanField())
Info = shape(
    "Info",
    name=s.CharField(),
    version=s.CharField(),
    environment=s.CharField(),
    supported_models=s.ListField(child=s.CharField()),
    features=_Features(),
)
_Cost = shape("Cost", input=s.FloatField(allow_null=True), output=s.FloatField(allow_null=True))
_Model = shape(
    "Model",
    id=s.CharField(help_text="What a request may name."),
    name=s.CharField(),
    description=s.CharField(allow_blank=True),
    max_tokens=s.IntegerField(help_text="Of the longest answer."),
    context_window=s.IntegerField(),
    cost_per_1k_tokens=_Cost(help_text="USD; null where nobody knows it."),
    capabilities=s.ListField(child=s.CharField()),
    alias_of=s.CharField(allow_null=True),
    provider=s.CharField(),
)
Models = shape("Models", models=_Model(many=True))
_ErrorDetails = shape(
    "ErrorDetails",
    field=s.CharField(required=False),
    issue=s.CharField(required=False),
    turn_id=s.UUIDField(required=False),
    text_kept=s.BooleanField(required=False),
    retry_after=s.IntegerField(required=False),
)
_ErrorObject = shape("ErrorObject", code=s.CharField(), message=s.CharField(), details=_ErrorDetails(required=False))
Failure = shape("Failure", success=s.BooleanField(), error=_ErrorObject(), timestamp=_moment())

_FAILURES = {
    400: "The body is not JSON, or the host is not one of ours.",
    401: "Not signed in.",
    403: "Not allowed.",
    404: "It does not exist, or is somebody else's.",
    409: "An answer is already being written here, or the thing changed meanwhile.",
    422: "A value breaks a rule.",
    429: "Too many requests, or the quota is used up.",
    502: "The model's provider failed.",
    503: "Something of ours is away for now.",
}
_BY_KIND = {
    "read": (401, 404, 422, 429, 503),
    "list": (401, 422, 429, 503),
    "write": (400, 401, 404, 422, 429, 503),
    "profile": (400, 401, 422, 429, 503),
    "secret": (400, 401, 403, 409, 422, 429, 503),
    "change": (400, 401, 404, 409, 422, 429, 503),
    "send": (400, 401, 404, 409, 422, 429, 502, 503),
    "sign_in": (400, 401, 422, 429, 503),
    "health": (429,),
    "open": (429, 503),
    "metrics": (401, 403, 429, 503),
}
_SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "sign_in": [{}],
    "health": [{}],
    "open": [{}],
    "metrics": [{}, {"bearer": []}, {"apiKey": []}],
}
"""Where it is not the usual: an empty one needs nobody."""


@cache
def enveloped(data: Shape | None) -> Shape:
    if data is None:
        return shape(
            "Done", success=s.BooleanField(), data=s.JSONField(allow_null=True), message=s.CharField(), timestamp=_moment()
        )
    return shape(f"{data.__name__}Answer", success=s.BooleanField(), data=data(), message=s.CharField(), timestamp=_moment())


def described(
    summary: str,
    *,
    kind: str,
    data: Shape | None = None,
    bare: Shape | None = None,
    stream: bool = False,
    text: bool = False,
    status: int = 200,
    request: Shape | None = None,
    **more: Any,
) -> Any:
    """`extend_schema` for one action: its success (`data` in the envelope, `bare`, a stream or text) and its failures."""
    responses: dict[Any, Any] = {code: OpenApiResponse(Failure, _FAILURES[code]) for code in _BY_KIND[kind]}
    if stream:
        responses[(status, "text/event-stream")] = OpenApiResponse(OpenApiTypes.STR, "The turn's events, one frame each.")
    elif text:
        responses[(status, "text/plain")] = OpenApiResponse(OpenApiTypes.STR)
    else:
        responses[status] = bare if bare is not None else enveloped(data)
    security: dict[str, Any] = {"auth": _SECURITY[kind]} if kind in _SECURITY else {}
    return extend_schema(summary=summary, request=request, responses=responses, **security, **more)
