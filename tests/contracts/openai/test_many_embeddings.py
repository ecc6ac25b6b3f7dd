"""Many who want vectors at the same time: they wait for each other, and not everybody else for them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from chatplatform.contracts.openai.views import embeddings as views


async def test_one_batch_at_a_time_leaves_the_other_threads_to_those_who_search(monkeypatch):
    running, most = 0, 0

    async def in_search_thread(call, *args, **kwargs):
        nonlocal running, most
        if call is views._prepare:
            return SimpleNamespace(model="packaged"), ["a" * 8_000] * 4  # two batches
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return [], 1

    monkeypatch.setattr(views, "in_search_thread", in_search_thread)
    call = SimpleNamespace(parse=lambda *args, **kwargs: {"encoding_format": "float"}, person=None, answer=lambda body: body)
    create = views.EmbeddingViewSet.create.native
    made = await asyncio.gather(*[create(views.EmbeddingViewSet(), call) for _ in range(5)])
    assert [body["usage"]["total_tokens"] for body in made] == [2] * 5
    assert most == 1
