"""The contract's route table: what answers where, how often, and in what kind of thread.

`SLOW` leaves the few threads of ordinary REST free while a password is hashed; `NATIVE` views are coroutines in the event loop;
`HOT` are the reads that clients ask for all the time.
Literal paths come before paths with an id.
"""

from __future__ import annotations

from chatplatform.contracts.chatgpt_backend.contract import AUTH_RATE, OTHER_RATE, SEND_RATE
from chatplatform.contracts.chatgpt_backend.socket import ChatSocket
from chatplatform.contracts.chatgpt_backend.views.accounts import ApiKeyViewSet, AuthViewSet, MeViewSet
from chatplatform.contracts.chatgpt_backend.views.conversations import (
    ConversationViewSet,
    MessageViewSet,
    SingleMessageViewSet,
)
from chatplatform.contracts.chatgpt_backend.views.sockets import SocketViewSet
from chatplatform.contracts.chatgpt_backend.views.system import HealthViewSet, SystemViewSet
from chatplatform.contracts.chatgpt_backend.views.turns import TurnViewSet
from chatplatform.contracts.contract import Route, Runs
from chatplatform.contracts.state import MetricsViewSet

FAST, SLOW, NATIVE, HOT = Runs.FAST, Runs.SLOW, Runs.NATIVE, Runs.HOT

ROUTES = (
    Route("POST", "/auth/register", AuthViewSet, "register", SLOW, AUTH_RATE, public=True),
    Route("POST", "/auth/login", AuthViewSet, "login", SLOW, AUTH_RATE, public=True),
    Route("POST", "/auth/refresh", AuthViewSet, "refresh", FAST, AUTH_RATE, public=True),
    Route("POST", "/auth/logout", AuthViewSet, "logout", FAST, AUTH_RATE),
    Route("POST", "/auth/forgot-password", AuthViewSet, "forgot_password", FAST, AUTH_RATE, public=True),
    Route("POST", "/auth/reset-password", AuthViewSet, "reset_password", SLOW, AUTH_RATE, public=True),
    Route("GET", "/users/me", MeViewSet, "retrieve", FAST, OTHER_RATE),
    Route("PUT", "/users/me", MeViewSet, "update", FAST, OTHER_RATE),
    Route("POST", "/users/me/change-password", MeViewSet, "change_password", SLOW, OTHER_RATE),
    Route("GET", "/users/me/quota", MeViewSet, "quota", FAST, OTHER_RATE),
    Route("GET", "/users/me/api-keys", ApiKeyViewSet, "list", FAST, OTHER_RATE),
    Route("POST", "/users/me/api-keys", ApiKeyViewSet, "create", FAST, OTHER_RATE),
    Route("DELETE", "/users/me/api-keys/{key_id}", ApiKeyViewSet, "destroy", FAST, OTHER_RATE),
    Route("GET", "/conversations", ConversationViewSet, "list", HOT, OTHER_RATE),
    Route("POST", "/conversations", ConversationViewSet, "create", FAST, OTHER_RATE),
    Route("GET", "/conversations/{conversation_id}", ConversationViewSet, "retrieve", HOT, OTHER_RATE),
    Route("PUT", "/conversations/{conversation_id}", ConversationViewSet, "update", FAST, OTHER_RATE),
    Route("DELETE", "/conversations/{conversation_id}", ConversationViewSet, "destroy", FAST, OTHER_RATE),
    Route("POST", "/conversations/{conversation_id}/archive", ConversationViewSet, "archive", FAST, OTHER_RATE),
    Route("POST", "/conversations/{conversation_id}/unarchive", ConversationViewSet, "unarchive", FAST, OTHER_RATE),
    Route("GET", "/conversations/{conversation_id}/messages", MessageViewSet, "list", HOT, OTHER_RATE),
    Route("POST", "/conversations/{conversation_id}/messages", MessageViewSet, "create", NATIVE, SEND_RATE),
    Route("POST", "/conversations/{conversation_id}/messages/stream", MessageViewSet, "stream", NATIVE, SEND_RATE),
    Route("PUT", "/messages/{message_id}", SingleMessageViewSet, "update", FAST, OTHER_RATE),
    Route("DELETE", "/messages/{message_id}", SingleMessageViewSet, "destroy", FAST, OTHER_RATE),
    Route("GET", "/turns/{turn_id}", TurnViewSet, "retrieve", NATIVE, OTHER_RATE),
    Route("GET", "/turns/{turn_id}/events", TurnViewSet, "events", NATIVE, OTHER_RATE),
    Route("POST", "/turns/{turn_id}/stop", TurnViewSet, "stop", NATIVE, OTHER_RATE),
    Route("GET", "/ws/chat", SocketViewSet, "chat", FAST, OTHER_RATE, public=True),  # the socket itself asks who is there
    Route("GET", "/health", HealthViewSet, "health", NATIVE, OTHER_RATE, public=True),
    Route("GET", "/info", SystemViewSet, "info", FAST, OTHER_RATE, public=True),
    Route("GET", "/models", SystemViewSet, "models", FAST, OTHER_RATE, public=True),
    Route("GET", "/metrics", MetricsViewSet, "metrics", FAST, OTHER_RATE, public=True),  # it asks for more than an account
)

SOCKETS = {"/ws/chat": ChatSocket}
