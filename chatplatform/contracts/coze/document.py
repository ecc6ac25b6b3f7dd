"""What the contract's OpenAPI document says beside its operations."""

from __future__ import annotations

from chatplatform.contracts.coze import schemas
from chatplatform.contracts.coze.examples import EXAMPLES
from chatplatform.contracts.openapi.describing import Document, PathPart
from conversations.errors import SessionNotFound

_SESSION = {"session_id": "$response.body#/session_id"}

DOCUMENT = Document(
    name="coze",
    description="""\
A chat under a name of one's own: no more is needed to go on with it.

**Where it is.** At the root.

**Who is asking.** The contract knows no accounts. With `Authorization: Bearer` (an access token or an API key) or `X-API-Key` (an
API key) all belongs to that account, and is found through every other contract too. Without, one is a guest, where the operators
let guests in (as it comes: only on the machine that it runs on); else the answer is 401. All guests are one account: whoever
uses the same `session_id` is in the same conversation, so a guest's should be one that nobody guesses, as those are that are made
up here. `user_id` is a label, and grants nothing.

**Sessions.** A `session_id` leads to one conversation of the account until it is cleared, or was not used for 30 days, unless the
operator says otherwise. `conversation_id` (`conv_…`, `sess_…` or a UUID) leads it to a conversation that is there already.

**Answers.** A success is the bare object, a failure `{"detail": "..."}`. Messages are in Chinese, or in English with
`Accept-Language: en`. Clients must accept keys that they do not know. Moments are in UTC, without saying so.

**Streams** hold `data:` lines and blank ones only. `total_chunks` of a chunk is the number that is known so far.

**Limits.** Unless the operator says otherwise, 20 sends and 100 others a minute by account, and by address for guests; beyond
that 429 with `Retry-After`. Guests have a small quota, all of them together. JSON has at most 1 MB and 64 levels.""",
    tags={
        "System": "Whether it works.",
        "Chat": "Sending.",
        "Sessions": "What a name stands for.",
    },
    envelope=schemas.envelope,
    failure=schemas.Failure,
    parts={
        "session_id": PathPart("The client's own name for it.", "demo_session_1", {"type": "string"}, missing=SessionNotFound),
    },
    examples=EXAMPLES,
    links={"chat": {"get_session": _SESSION, "clear_session": _SESSION}},
)
