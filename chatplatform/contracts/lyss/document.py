"""What the contract's OpenAPI document says beside its operations."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.lyss import schemas
from chatplatform.contracts.lyss.examples import EXAMPLES
from chatplatform.contracts.openapi.describing import Document, PathPart
from conversations.errors import ConversationNotFound
from providers.errors import ProviderNotFound

_NUMBER: dict[str, Any] = {"type": "integer", "minimum": 1}
_NEW_PROVIDER = {"provider_id": "$response.body#/data/id"}
_NEW_CONVERSATION = {"conversation_id": "$response.body#/data/id"}

DOCUMENT = Document(
    name="lyss",
    description="""\
Providers that people bring and operators share, conversations with them, and answers that stream.

**Where it is.** All of it at `/lyss/api/v1`. At `/api/v1` it answers what no other contract has there, conversations whose id is
a number, and everything to who asks with `Accept: application/vnd.lyss.v1+json`.

**Who is asking.** `Authorization: Bearer` takes an access token or an API key, `X-API-Key` an API key. An access token lives
for 30 minutes. It is renewed with the refresh token, or by itself while its session's seven days last.

**Answers.** A success is `{"success": true, "data", "message", "timestamp"}`, a failure
`{"success": false, "error": {"code", "message", "details": {"field", "reason"}}, "timestamp"}`. Messages are in Chinese, or in
English with `Accept-Language: en`. Clients must accept keys that they do not know.

**Limits.** Unless the operator says otherwise, 5 requests a minute for authentication by address, 20 sends and 100 others by
person; beyond that 429 with `Retry-After`. JSON has at most 1 MB and 64 levels.""",
    tags={
        "Authentication": "Registering, signing in and out.",
        "Providers": "Who answers: one's own, the organization's, and whom those are handed to.",
        "Chat": "Sending.",
        "Conversations": "What was said.",
    },
    envelope=schemas.envelope,
    failure=schemas.Failure,
    parts={
        "provider_id": PathPart("The provider.", 1, _NUMBER, missing=ProviderNotFound),
        "user_id": PathPart("Whom it was handed to.", 2, _NUMBER),
        "conversation_id": PathPart("The conversation.", 123, _NUMBER, missing=ConversationNotFound),
    },
    examples=EXAMPLES,
    links={
        "create_provider": dict.fromkeys(("get_provider", "update_provider", "delete_provider"), _NEW_PROVIDER),
        "create_conversation": dict.fromkeys(
            ("get_conversation", "update_conversation", "delete_conversation"), _NEW_CONVERSATION
        ),
    },
)
