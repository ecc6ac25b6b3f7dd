"""LLMChat's client, as its document shows it.

    from llmchat import LLMChatClient

    client = LLMChatClient(base_url="https://chat.example.org/api", token="…")
    for chunk in client.chat.completions(messages=[{"role": "user", "content": "Hello"}], stream=True):
        print(chunk.content, end="", flush=True)

Errors are those of `chatplatform_client`.
"""

from llmchat._async.client import AsyncChatStream, AsyncLLMChatClient
from llmchat._sync.client import ChatStream, LLMChatClient
from llmchat.models import ChatMessage, Chunk, Completion, Drawing, HistoryMessage, SavedSession, SignedIn, User

__version__ = "1.0.0"

__all__ = [
    "AsyncChatStream",
    "AsyncLLMChatClient",
    "ChatMessage",
    "ChatStream",
    "Chunk",
    "Completion",
    "Drawing",
    "HistoryMessage",
    "LLMChatClient",
    "SavedSession",
    "SignedIn",
    "User",
]
