"""What the contract's OpenAPI document says beside its operations."""

from __future__ import annotations

from chatplatform.contracts.openai import schemas
from chatplatform.contracts.openai.examples import EXAMPLES
from chatplatform.contracts.openapi.describing import Document, PathPart
from conversations.errors import ConversationNotFound
from providers.errors import UnknownModel

DOCUMENT = Document(
    name="openai",
    description="""\
For clients that are written for OpenAI: chat completions, models, embeddings, conversations.

**Where it is.** At `/v1`: the clients' `base_url`.

**Who is asking.** `Authorization: Bearer` takes an API key of this platform or an access token, `X-API-Key` an API key.

**Nothing is kept** of a completion: its messages are the prompt as they are, and a client that leaves ends it. It counts, is
charged and can be stopped as everything else (its id for that is `turn_id`, or `X-Turn-ID`).

**Unless a conversation is named** in `metadata.conversation_id` or `X-Conversation-ID`. Then the last message is sent to that
conversation as by any other contract, and its answer is kept, whoever listens. One that nobody has yet begins with that id, and
with the earlier messages.

**What is passed over**: `user`, `store`, `seed`, `service_tier`, `reasoning_effort`, `verbosity`, `prediction`,
`parallel_tool_calls`, `safety_identifier` and the settings of a prompt's cache. **What is refused** with `unsupported_parameter`,
unless it asks for nothing: tools and functions, `n` above 1, images, audio and files, `logprobs`, `logit_bias`, penalties, a
`response_format` other than text, web search, and every parameter that is not known.

**Errors** are `{"error": {"message", "type", "param", "code"}}` with OpenAI's statuses.""",
    tags={
        "Chat": "Answers to messages.",
        "Embeddings": "Texts as vectors.",
        "Conversations": "What is kept, in the shapes of the Conversations API.",
        "Models": "Who may be asked.",
    },
    envelope=schemas.envelope,
    failure=schemas.Failure,
    parts={
        "owner": PathPart("What stands before the slash.", "Qwen", schema={"type": "string"}, missing=UnknownModel),
        "model": PathPart("The model's name.", "gpt-4", schema={"type": "string"}, missing=UnknownModel),
        "conversation_id": PathPart("The conversation.", "550e8400-e29b-41d4-a716-446655440001", missing=ConversationNotFound),
    },
    examples=EXAMPLES,
    links={},
    last_line="[DONE]",
)
