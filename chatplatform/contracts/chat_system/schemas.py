"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; tests hold the two together."""

from __future__ import annotations

from functools import cache
from typing import Any

from rest_framework import serializers as s

from chatplatform.contracts.chat_system.errors import ERRORS
from chatplatform.contracts.fields import PrefixedIdField
from chatplatform.contracts.openapi.describing import NullField, Shape, shape
from conversations.models import Message as StoredMessage
from conversations.models import Reference as StoredReference

_Meta = shape(
    "Meta",
    timestamp=s.DateTimeField(),
    request_id=s.CharField(help_text="The same as in the header `X-Request-ID`."),
    version=s.CharField(),
)
Error = shape(
    "Error",
    code=s.ChoiceField(choices=ERRORS.codes()),
    details=s.CharField(help_text="What went wrong, for people."),
    field_errors=s.DictField(child=s.ListField(child=s.CharField()), help_text="What is wrong with which field."),
    turn_id=s.UUIDField(required=False, help_text="The turn that is already running, or that failed."),
    text_kept=s.BooleanField(required=False, help_text="The answer had begun: what there is of it is in the history."),
    retry_after=s.IntegerField(required=False, min_value=1, help_text="Seconds."),
)
Failure = shape("Failure", success=s.BooleanField(), data=NullField(), message=s.CharField(), error=Error(), meta=_Meta())


# --- Sessions -------------------------------------------------------------------------------------------------------------------


def _moment(**options: Any) -> s.DateTimeField:
    return s.DateTimeField(**options)


def _count(**options: Any) -> s.IntegerField:
    return s.IntegerField(min_value=0, **options)


def _id(prefix: str, **options: Any) -> PrefixedIdField:
    return PrefixedIdField(prefix, **options)


def _score() -> s.FloatField:
    return s.FloatField(min_value=0, max_value=1)


_Pagination = shape(
    "Pagination",
    page=s.IntegerField(),
    page_size=s.IntegerField(),
    total=_count(),
    total_pages=_count(),
    has_next=s.BooleanField(),
    has_prev=s.BooleanField(),
)
_ModelConfig = shape(
    "SessionModel",
    model=s.CharField(help_text="The name that was asked for."),
    temperature=s.FloatField(allow_null=True),
    max_tokens=s.IntegerField(allow_null=True),
    stream=s.BooleanField(),
)
_ContextSettings = shape(
    "SessionContext",
    max_context_length=s.IntegerField(allow_null=True, help_text="Tokens; null: as much as the model takes."),
    include_document_metadata=s.BooleanField(),
    context_window_strategy=s.ChoiceField(choices=["sliding", "full"]),
    relevance_threshold=_score(),
)
_SESSION: dict[str, Any] = {
    "id": s.IntegerField(),
    "session_id": _id("sess"),
    "topic_id": s.IntegerField(allow_null=True),
    "title": s.CharField(),
    "description": s.CharField(),
    "status": s.ChoiceField(choices=["active", "archived", "deleted"]),
    "message_count": _count(),
    "total_tokens": _count(),
    "last_activity_at": _moment(allow_null=True),
    "created_at": _moment(),
    "updated_at": _moment(),
}
_SessionItem = shape("SessionItem", "A session in a list.", **_SESSION)
Session = shape(
    "Session",
    "A session.",
    **_SESSION,
    user_id=s.IntegerField(),
    document_ids=s.ListField(child=_id("doc"), help_text="Read before each answer, beside the topic's."),
    model_config=_ModelConfig(),
    context_settings=_ContextSettings(),
)
Sessions = shape("Sessions", sessions=_SessionItem(many=True), pagination=_Pagination())

# --- Messages -------------------------------------------------------------------------------------------------------------------

_DocumentInfo = shape("DocumentInfo", title=s.CharField(), file_type=s.CharField(), author=s.CharField())
Reference = shape(
    "Reference",
    "A passage that an answer was given to read, as it was then.",
    id=s.IntegerField(),
    reference_id=_id("ref"),
    message_id=_id("msg"),
    document_id=_id("doc"),
    document_version=s.IntegerField(min_value=1),
    document_deleted=s.BooleanField(help_text="The document is gone since."),
    chunk_id=_id("chunk"),
    reference_type=s.ChoiceField(choices=StoredReference.Kind.values, help_text="direct: the answer cites or quotes it."),
    relevance_score=_score(),
    excerpt=s.CharField(),
    start_char=_count(help_text="Where the excerpt begins in the document's text, in characters."),
    end_char=_count(),
    page_number=s.IntegerField(allow_null=True, min_value=1, help_text="Null where the file has no pages."),
    display_order=s.IntegerField(min_value=1, help_text="Its number in the answer: [1]."),
    document_info=_DocumentInfo(),
)
References = shape("References", references=Reference(many=True), total_references=_count())
_MESSAGE: dict[str, Any] = {
    "id": s.IntegerField(),
    "message_id": _id("msg"),
    "session_id": _id("sess"),
    "parent_message_id": _id("msg", allow_null=True),
    "role": s.ChoiceField(choices=StoredMessage.Role.values),
    "content": s.CharField(),
    "content_type": s.ChoiceField(choices=["text", "markdown"]),
    "metadata": s.DictField(),
    "tokens": _count(),
    "model": s.CharField(allow_null=True, help_text="The model that answered."),
    "status": s.ChoiceField(choices=["completed", *(status for status in StoredMessage.Status.values if status != "complete")]),
    "processing_time_ms": _count(allow_null=True),
    "turn_id": s.UUIDField(allow_null=True),
    "created_at": _moment(),
}
Message = shape("Message", "A message. An answer that is being written has the text so far.", **_MESSAGE)
Messages = shape("Messages", messages=Message(many=True), pagination=_Pagination())
_DETAIL: dict[str, Any] = {
    **_MESSAGE,
    "prompt_tokens": _count(allow_null=True),
    "completion_tokens": _count(allow_null=True),
    "retrieval_time_ms": _count(allow_null=True, help_text="Null where no documents were searched."),
    "generation_time_ms": _count(allow_null=True),
    "updated_at": _moment(),
}
MessageDetail = shape("MessageDetail", "A message with its times.", **_DETAIL)
Answer = shape("Answer", "An answer with its references.", **_DETAIL, references=Reference(many=True), stopped=s.BooleanField())
Exchange = shape("Exchange", "A question with its answer.", **_MESSAGE, assistant_response=Answer())

# --- Search ---------------------------------------------------------------------------------------------------------------------

_HitMetadata = shape(
    "HitMetadata",
    file_type=s.CharField(),
    page_number=s.IntegerField(allow_null=True, min_value=1),
    author=s.CharField(),
    created_at=_moment(help_text="When the file says that it was written, else when it was uploaded."),
)
_Hit = shape(
    "Hit",
    "A passage that was found.",
    document_id=_id("doc"),
    chunk_id=_id("chunk"),
    title=s.CharField(),
    content=s.CharField(),
    relevance_score=_score(),
    start_char=_count(),
    end_char=_count(),
    metadata=_HitMetadata(),
)
SearchResult = shape(
    "SearchResult",
    results=_Hit(many=True),
    total_results=_count(),
    search_time_ms=_count(),
    query_embedding_time_ms=_count(),
)

# --- Context --------------------------------------------------------------------------------------------------------------------

_Chunk = shape(
    "ContextChunk",
    context_type=s.ChoiceField(choices=["system", "conversation", "retrieval"]),
    content=s.CharField(),
    relevance_score=_score(),
    weight=_score(),
    context_order=s.IntegerField(min_value=1),
    document_id=_id("doc", required=False),
    chunk_id=_id("chunk", required=False),
    title=s.CharField(required=False),
    page_number=s.IntegerField(required=False, allow_null=True, min_value=1),
)
_Context = shape(
    "SentContext",
    session_id=_id("sess"),
    total_context_length=_count(help_text="Tokens."),
    max_context_length=_count(help_text="Tokens."),
    context_chunks=_Chunk(many=True),
)
Context = shape("Context", context=_Context())
ChangedContext = shape("ChangedContext", session_id=_id("sess"), context_settings=_ContextSettings(), updated_at=_moment())

# --- Topics ---------------------------------------------------------------------------------------------------------------------

_TOPIC: dict[str, Any] = {
    "id": s.IntegerField(),
    "name": s.CharField(),
    "description": s.CharField(),
    "user_id": s.IntegerField(help_text="Its owner."),
    "for_everyone": s.BooleanField(),
    "created_at": _moment(),
    "updated_at": _moment(),
}
Topic = shape("Topic", "A shelf of documents.", **_TOPIC)
Topics = shape("Topics", topics=Topic(many=True), pagination=_Pagination())
SharedTopic = shape("SharedTopic", **_TOPIC, user_ids=s.ListField(child=s.IntegerField(), help_text="Who may read it."))


@cache
def envelope(data: Shape | None) -> Shape:
    return shape(
        f"{data.__name__}Answer" if data is not None else "Done",
        success=s.BooleanField(),
        data=NullField() if data is None else data(),
        message=s.CharField(),
        error=NullField(),
        meta=_Meta(),
    )
