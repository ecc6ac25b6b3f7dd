"""The contract's route table: what answers where, how often, and in what kind of thread.

What hashes passwords, moves files or stores long texts runs in the `SLOW` threads, and so does a reload; `NATIVE` views are
coroutines in the event loop. Literal paths come before paths with an id.
"""

from __future__ import annotations

from chatplatform.contracts.contract import Route, Runs
from chatplatform.contracts.llmchat.contract import RATE, STRANGERS_RATE
from chatplatform.contracts.llmchat.views.accounts import AuthViewSet
from chatplatform.contracts.llmchat.views.agents import AgentStatusViewSet, AgentViewSet, ReloadViewSet
from chatplatform.contracts.llmchat.views.cad import DrawingViewSet
from chatplatform.contracts.llmchat.views.chat import CompletionViewSet, HistoryViewSet
from chatplatform.contracts.llmchat.views.transcripts import TranscriptViewSet
from chatplatform.contracts.llmchat.views.uploads import UploadViewSet
from chatplatform.contracts.state import DetailedHealthViewSet, HealthViewSet, MetricsViewSet

FAST, SLOW, NATIVE, HOT = Runs.FAST, Runs.SLOW, Runs.NATIVE, Runs.HOT

ROUTES = (
    Route("POST", "/auth/register", AuthViewSet, "register", SLOW, STRANGERS_RATE, public=True),
    Route("POST", "/auth/login", AuthViewSet, "login", SLOW, STRANGERS_RATE, public=True),
    Route("POST", "/auth/refresh", AuthViewSet, "refresh", FAST, STRANGERS_RATE, public=True),
    Route("POST", "/auth/logout", AuthViewSet, "logout", FAST, RATE),
    Route("GET", "/agents", AgentViewSet, "list", FAST, RATE),
    Route("POST", "/agents/reload", ReloadViewSet, "reload", SLOW, RATE),
    Route("GET", "/agents/{agent_id}", AgentViewSet, "retrieve", FAST, RATE),
    Route("PUT", "/agents/{agent_id}", AgentViewSet, "update", FAST, RATE),
    Route("GET", "/agents/{agent_id}/status", AgentStatusViewSet, "status", NATIVE, RATE),
    Route("POST", "/chat/completions", CompletionViewSet, "create", NATIVE, RATE),
    Route("GET", "/chat/sessions/{session_id}/history", HistoryViewSet, "list", HOT, RATE),
    Route("POST", "/chat/sessions/save", TranscriptViewSet, "create", SLOW, RATE),
    Route("POST", "/upload", UploadViewSet, "upload", SLOW, RATE),
    Route("GET", "/upload", UploadViewSet, "list", FAST, RATE),
    Route("GET", "/upload/{file_id}", UploadViewSet, "retrieve", FAST, RATE),
    Route("DELETE", "/upload/{file_id}", UploadViewSet, "destroy", SLOW, RATE),
    Route("POST", "/cad/parse", DrawingViewSet, "parse", NATIVE, RATE),
    Route("GET", "/health", HealthViewSet, "health", NATIVE, None, public=True, at_root=True),
    Route("GET", "/health/detailed", DetailedHealthViewSet, "details", NATIVE, RATE, at_root=True),
    Route("GET", "/metrics", MetricsViewSet, "metrics", FAST, STRANGERS_RATE, public=True, at_root=True),
)
