"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; tests hold the two together."""

from __future__ import annotations

from functools import cache
from typing import Any

from rest_framework import serializers as s

from accounts.models import User as Account
from chatplatform.contracts.chatgpt_backend.errors import ERRORS
from chatplatform.contracts.health import DEGRADED, HEALTHY, UNCONFIGURED, UNHEALTHY
from chatplatform.contracts.openapi.describing import NullField, Shape, always, shape
from conversations.models import Message as StoredMessage
from conversations.models import Turn as StoredTurn
from quotas.models import UsageSource


def _moment(**options: Any) -> s.DateTimeField:
    return s.DateTimeField(**options)


def _count(**options: Any) -> s.IntegerField:
    return s.IntegerField(min_value=0, **options)


# --- Accounts -----------------------------------------------------------------------------------------------------------------

_USER: dict[str, Any] = {
    "id": s.UUIDField(),
    "username": s.CharField(),
    "email": s.EmailField(),
    "display_name": s.CharField(help_text="Empty where the person has none."),
    "role": s.ChoiceField(choices=Account.Role.values),
    "tier": s.CharField(help_text="Whose limits are the person's."),
    "is_active": s.BooleanField(),
    "is_vip": s.BooleanField(help_text="Any tier but the standard one."),
    "created_at": _moment(),
    "updated_at": _moment(),
}
User = shape("User", "A person.", **_USER)
SignedIn = shape(
    "SignedIn",
    "A session: send the access token as bearer, and get new ones with the refresh token, which works once.",
    user=User(),
    access_token=s.CharField(),
    refresh_token=s.CharField(),
    token_type=always("bearer"),
    expires_in=s.IntegerField(help_text="Seconds that the access token lives."),
)
_Amount = shape(
    "Amount",
    "Null is without a limit.",
    requests=_count(allow_null=True),
    tokens=_count(allow_null=True),
)
_QuotaShort = shape(
    "QuotaSummary",
    "A limit is null where the tier has none.",
    daily_requests=_count(allow_null=True),
    monthly_requests=_count(allow_null=True),
    daily_tokens=_count(allow_null=True),
    monthly_tokens=_count(allow_null=True),
    requests_used_today=_count(),
    tokens_used_today=_count(),
)
UserWithQuota = shape("UserWithQuota", "A person, and how much of her quota is used.", **_USER, quota=_QuotaShort())
Quota = shape(
    "Quota",
    "What may be used and what is, by day and month of the platform's time zone.",
    daily_limit=_Amount(),
    monthly_limit=_Amount(),
    usage_today=_Amount(),
    usage_this_month=_Amount(),
    remaining_today=_Amount(),
    remaining_this_month=_Amount(),
    day_ends_at=_moment(),
    month_ends_at=_moment(),
)
_API_KEY: dict[str, Any] = {
    "id": s.UUIDField(),
    "name": s.CharField(),
    "prefix": s.CharField(help_text="The key's beginning, to know it by."),
    "created_at": _moment(),
    "expires_at": _moment(allow_null=True),
    "last_used_at": _moment(allow_null=True),
}
ApiKey = shape("ApiKey", "A key for programs, without its secret part.", **_API_KEY)
CreatedApiKey = shape("CreatedApiKey", "A key with its secret part.", **_API_KEY, key=s.CharField(help_text="Shown this once."))
ApiKeys = shape("ApiKeys", api_keys=ApiKey(many=True))

# --- Conversations ------------------------------------------------------------------------------------------------------------

_CONVERSATION: dict[str, Any] = {
    "id": s.UUIDField(),
    "title": s.CharField(),
    "model": s.CharField(help_text="The name that was asked for."),
    "message_count": _count(),
    "is_archived": s.BooleanField(),
    "created_at": _moment(),
    "updated_at": _moment(),
}
Conversation = shape("Conversation", "A conversation.", **_CONVERSATION)
_LastMessage = shape(
    "LastMessage", content=s.CharField(), role=s.ChoiceField(choices=StoredMessage.Role.values), created_at=_moment()
)
_Summary = shape("ConversationSummary", "A conversation in a list.", **_CONVERSATION, last_message=_LastMessage(allow_null=True))
Message = shape(
    "Message",
    "A message. An answer that is being written has the text so far.",
    id=s.UUIDField(),
    role=s.ChoiceField(choices=StoredMessage.Role.values),
    content=s.CharField(),
    tokens_used=_count(),
    created_at=_moment(),
    status=s.ChoiceField(choices=StoredMessage.Status.values),
    model=s.CharField(allow_null=True, help_text="The one that answered."),
    turn_id=s.UUIDField(allow_null=True, help_text="The turn that the message belongs to."),
    edited_at=_moment(allow_null=True),
)
ConversationDetail = shape(
    "ConversationDetail",
    "A conversation with its messages, oldest first.",
    **_CONVERSATION,
    system_message=s.CharField(),
    messages=Message(many=True),
)
_Pagination = shape(
    "Pagination",
    page=s.IntegerField(min_value=1),
    size=s.IntegerField(min_value=1, max_value=100),
    total=_count(),
    pages=_count(),
)
Conversations = shape("Conversations", conversations=_Summary(many=True), pagination=_Pagination())
Messages = shape("Messages", messages=Message(many=True), pagination=_Pagination())

# --- Turns --------------------------------------------------------------------------------------------------------------------

Usage = shape(
    "Usage",
    "What an answer took. 0 is nothing; null is what nobody knows.",
    prompt_tokens=_count(allow_null=True),
    completion_tokens=_count(allow_null=True),
    total_tokens=_count(allow_null=True),
    source=s.ChoiceField(choices=UsageSource.values, help_text="Who counted."),
)
Finished = shape(
    "FinishedTurn",
    "A message and its answer.",
    user_message=Message(),
    assistant_message=Message(),
    usage=Usage(),
    turn_id=s.UUIDField(),
    stopped=s.BooleanField(help_text="Whether somebody stopped the answer; the text so far is there."),
)
Turn = shape(
    "Turn",
    "The writing of one answer.",
    turn_id=s.UUIDField(),
    conversation_id=s.UUIDField(allow_null=True, help_text="Null, as the messages: a completion, which nobody keeps."),
    message_id=s.UUIDField(allow_null=True, help_text="The answer's."),
    user_message_id=s.UUIDField(allow_null=True),
    status=s.ChoiceField(choices=StoredTurn.State.values),
    model=s.CharField(),
    created_at=_moment(),
    ended_at=_moment(allow_null=True),
    usage=Usage(),
)

# --- The platform -------------------------------------------------------------------------------------------------------------

_WORDS = (HEALTHY, UNHEALTHY)
Health = shape(
    "Health",
    status=s.ChoiceField(choices=[HEALTHY, DEGRADED, UNHEALTHY]),
    timestamp=_moment(),
    version=s.CharField(),
    services=shape(
        "HealthServices",
        database=s.ChoiceField(choices=_WORDS),
        redis=s.ChoiceField(choices=_WORDS),
        openai=s.ChoiceField(choices=[*_WORDS, UNCONFIGURED], help_text="Whether a provider of models is there."),
    )(),
    uptime=_count(help_text="Seconds."),
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
_Cost = shape(
    "Cost", "US dollars; null where nobody knows it.", input=s.FloatField(allow_null=True), output=s.FloatField(allow_null=True)
)
_Model = shape(
    "Model",
    id=s.CharField(help_text="What a request may name."),
    name=s.CharField(),
    description=s.CharField(),
    max_tokens=s.IntegerField(help_text="Of the longest answer."),
    context_window=s.IntegerField(),
    cost_per_1k_tokens=_Cost(),
    capabilities=s.ListField(child=s.CharField()),
    alias_of=s.CharField(allow_null=True, help_text="The model that really answers."),
    provider=s.CharField(),
)
Models = shape("Models", models=_Model(many=True))

# --- Envelopes ----------------------------------------------------------------------------------------------------------------


@cache
def envelope(data: Shape | None) -> Shape:
    return shape(
        f"{data.__name__}Answer" if data is not None else "Done",
        success=s.BooleanField(),
        data=data() if data is not None else NullField(),
        message=s.CharField(),
        timestamp=_moment(),
    )


_ErrorDetails = shape(
    "ErrorDetails",
    "What there is to say beside the message.",
    field=s.CharField(required=False, help_text="The field or parameter to blame; empty where there is none."),
    issue=s.CharField(required=False),
    turn_id=s.UUIDField(required=False, help_text="The turn that runs already, or that failed."),
    text_kept=s.BooleanField(required=False, help_text="Whether that turn's answer had begun and is in the history."),
    retry_after=s.IntegerField(required=False, min_value=1, help_text="Seconds, as in the header."),
)
Error = shape("Error", code=s.ChoiceField(choices=ERRORS.codes()), message=s.CharField(), details=_ErrorDetails(required=False))
Failure = shape("Failure", success=s.BooleanField(), error=Error(), timestamp=_moment())
