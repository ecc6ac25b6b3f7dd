"""What the contract's OpenAPI document says beside its operations."""

from __future__ import annotations

from chatplatform.contracts.llmchat import schemas
from chatplatform.contracts.llmchat.examples import EXAMPLES
from chatplatform.contracts.openapi.describing import Document, PathPart
from conversations.errors import ConversationNotFound
from providers.errors import AgentNotFound
from retrieval.errors import DocumentNotFound

DOCUMENT = Document(
    name="llmchat",
    description="""\
Agents: names, system prompts and settings in front of providers. Chats with them, in one body or as a stream. Files: documents
that are read, cut into passages and searched.

**Where it is.** At `/api`; at `/api/v1`, which is its first version by path, what no other contract has there, sessions whose id
is a UUID, and everything to who asks with `Accept: application/vnd.llmchat.v1+json`. There is no other version: another one in
`Accept` is answered 406, and another one in the path, as `/api/v2`, 404.

**Who is asking.** `Authorization: Bearer` takes an access token or an API key, `X-API-Key` an API key. An access token lives for
`expiresIn` seconds, half an hour at most, and is renewed with the refresh token.

**Answers.** A success is `{"code": "SUCCESS", "message", "data", "timestamp"}`, a failure
`{"code", "message", "error": {"type", "details"}, "timestamp"}`. Messages are in Chinese, or in English with
`Accept-Language: en`. Clients must accept keys that they do not know.

**Sessions** are the platform's conversations: those of other contracts can be read and continued here by their UUID, and these
there. A session that was begun here is deleted when nothing was said in it for 30 days, unless the operator says otherwise.

**Limits.** Unless the operator says otherwise, 2,000 requests a minute by person, 5,000 for the enterprise tier, and 1,000 by
address for who is not signed in; beyond that 429 with `Retry-After`. A message has at most 10,000 characters, a list of messages
1,000 of them, and the history shows the newest 1,000. JSON has at most 1 MB and 64 levels, a file 10 MB.

**Files themselves** are at their `url`, `/uploads/{id}.{extension}`, for those who may read them: `GET` with the same credentials
answers the bytes as an attachment, whole (no ranges).""",
    tags={
        "Authentication": "Registering, signing in and out, by e-mail address.",
        "Agents": "Whom one may talk to.",
        "Chat": "Talking, and what was said.",
        "Files": "Documents that answers can be found in.",
        "Drawings": "What is drawn in a DXF or DWG file.",
        "System": "Whether it works. At the root.",
    },
    envelope=schemas.envelope,
    failure=schemas.Failure,
    parts={
        "session_id": PathPart("The session.", "550e8400-e29b-41d4-a716-446655440010", missing=ConversationNotFound),
        "agent_id": PathPart("The agent.", "550e8400-e29b-41d4-a716-446655440060", missing=AgentNotFound),
        "file_id": PathPart("The file.", "550e8400-e29b-41d4-a716-446655440070", missing=DocumentNotFound),
    },
    examples=EXAMPLES,
    links={"save_session": {"get_history": {"session_id": "$response.body#/data/sessionId"}}},
)
