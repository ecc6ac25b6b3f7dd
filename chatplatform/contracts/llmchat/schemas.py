"""The shapes of the answers, for the OpenAPI document only. `responses.py` makes them; tests hold the two together."""

from __future__ import annotations

from functools import cache

from rest_framework import serializers as s

from chatplatform.contracts.llmchat.errors import ERRORS
from chatplatform.contracts.openapi.describing import NullField, Shape, shape
from conversations.models import Message
from retrieval.failures import FAILURES
from retrieval.models import Document

_User = shape(
    "User",
    id=s.UUIDField(),
    email=s.EmailField(),
    name=s.CharField(),
    username=s.CharField(),
    role=s.CharField(),
    createdAt=s.DateTimeField(),
)
SignedIn = shape(
    "SignedIn",
    token=s.CharField(),
    refreshToken=s.CharField(help_text="Good once: each refresh gives another."),
    expiresIn=s.IntegerField(help_text="Seconds that the token lives."),
    user=_User(),
)
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
Usage = shape(
    "Usage",
    promptTokens=s.IntegerField(allow_null=True),
    completionTokens=s.IntegerField(allow_null=True),
    totalTokens=s.IntegerField(allow_null=True, help_text="Null where the vendor did not say."),
)
CompletedChat = shape(
    "CompletedChat",
    id=s.UUIDField(help_text="The answer's."),
    sessionId=s.UUIDField(),
    turnId=s.UUIDField(),
    message=shape("CompletionMessage", role=s.CharField(), content=s.CharField(allow_blank=True))(),
    model=s.CharField(help_text="Which really answered."),
    usage=Usage(),
    stopped=s.BooleanField(help_text="Somebody stopped it; this is what there was."),
    createdAt=s.DateTimeField(),
)
_Message = shape(
    "Message",
    id=s.UUIDField(),
    role=s.ChoiceField(choices=Message.Role.values),
    content=s.CharField(allow_blank=True, help_text="The text so far, while it is being written."),
    status=s.ChoiceField(choices=Message.Status.values),
    model=s.CharField(allow_null=True, help_text="Of an answer."),
    turnId=s.UUIDField(allow_null=True, help_text="Of an answer that was written here."),
    createdAt=s.DateTimeField(),
    updatedAt=s.DateTimeField(),
)
SavedSession = shape(
    "SavedSession",
    sessionId=s.UUIDField(),
    title=s.CharField(allow_blank=True),
    agentId=s.UUIDField(allow_null=True),
    messageCount=s.IntegerField(),
    createdAt=s.DateTimeField(),
    updatedAt=s.DateTimeField(),
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
_Point = shape("Point", x=s.FloatField(), y=s.FloatField(), z=s.FloatField(required=False, help_text="Where it is not 0."))
_Entity = shape(
    "DrawingEntity",
    "By its `type`, more: a LINE its `startPoint` and `endPoint`, a CIRCLE its `center` and `radius`, a polyline its `vertices`.",
    type=s.CharField(help_text="As in DXF: LINE, CIRCLE, LWPOLYLINE."),
    layer=s.CharField(allow_blank=True),
    color=s.IntegerField(required=False, help_text="AutoCAD's index, where it is not the layer's."),
    trueColor=s.CharField(required=False, help_text="As `#rrggbb`."),
    startPoint=_Point(required=False),
    endPoint=_Point(required=False),
    center=_Point(required=False),
    radius=s.FloatField(required=False),
    startAngle=s.FloatField(required=False, help_text="In degrees, to the left."),
    endAngle=s.FloatField(required=False),
    position=_Point(required=False),
    text=s.CharField(required=False, allow_blank=True),
    block=s.CharField(required=False, allow_blank=True, help_text="Of an INSERT: which block stands here."),
    normal=_Point(required=False, help_text="The plane that it is drawn in, where that is not the drawing's own."),
)
_DrawingLayer = shape(
    "DrawingLayer",
    name=s.CharField(allow_blank=True),
    color=s.IntegerField(help_text="AutoCAD's index; 0 where the drawing says none."),
    visible=s.BooleanField(),
    trueColor=s.CharField(required=False, help_text="As `#rrggbb`."),
)
_Bounds = shape("DrawingBounds", minX=s.FloatField(), minY=s.FloatField(), maxX=s.FloatField(), maxY=s.FloatField())
Drawing = shape(
    "Drawing",
    entities=_Entity(many=True),
    layers=_DrawingLayer(many=True),
    bounds=_Bounds(allow_null=True, help_text="Of what is drawn; null where nothing is."),
    units=s.CharField(allow_null=True, help_text="What a unit of the drawing is, where it says so."),
    truncated=s.BooleanField(help_text="There is more in the drawing than was read."),
    leftOut=s.IntegerField(help_text="Entities whose coordinates are no numbers."),
)
_Pagination = shape(
    "Pagination", page=s.IntegerField(), limit=s.IntegerField(), total=s.IntegerField(), totalPages=s.IntegerField()
)
Error = shape(
    "Error",
    type=s.CharField(),
    details=s.CharField(),
    field=s.CharField(required=False, help_text="The field or parameter to blame."),
    turnId=s.UUIDField(required=False),
    textKept=s.BooleanField(required=False),
    retryAfter=s.IntegerField(required=False),
)
Failure = shape(
    "Failure", code=s.ChoiceField(choices=ERRORS.codes()), message=s.CharField(), error=Error(), timestamp=s.DateTimeField()
)
Agents = shape("AgentPage", items=Agent(many=True), pagination=_Pagination())
History = shape("MessagePage", items=_Message(many=True), pagination=_Pagination())
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
