"""What the contract's OpenAPI document says beside its operations."""

from __future__ import annotations

from chatplatform.contracts.llmchat import schemas
from chatplatform.contracts.llmchat.examples import EXAMPLES
from chatplatform.contracts.openapi.describing import Document, PathPart
from providers.errors import AgentNotFound
from retrieval.errors import DocumentNotFound

DOCUMENT = Document(
    name="llmchat",
    description="""\
Agents: names, system prompts and settings in front of providers. Files: documents that are read, cut into passages and searched.

**Where it is.** At `/api`, at `/api/v1`, and for `Accept: application/vnd.llmchat.v1+json`.

**Who is asking.** `Authorization: Bearer` takes an access token or an API key, `X-API-Key` an API key.

**Answers.** A success is `{"code": "SUCCESS", "message", "data", "timestamp"}`, a failure
`{"code", "message", "error": {"type", "details"}, "timestamp"}`. Messages are in Chinese, or in English with
`Accept-Language: en`. Clients must accept keys that they do not know.

**Limits.** Unless the operator says otherwise, 2,000 requests a minute by person, 5,000 for the enterprise tier; beyond that 429
with `Retry-After`. JSON has at most 1 MB and 64 levels, a file 10 MB.

**Files themselves** are at their `url`, `/uploads/{id}.{extension}`, for those who may read them: `GET` with the same credentials
answers the bytes as an attachment, whole (no ranges).""",
    tags={"Agents": "Whom one may talk to.", "Files": "Documents that answers can be found in."},
    envelope=schemas.envelope,
    failure=schemas.Failure,
    parts={
        "agent_id": PathPart("The agent.", "550e8400-e29b-41d4-a716-446655440060", missing=AgentNotFound),
        "file_id": PathPart("The file.", "550e8400-e29b-41d4-a716-446655440070", missing=DocumentNotFound),
    },
    examples=EXAMPLES,
    links={},
)
