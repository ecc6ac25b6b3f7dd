"""An example of every operation, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from chatplatform.contracts.openapi.describing import Example

_TURN = "550e8400-e29b-41d4-a716-446655440040"
_NAME = "chatcmpl-550e8400e29b41d4a716446655440040"
_MODEL = {"id": "gpt-4", "object": "model", "created": 0, "owned_by": "OpenAI"}
_USAGE = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11, "prompt_tokens_details": {"cached_tokens": 0}}
_HEAD = f'"id":"{_NAME}","object":"chat.completion.chunk","created":1763720000,"model":"gpt-4","system_fingerprint":null'


def _chunk(n: int, delta: str, reason: str = "null") -> str:
    choice = f'{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{reason}}}'
    return f'id: {n}\ndata: {{{_HEAD},"choices":[{choice}]}}\n\n'


_COMPLETION: dict[str, Any] = {
    "id": _NAME,
    "object": "chat.completion",
    "created": 1763720000,
    "model": "gpt-4",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "你好！", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": _USAGE,
    "system_fingerprint": None,
    "turn_id": _TURN,
}
_ROOM = "550e8400-e29b-41d4-a716-446655440001"
_CONVERSATION = {
    "id": _ROOM,
    "object": "conversation",
    "created_at": 1763720000,
    "metadata": {"topic": "天空"},
    "title": "你好",
}
_ITEMS: list[dict[str, Any]] = [
    {
        "id": "550e8400-e29b-41d4-a716-446655440011",
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "你好！", "annotations": [], "logprobs": []}],
    },
    {
        "id": "550e8400-e29b-41d4-a716-446655440010",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_text", "text": "你好"}],
    },
]

EXAMPLES: dict[str, Example] = {
    "create_completion": Example(
        request={"model": "gpt-4", "messages": [{"role": "user", "content": "你好"}], "max_completion_tokens": 100},
        answer=_COMPLETION,
        stream=_chunk(1, '{"role":"assistant","content":"","refusal":null}')
        + _chunk(2, '{"content":"你好！"}')
        + _chunk(3, "{}", '"stop"')
        + "data: [DONE]\n\n",
    ),
    "create_embeddings": Example(
        request={"model": "universal-sentence-encoder-multilingual-3", "input": ["你好", "hello"]},
        answer={
            "object": "list",
            "data": [
                {"object": "embedding", "index": 0, "embedding": [0.0625, -0.03125]},
                {"object": "embedding", "index": 1, "embedding": [0.0625, -0.015625]},
            ],
            "model": "universal-sentence-encoder-multilingual-3",
            "usage": {"prompt_tokens": 3, "total_tokens": 3},
        },
    ),
    "create_conversation": Example(
        request={"metadata": {"topic": "天空"}, "items": [{"type": "message", "role": "user", "content": "你好"}]},
        answer=_CONVERSATION,
    ),
    "get_conversation": Example(answer=_CONVERSATION),
    "delete_conversation": Example(answer={"id": _ROOM, "object": "conversation.deleted", "deleted": True}),
    "list_items": Example(
        answer={"object": "list", "data": _ITEMS, "first_id": _ITEMS[0]["id"], "last_id": _ITEMS[-1]["id"], "has_more": False}
    ),
    "list_models": Example(answer={"object": "list", "data": [_MODEL]}),
    "get_model": Example(answer=_MODEL),
    "get_owned_model": Example(answer=_MODEL | {"id": "Qwen/Qwen3-8B"}),
}
