"""The contract's route table: what answers where, how often, and in what kind of thread."""

from __future__ import annotations

from chatplatform.contracts.contract import Route, Runs
from chatplatform.contracts.openai.contract import OTHER_RATE, SEND_RATE
from chatplatform.contracts.openai.views.chat import CompletionViewSet
from chatplatform.contracts.openai.views.conversations import ConversationsViewSet, ConversationViewSet, ItemViewSet
from chatplatform.contracts.openai.views.embeddings import EmbeddingViewSet
from chatplatform.contracts.openai.views.models import ModelViewSet, OwnedModelViewSet, SingleModelViewSet

FAST, NATIVE = Runs.FAST, Runs.NATIVE

ROUTES = (
    Route("POST", "/chat/completions", CompletionViewSet, "create", NATIVE, SEND_RATE),
    Route("POST", "/embeddings", EmbeddingViewSet, "create", NATIVE, SEND_RATE),
    Route("POST", "/conversations", ConversationsViewSet, "create", FAST, OTHER_RATE),
    Route("GET", "/conversations/{conversation_id}", ConversationViewSet, "retrieve", FAST, OTHER_RATE),
    Route("DELETE", "/conversations/{conversation_id}", ConversationViewSet, "destroy", FAST, OTHER_RATE),
    Route("GET", "/conversations/{conversation_id}/items", ItemViewSet, "list", FAST, OTHER_RATE),
    Route("GET", "/models", ModelViewSet, "list", FAST, OTHER_RATE),
    Route("GET", "/models/{model}", SingleModelViewSet, "retrieve", FAST, OTHER_RATE),
    Route("GET", "/models/{owner}/{model}", OwnedModelViewSet, "retrieve", FAST, OTHER_RATE),
)
