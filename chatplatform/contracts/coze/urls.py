"""The contract's route table: what answers where, how often, and in what kind of thread.

Its base is the root. `/health` it shares with LLMChat, where the detailed state and the metrics are.
"""

from __future__ import annotations

from chatplatform.contracts.contract import Route, Runs
from chatplatform.contracts.coze.contract import OTHER_RATE, SEND_RATE
from chatplatform.contracts.coze.views.chat import ChatStreamViewSet, ChatViewSet
from chatplatform.contracts.coze.views.sessions import SessionClearViewSet, SessionInfoViewSet
from chatplatform.contracts.coze.views.start import StartViewSet
from chatplatform.contracts.state import HealthViewSet

FAST, NATIVE = Runs.FAST, Runs.NATIVE

ROUTES = (
    Route("GET", "/", StartViewSet, "start", FAST, None, public=True),
    Route("GET", "/health", HealthViewSet, "health", NATIVE, None, public=True),
    Route("POST", "/chat", ChatViewSet, "chat", NATIVE, SEND_RATE),
    Route("POST", "/chat/stream", ChatStreamViewSet, "stream", NATIVE, SEND_RATE),
    Route("GET", "/session/{session_id}/info", SessionInfoViewSet, "info", FAST, OTHER_RATE),
    Route("POST", "/session/{session_id}/clear", SessionClearViewSet, "clear", FAST, OTHER_RATE),
)
