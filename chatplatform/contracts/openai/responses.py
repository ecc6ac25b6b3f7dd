"""From what the domain gives to OpenAI's objects. Pure."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from chatplatform.contracts.openai.stream import finish_reason, usage_object
from chatplatform.core.pages import Page
from conversations.models import Conversation, Message
from conversations.sessions import MessageDetail
from conversations.turns.events import TurnUsage
from conversations.turns.request import FinishedCompletion, FinishedTurn
from providers.selectors import ModelView
from retrieval.embedders import Vector
from retrieval.models import EmbeddingModel


def completion(finished: FinishedCompletion) -> dict[str, Any]:
    """Of one that nobody keeps."""
    return _completion(
        finished.turn_id, finished.started_at, finished.model, finished.text, finished.finish_reason, finished.usage
    )


def answer(finished: FinishedTurn, *, conversation_id: UUID, metadata: Mapping[str, str]) -> dict[str, Any]:
    """The same of a turn in a conversation."""
    said = finished.assistant_message
    found = _completion(finished.turn_id, said.created_at, said.model, said.content, finished.finish_reason, finished.usage)
    return found | {"metadata": {**metadata, "conversation_id": str(conversation_id)}}


def _completion(turn_id: UUID, at: datetime, model: str, text: str, reason: str, usage: TurnUsage) -> dict[str, Any]:
    found = {
        "id": f"chatcmpl-{turn_id.hex}",
        "object": "chat.completion",
        "created": int(at.timestamp()),
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": finish_reason(reason),
            }
        ],
        "usage": usage_object(usage),
        "system_fingerprint": None,
        "turn_id": str(turn_id),
    }
    return found if reason else found | {"stopped": True}


_STATUSES = {Message.Status.COMPLETE.value: "completed", Message.Status.STREAMING.value: "in_progress"}


def conversation(found: Conversation) -> dict[str, Any]:
    return {
        "id": str(found.uuid),
        "object": "conversation",
        "created_at": int(found.created_at.timestamp()),
        "metadata": found.metadata,
        "title": found.title,
    }


def item(message: MessageDetail) -> dict[str, Any]:
    """A message as an item of its conversation."""
    part: dict[str, Any] = {"type": "input_text", "text": message.content}
    if message.role == Message.Role.ASSISTANT:
        part = {"type": "output_text", "text": message.content, "annotations": [], "logprobs": []}
    return {
        "id": str(message.uuid),
        "type": "message",
        "status": _STATUSES.get(message.status, "incomplete"),
        "role": message.role,
        "content": [part],
    }


def item_list(page: Page[MessageDetail]) -> dict[str, Any]:
    """`has_more` is of what follows in the same order."""
    data = [item(message) for message in page.items]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": page.total > len(data),
    }


def model(view: ModelView) -> dict[str, Any]:
    return model_object(view.name, owned_by=view.provider_name)


def model_object(name: str, *, owned_by: str) -> dict[str, Any]:
    # When a vendor made a model nobody has told us; OpenAI's clients want a number.
    return {"id": name, "object": "model", "created": 0, "owned_by": owned_by}


def embedding_model(row: EmbeddingModel) -> dict[str, Any]:
    return model_object(row.model, owned_by=row.provider.name if row.provider else row.name)


def embeddings(vectors: Sequence[Vector], *, begin: int, as_base64: bool) -> list[orjson.Fragment]:
    """The objects of a batch whose first text is the `begin`th, written already: a million numbers take a while."""
    return [
        orjson.Fragment(
            orjson.dumps(
                {"object": "embedding", "index": index, "embedding": _base64(vector) if as_base64 else vector},
                option=orjson.OPT_SERIALIZE_NUMPY,
            )
        )
        for index, vector in enumerate(vectors, start=begin)
    ]


def _base64(vector: Vector) -> str:
    """Of 32-bit numbers, the low byte first."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def embedding_list(data: list[orjson.Fragment], *, model: str, tokens: int) -> dict[str, Any]:
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
