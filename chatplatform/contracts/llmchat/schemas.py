"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; tests hold the two together."""

from __future__ import annotations

from functools import cache

from rest_framework import serializers as s

from chatplatform.contracts.llmchat.errors import ERRORS
from chatplatform.contracts.openapi.describing import NullField, Shape, shape
from retrieval.failures import FAILURES
from retrieval.models import Document

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
_Progress = shape(
    "FileProgress",
    done=s.IntegerField(help_text="Embedded chunks."),
    total=s.IntegerField(help_text="Chunks; 0 before the file has been read."),
    percent=s.IntegerField(min_value=0, max_value=100, help_text="100 when it is ready."),
)
_FileFailure = shape("FileFailure", code=s.ChoiceField(choices=sorted(FAILURES)), message=s.CharField())
File = shape(
    "File",
    id=s.UUIDField(),
    filename=s.CharField(help_text="Ours, unique."),
    originalName=s.CharField(help_text="What the uploader's machine called it."),
    size=s.IntegerField(help_text="In bytes."),
    type=s.ChoiceField(choices=Document.Kind.values),
    mimeType=s.CharField(),
    url=s.CharField(help_text="Where the file itself is, for those who may read it."),
    description=s.CharField(allow_blank=True),
    topicId=s.IntegerField(allow_null=True),
    title=s.CharField(allow_blank=True, help_text="The file's own, else its name."),
    author=s.CharField(allow_blank=True),
    pages=s.IntegerField(allow_null=True),
    writtenAt=s.DateTimeField(allow_null=True, help_text="When the file says that it was made."),
    status=s.ChoiceField(choices=Document.Status.values, help_text="It can be searched when it is ready."),
    progress=_Progress(),
    failure=_FileFailure(allow_null=True, help_text="Why it has failed, or cannot be found by a search."),
    uploadedAt=s.DateTimeField(),
    readyAt=s.DateTimeField(allow_null=True),
)
_Pagination = shape(
    "Pagination", page=s.IntegerField(), limit=s.IntegerField(), total=s.IntegerField(), totalPages=s.IntegerField()
)
_Error = shape(
    "Error",
    type=s.CharField(),
    details=s.CharField(),
    field=s.CharField(required=False, help_text="The field or parameter to blame."),
    turnId=s.UUIDField(required=False),
    textKept=s.BooleanField(required=False),
    retryAfter=s.IntegerField(required=False),
)
Failure = shape(
    "Failure", code=s.ChoiceField(choices=ERRORS.codes()), message=s.CharField(), error=_Error(), timestamp=s.DateTimeField()
)
Agents = shape("AgentPage", items=Agent(many=True), pagination=_Pagination())
Files = shape("FilePage", items=File(many=True), pagination=_Pagination())


@cache
def envelope(data: Shape | None) -> Shape:
    return shape(
        f"{data.__name__}Answer" if data is not None else "Done",
        code=s.ChoiceField(choices=["SUCCESS"]),
        message=s.CharField(),
        data=data() if data is not None else NullField(),
        timestamp=s.DateTimeField(),
    )
