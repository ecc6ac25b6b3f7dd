"""The contract's route table: what answers where, how often, and in what kind of thread. A new session is counted by its view.

`NATIVE` views are coroutines in the event loop; `HOT` reads go without Django's handler. Literal paths come before paths with an
id.
"""

from __future__ import annotations

from chatplatform.contracts.chat_system.contract import OTHER_RATE, SEARCH_RATE, SEND_RATE
from chatplatform.contracts.chat_system.socket import SessionSocket
from chatplatform.contracts.chat_system.views.context import ContextViewSet
from chatplatform.contracts.chat_system.views.messages import (
    MessageViewSet,
    ReferenceViewSet,
    RegenerationViewSet,
    SingleMessageViewSet,
)
from chatplatform.contracts.chat_system.views.search import SearchViewSet
from chatplatform.contracts.chat_system.views.sessions import SessionViewSet
from chatplatform.contracts.chat_system.views.sockets import SocketViewSet
from chatplatform.contracts.chat_system.views.topics import SharingViewSet, TopicViewSet
from chatplatform.contracts.contract import Route, Runs

FAST, NATIVE, HOT = Runs.FAST, Runs.NATIVE, Runs.HOT
SESSION = "/chat/sessions/{session_id}"
MESSAGE = "/chat/messages/{message_id}"

ROUTES = (
    Route("GET", "/chat/sessions", SessionViewSet, "list", HOT, OTHER_RATE),
    Route("POST", "/chat/sessions", SessionViewSet, "create", FAST, OTHER_RATE),
    Route("GET", SESSION, SessionViewSet, "retrieve", HOT, OTHER_RATE),
    Route("PUT", SESSION, SessionViewSet, "update", FAST, OTHER_RATE),
    Route("DELETE", SESSION, SessionViewSet, "destroy", FAST, OTHER_RATE),
    Route("GET", f"{SESSION}/messages", MessageViewSet, "list", HOT, OTHER_RATE),
    Route("POST", f"{SESSION}/messages", MessageViewSet, "create", NATIVE, SEND_RATE),
    Route("GET", MESSAGE, SingleMessageViewSet, "retrieve", HOT, OTHER_RATE),
    Route("POST", f"{MESSAGE}/regenerate", RegenerationViewSet, "create", NATIVE, SEND_RATE),
    Route("GET", f"{MESSAGE}/references", ReferenceViewSet, "list", HOT, OTHER_RATE),
    # The socket itself asks who is there.
    Route("GET", f"{SESSION}/stream", SocketViewSet, "stream", FAST, OTHER_RATE, public=True),
    Route("POST", "/chat/search", SearchViewSet, "create", NATIVE, SEARCH_RATE),
    Route("GET", f"{SESSION}/context", ContextViewSet, "retrieve", FAST, OTHER_RATE),
    Route("PUT", f"{SESSION}/context", ContextViewSet, "update", FAST, OTHER_RATE),
    Route("GET", "/topics", TopicViewSet, "list", FAST, OTHER_RATE),
    Route("POST", "/topics", TopicViewSet, "create", FAST, OTHER_RATE),
    Route("GET", "/topics/{topic_id}", TopicViewSet, "retrieve", FAST, OTHER_RATE),
    Route("PUT", "/topics/{topic_id}", TopicViewSet, "update", FAST, OTHER_RATE),
    Route("DELETE", "/topics/{topic_id}", TopicViewSet, "destroy", FAST, OTHER_RATE),
    Route("PUT", "/topics/{topic_id}/sharing", SharingViewSet, "update", FAST, OTHER_RATE),
)

SOCKETS = {f"{SESSION}/stream": SessionSocket}
