"""The contract's route table: what answers where, how often, and in what kind of thread.

`SLOW` leaves the few threads of ordinary REST free while a password is hashed or a price list is read; `NATIVE` views are
coroutines in the event loop. Literal paths come before paths with an id.
"""

from __future__ import annotations

from chatplatform.contracts.contract import Route, Runs
from chatplatform.contracts.lyss.contract import AUTH_RATE, OTHER_RATE, SEND_RATE
from chatplatform.contracts.lyss.views.accounts import AuthViewSet
from chatplatform.contracts.lyss.views.chat import ChatStreamViewSet, ChatViewSet
from chatplatform.contracts.lyss.views.conversations import ConversationViewSet
from chatplatform.contracts.lyss.views.providers import DefaultProviderViewSet, DistributionViewSet, ProviderViewSet

FAST, SLOW, NATIVE = Runs.FAST, Runs.SLOW, Runs.NATIVE

ROUTES = (
    Route("POST", "/auth/register", AuthViewSet, "register", SLOW, AUTH_RATE, public=True),
    Route("POST", "/auth/login", AuthViewSet, "login", SLOW, AUTH_RATE, public=True),
    Route("GET", "/auth/me", AuthViewSet, "me", FAST, OTHER_RATE),
    Route("POST", "/auth/refresh", AuthViewSet, "refresh", FAST, AUTH_RATE, public=True),
    Route("POST", "/auth/logout", AuthViewSet, "logout", FAST, AUTH_RATE),
    Route("GET", "/providers", ProviderViewSet, "list", FAST, OTHER_RATE),
    Route("POST", "/providers", ProviderViewSet, "create", SLOW, OTHER_RATE),
    Route("GET", "/providers/available", ProviderViewSet, "available", FAST, OTHER_RATE),
    Route("PUT", "/providers/default", DefaultProviderViewSet, "update", FAST, OTHER_RATE),
    Route("GET", "/providers/{provider_id}", ProviderViewSet, "retrieve", FAST, OTHER_RATE),
    Route("PUT", "/providers/{provider_id}", ProviderViewSet, "update", SLOW, OTHER_RATE),
    Route("DELETE", "/providers/{provider_id}", ProviderViewSet, "destroy", FAST, OTHER_RATE),
    Route("POST", "/providers/{provider_id}/distribute", DistributionViewSet, "create", FAST, OTHER_RATE),
    Route("DELETE", "/providers/{provider_id}/distribute/{user_id}", DistributionViewSet, "destroy", FAST, OTHER_RATE),
    Route("GET", "/providers/{provider_id}/distributions", DistributionViewSet, "list", FAST, OTHER_RATE),
    Route("POST", "/chat/messages", ChatViewSet, "messages", NATIVE, SEND_RATE),
    Route("POST", "/chat/stream", ChatStreamViewSet, "stream", NATIVE, SEND_RATE),
    Route("GET", "/conversations", ConversationViewSet, "list", FAST, OTHER_RATE),
    Route("POST", "/conversations", ConversationViewSet, "create", FAST, OTHER_RATE),
    Route("GET", "/conversations/{conversation_id}", ConversationViewSet, "retrieve", FAST, OTHER_RATE),
    Route("PUT", "/conversations/{conversation_id}", ConversationViewSet, "update", FAST, OTHER_RATE),
    Route("DELETE", "/conversations/{conversation_id}", ConversationViewSet, "destroy", FAST, OTHER_RATE),
)
