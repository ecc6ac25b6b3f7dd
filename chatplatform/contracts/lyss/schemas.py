"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; tests hold the two together."""

from __future__ import annotations

from functools import cache

from rest_framework import serializers as s

from chatplatform.contracts.lyss.errors import ERRORS
from chatplatform.contracts.openapi.describing import NullField, Shape, shape


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
SignedIn: Shape = type("SignedIn", (Tokens,), {"user": User()})
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
DefaultProvider = shape("DefaultProvider", provider_id=s.IntegerField(allow_null=True))
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
    "ConversationDetail", (Conversation,), {"provider": _Answerer(allow_null=True), "messages": Message(many=True)}
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
Error = shape("Error", code=s.ChoiceField(choices=ERRORS.codes()), message=s.CharField(), details=_ErrorDetails(required=False))
Failure = shape("Failure", success=s.BooleanField(), error=Error(), timestamp=_moment())


def page_of(item: Shape) -> Shape:
    return shape(f"{item.__name__}Page", items=item(many=True), pagination=_Pagination())


def list_of(item: Shape) -> Shape:
    """A plain list: `envelope` knows it."""
    return type(f"{item.__name__}List", (item,), {"many": True})


Providers = page_of(Provider)
AvailableProviders = list_of(Provider)
Distributions = list_of(Distribution)
Conversations = page_of(ConversationItem)


@cache
def envelope(data: Shape | None) -> Shape:
    return shape(
        f"{data.__name__}Answer" if data is not None else "Done",
        success=s.BooleanField(),
        data=NullField() if data is None else data(many=True) if getattr(data, "many", False) else data(),
        message=s.CharField(),
        timestamp=_moment(),
    )
