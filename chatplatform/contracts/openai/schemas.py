"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; tests hold the two together."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers as s

from chatplatform.contracts.openai.errors import ERRORS
from chatplatform.contracts.openapi.describing import NullField, Shape, always, shape
from conversations.models import Message

FINISH_REASONS = ["stop", "length", "content_filter"]
CREATED = s.IntegerField(min_value=0, help_text="Seconds since 1970.")

Model = shape(
    "Model",
    id=s.CharField(),
    object=always("model"),
    created=s.IntegerField(help_text="0: nobody has told us."),
    owned_by=s.CharField(help_text="The provider's name."),
)
Models = shape("Models", object=always("list"), data=Model(many=True))

_Details = shape("PromptTokensDetails", cached_tokens=s.IntegerField(min_value=0))
Usage = shape(
    "Usage",
    prompt_tokens=s.IntegerField(min_value=0),
    completion_tokens=s.IntegerField(min_value=0),
    total_tokens=s.IntegerField(min_value=0),
    prompt_tokens_details=_Details(),
)
Metadata = shape(
    "AnswerMetadata",
    "The client's own, and the conversation that the answer is kept in.",
    conversation_id=s.UUIDField(),
)
_Message = shape(
    "AssistantMessage",
    role=always("assistant"),
    content=s.CharField(allow_blank=True),
    refusal=NullField(),
    annotations=s.ListField(child=NullField()),
)
_Choice = shape(
    "Choice",
    index=s.IntegerField(help_text="0: there is one."),
    message=_Message(),
    logprobs=NullField(),
    finish_reason=s.ChoiceField(choices=FINISH_REASONS, help_text="`stop` also when somebody stopped it."),
)
Completion = shape(
    "ChatCompletion",
    id=s.CharField(),
    object=always("chat.completion"),
    created=CREATED,
    model=s.CharField(help_text="The one that answered."),
    choices=_Choice(many=True),
    usage=Usage(allow_null=True),
    system_fingerprint=NullField(),
    turn_id=s.UUIDField(help_text="For stopping it, at `/api/v1/turns/{turn_id}/stop`."),
    metadata=Metadata(required=False),
    stopped=s.BooleanField(required=False, help_text="Somebody stopped it."),
)
_Vector = extend_schema_field(
    {"oneOf": [{"type": "array", "items": {"type": "number"}}, {"type": "string", "contentEncoding": "base64"}]}
)(type("VectorField", (s.Field,), {}))
_Embedding = shape(
    "EmbeddedText",
    object=always("embedding"),
    index=s.IntegerField(min_value=0, help_text="Of its text."),
    embedding=_Vector(help_text="Numbers, or with `base64` their 32-bit form."),
)
_EmbeddingUsage = shape("EmbeddingUsage", prompt_tokens=s.IntegerField(min_value=0), total_tokens=s.IntegerField(min_value=0))
Embeddings = shape("Embeddings", object=always("list"), data=_Embedding(many=True), model=s.CharField(), usage=_EmbeddingUsage())
Conversation = shape(
    "Conversation",
    id=s.UUIDField(),
    object=always("conversation"),
    created_at=s.IntegerField(min_value=0, help_text="Seconds since 1970."),
    metadata=s.DictField(),
    title=s.CharField(allow_blank=True),
)
DeletedConversation = shape(
    "DeletedConversation", id=s.UUIDField(), object=always("conversation.deleted"), deleted=s.BooleanField()
)
_Part = shape(
    "ItemPart",
    type=s.ChoiceField(choices=["input_text", "output_text"], help_text="What was asked, or answered."),
    text=s.CharField(allow_blank=True),
    annotations=s.ListField(child=NullField(), required=False),
    logprobs=s.ListField(child=NullField(), required=False),
)
_Item = shape(
    "Item",
    id=s.UUIDField(),
    type=always("message"),
    status=s.ChoiceField(choices=["in_progress", "completed", "incomplete"]),
    role=s.ChoiceField(choices=Message.Role.values),
    content=_Part(many=True),
)
Items = shape(
    "Items",
    object=always("list"),
    data=_Item(many=True),
    first_id=s.UUIDField(allow_null=True),
    last_id=s.UUIDField(allow_null=True, help_text="For `after`."),
    has_more=s.BooleanField(),
)
Error = shape(
    "Error",
    message=s.CharField(),
    type=s.CharField(),
    param=s.CharField(allow_null=True, help_text="The parameter to blame."),
    code=s.ChoiceField(choices=ERRORS.codes()),
    turn_id=s.UUIDField(required=False),
    retry_after=s.IntegerField(required=False, help_text="Seconds."),
)
Failure = shape("Failure", error=Error())


def envelope(data: Shape | None) -> Shape:
    """There is none: an answer is the object itself."""
    assert data is not None, "every answer of this contract has a shape"
    return data
