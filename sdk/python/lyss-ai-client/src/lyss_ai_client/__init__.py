"""LYSS's client, as its document shows it.

    from lyss_ai_client import LyssClient

    client = LyssClient(base_url="https://chat.example.org/api/v1", api_key="…")
    response = client.chat.send_message(messages=[{"role": "user", "content": "Hello, world!"}])
    print(response.message.content)

Errors are those of `chatplatform_client`.
"""

from lyss_ai_client._async.client import AsyncChatStream, AsyncLyssClient
from lyss_ai_client._sync.client import ChatStream, LyssClient
from lyss_ai_client.models import ChatResponse, Chunk, Conversation, Message, SignedIn, Spent, Tokens, User

__version__ = "1.0.0"

__all__ = [
    "AsyncChatStream",
    "AsyncLyssClient",
    "ChatResponse",
    "ChatStream",
    "Chunk",
    "Conversation",
    "LyssClient",
    "Message",
    "SignedIn",
    "Spent",
    "Tokens",
    "User",
]
