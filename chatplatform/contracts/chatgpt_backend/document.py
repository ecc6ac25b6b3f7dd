"""What the contract's OpenAPI document says beside its operations."""

from __future__ import annotations

from chatplatform.contracts.chatgpt_backend import schemas
from chatplatform.contracts.chatgpt_backend.examples import EXAMPLES
from chatplatform.contracts.openapi.describing import Document, PathPart
from conversations.errors import ConversationNotFound, MessageNotFound, TurnNotFound

_ID = "550e8400-e29b-41d4-a716-4466554400"

_NEW_CONVERSATION = {"conversation_id": "$response.body#/data/id"}
_SENT_TURN = {"turn_id": "$response.body#/data/turn_id"}
_SENT_MESSAGE = {"message_id": "$response.body#/data/user_message/id"}

DOCUMENT = Document(
    name="chatgpt-backend",
    description="""\
Accounts, conversations, messages, and answers that stream.

**Who is asking.** `Authorization: Bearer` takes an access token or an API key, `X-API-Key` an API key. An access token lives
for 30 minutes and is renewed with the refresh token, which works once and for 7 days.

**Answers.** A success is `{"success": true, "data", "message", "timestamp"}`, a failure
`{"success": false, "error": {"code", "message", "details"}, "timestamp"}`. Messages are in Chinese, or in English with
`Accept-Language: en`. Clients must accept keys that they do not know. A path answers with a slash at its end, too; to a
method that it does not have it answers 405 with `Allow`.

**Limits.** Unless the operator says otherwise, 5 requests a minute for authentication by address, 20 sends and 100 others by
person; beyond that 429 with `Retry-After`. JSON has at most 1 MB and 64 levels.

**Turns.** A message that was accepted is stored before the model is asked, and its answer is written whether or not anybody
listens. Every event of it has a number: read on from any of them, by HTTP or WebSocket, and stop it by its `turn_id`.""",
    tags={
        "Authentication": "Registering, signing in and out, and a forgotten password.",
        "Users": "The person who is signed in: her account, her quota, her API keys.",
        "Conversations": "Conversations, their titles, and the archive.",
        "Messages": "What was said, and sending.",
        "Turns": "Answers that are being written: looked at, read again, stopped.",
        "WebSocket": "Several conversations over one connection.",
        "System": "The platform itself.",
    },
    envelope=schemas.envelope,
    failure=schemas.Failure,
    parts={
        "conversation_id": PathPart("The conversation.", f"{_ID}01", missing=ConversationNotFound),
        "message_id": PathPart("The message.", f"{_ID}10", missing=MessageNotFound),
        "turn_id": PathPart("The turn.", f"{_ID}40", missing=TurnNotFound),
        "key_id": PathPart("The API key.", f"{_ID}50"),
    },
    examples=EXAMPLES,
    links={
        "create_conversation": {
            "get_conversation": _NEW_CONVERSATION,
            "send_message": _NEW_CONVERSATION,
            "stream_message": _NEW_CONVERSATION,
            "update_conversation": _NEW_CONVERSATION,
            "delete_conversation": _NEW_CONVERSATION,
        },
        "send_message": {
            "get_turn": _SENT_TURN,
            "follow_turn": _SENT_TURN,
            "stop_turn": _SENT_TURN,
            "edit_message": _SENT_MESSAGE,
            "delete_message": _SENT_MESSAGE,
        },
        "create_api_key": {"revoke_api_key": {"key_id": "$response.body#/data/id"}},
    },
)
