"""What the contract's OpenAPI document says beside its operations."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.chat_system import schemas
from chatplatform.contracts.chat_system.examples import EXAMPLES
from chatplatform.contracts.openapi.describing import Document, PathPart
from conversations.errors import ConversationNotFound, MessageNotFound
from retrieval.errors import TopicNotFound

_HEX = "550e8400e29b41d4a7164466554400"

_NEW_SESSION = {"session_id": "$response.body#/data/session_id"}
_ANSWER = {"message_id": "$response.body#/data/assistant_response/message_id"}
_NEW_TOPIC = {"topic_id": "$response.body#/data/id"}


def _prefixed(prefix: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{prefix}_[0-9a-f]{{32}}$"}


DOCUMENT = Document(
    name="chat-system",
    description="""\
Sessions that answer from documents: topics, search, messages with references, and answers that stream over a WebSocket.

**Who is asking.** `Authorization: Bearer` takes an access token or an API key, `X-API-Key` an API key.

**Answers.** A success is `{"success": true, "data", "message", "error": null, "meta"}`, a failure
`{"success": false, "data": null, "message", "error": {"code", "details", "field_errors"}, "meta"}`. `meta` holds the time, the
request's id and the version. Messages are in Chinese, or in English with `Accept-Language: en`. Clients must accept keys that
they do not know. A path answers with a slash at its end, too; to a method that it does not have it answers 405 with `Allow`.

**Limits.** Unless the operator says otherwise, 60 messages a minute, 10 new sessions an hour, 100 searches a minute, 100 other
requests a minute and 5 sockets a person; beyond that 429 with `Retry-After`. JSON has at most 1 MB and 64 levels.""",
    tags={
        "Sessions": "Conversations, with a model and a topic to answer from.",
        "Messages": "What was said, sending, and answering again.",
        "WebSocket": "Answers as they are written.",
        "Search": "Documents, and where an answer has its words from.",
        "Context": "What the model is given to read.",
        "Topics": "Shelves of documents.",
    },
    envelope=schemas.envelope,
    failure=schemas.Failure,
    parts={
        "session_id": PathPart("The session.", f"sess_{_HEX}01", _prefixed("sess"), missing=ConversationNotFound),
        "message_id": PathPart("The message.", f"msg_{_HEX}21", _prefixed("msg"), missing=MessageNotFound),
        "topic_id": PathPart("The topic.", 123, {"type": "integer", "minimum": 1}, missing=TopicNotFound),
    },
    examples=EXAMPLES,
    links={
        "create_session": dict.fromkeys(
            ("get_session", "update_session", "delete_session", "send_message", "list_messages", "get_context", "update_context"),
            _NEW_SESSION,
        ),
        "send_message": dict.fromkeys(("get_message", "regenerate_message", "list_references"), _ANSWER),
        "create_topic": dict.fromkeys(("get_topic", "update_topic", "delete_topic"), _NEW_TOPIC),
    },
)
