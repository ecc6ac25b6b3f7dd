"""The chat platform's own client, blocking (`Client`) and not (`AsyncClient`).

from chatplatform_client import Client

with Client("https://chat.example.org") as client:
    client.auth.login("alice", "password123")
    conversation = client.conversations.create("Decorators")
    with client.messages.stream(conversation.id, "What is a decorator?") as answer:
        for event in answer:
            print(event.content, end="", flush=True)
"""

from chatplatform_client._async.client import AsyncClient
from chatplatform_client._async.connection import AsyncConnection
from chatplatform_client._async.frames import AsyncStreamedFrames
from chatplatform_client._async.socket import AsyncChatSocket
from chatplatform_client._async.stream import AsyncAnswer, AsyncTurnStream
from chatplatform_client._sync.client import Client
from chatplatform_client._sync.connection import Connection
from chatplatform_client._sync.frames import StreamedFrames
from chatplatform_client._sync.socket import ChatSocket
from chatplatform_client._sync.stream import Answer, TurnStream
from chatplatform_client.decoding import UnexpectedAnswer
from chatplatform_client.errors import (
    APIConnectionError,
    APIError,
    APITimeoutError,
    AuthenticationError,
    ChatPlatformError,
    ConflictError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    TurnFailed,
    ValidationError,
)
from chatplatform_client.events import Final, StreamContent, StreamEnd, StreamEvent, StreamStart
from chatplatform_client.models import (
    Agent,
    ApiKey,
    Conversation,
    Document,
    Exchange,
    Message,
    Model,
    Page,
    Provider,
    Session,
    Topic,
    Turn,
    Usage,
    User,
)
from chatplatform_client.tokens import Credentials

__version__ = "1.0.0"

__all__ = [
    "APIConnectionError",
    "APIError",
    "APITimeoutError",
    "Agent",
    "Answer",
    "ApiKey",
    "AsyncAnswer",
    "AsyncChatSocket",
    "AsyncClient",
    "AsyncConnection",
    "AsyncStreamedFrames",
    "AsyncTurnStream",
    "AuthenticationError",
    "ChatPlatformError",
    "ChatSocket",
    "Client",
    "ConflictError",
    "Connection",
    "Conversation",
    "Credentials",
    "Document",
    "Exchange",
    "Final",
    "Message",
    "Model",
    "NotFoundError",
    "Page",
    "PermissionDeniedError",
    "Provider",
    "RateLimitError",
    "ServerError",
    "Session",
    "StreamContent",
    "StreamEnd",
    "StreamEvent",
    "StreamStart",
    "StreamedFrames",
    "Topic",
    "Turn",
    "TurnFailed",
    "TurnStream",
    "UnexpectedAnswer",
    "Usage",
    "User",
    "ValidationError",
]
