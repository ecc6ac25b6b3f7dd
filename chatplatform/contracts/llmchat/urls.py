"""The contract's route table: what answers where, how often, and in what kind of thread.

What moves files runs in the `SLOW` threads, and so does a reload; `NATIVE` views are coroutines in the event loop. Literal paths
come before paths with an id.
"""

from __future__ import annotations

from chatplatform.contracts.contract import Route, Runs
from chatplatform.contracts.llmchat.contract import RATE
from chatplatform.contracts.llmchat.views.agents import AgentStatusViewSet, AgentViewSet, ReloadViewSet
from chatplatform.contracts.llmchat.views.uploads import UploadViewSet

FAST, SLOW, NATIVE = Runs.FAST, Runs.SLOW, Runs.NATIVE

ROUTES = (
    Route("GET", "/agents", AgentViewSet, "list", FAST, RATE),
    Route("POST", "/agents/reload", ReloadViewSet, "reload", SLOW, RATE),
    Route("GET", "/agents/{agent_id}", AgentViewSet, "retrieve", FAST, RATE),
    Route("PUT", "/agents/{agent_id}", AgentViewSet, "update", FAST, RATE),
    Route("GET", "/agents/{agent_id}/status", AgentStatusViewSet, "status", NATIVE, RATE),
    Route("POST", "/upload", UploadViewSet, "upload", SLOW, RATE),
    Route("GET", "/upload", UploadViewSet, "list", FAST, RATE),
    Route("GET", "/upload/{file_id}", UploadViewSet, "retrieve", FAST, RATE),
    Route("DELETE", "/upload/{file_id}", UploadViewSet, "destroy", SLOW, RATE),
)
