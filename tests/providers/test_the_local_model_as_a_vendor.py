"""llama.cpp's own server, which speaks OpenAI's chat completions and Anthropic's messages, as the real peer of both adapters."""

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatplatform.embedded import local_model
from providers import upstream
from providers.adapters.anthropic_messages import AnthropicMessages
from providers.adapters.openai_compatible import OpenAICompatible
from providers.adapters.streaming import StreamingAdapter
from providers.base import Endpoint, FinishReason, PromptMessage, ProviderError, ProviderFault, ProviderRequest
from tests.ports import free_port
from tests.providers.conftest import Heard

ADAPTERS = (OpenAICompatible, AnthropicMessages)
TALK = (
    PromptMessage("system", "You are a helpful assistant."),
    PromptMessage("user", "What is the capital of France?"),
    PromptMessage("assistant", "The capital of France is Paris."),
    PromptMessage("user", "Say hello to Alice."),
)


@pytest.fixture(scope="module")
def model() -> Iterator[Endpoint]:
    """The server as `up` starts it, with the weights that `up` fetches."""
    name, key, port = "smollm2-135m-instruct", secrets.token_urlsafe(24), free_port()
    with tempfile.TemporaryDirectory(prefix="chatplatform-model-") as folder:
        file = local_model.own_model_file() or local_model.fetch_weights(
            Path(folder), progress=lambda so_far, total: None, cancelled=threading.Event()
        )
        command = [sys.executable, "-m", "chatplatform.embedded.llama_server"]
        process = subprocess.Popen(
            [*command, "--model", str(file), "--name", name, "--port", str(port)],
            env={**os.environ, "LOCAL_MODEL_API_KEY": key},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/health")
            yield Endpoint(f"http://127.0.0.1:{port}/v1", key, trusted=True)
        finally:
            process.terminate()
            process.wait(30)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail("llama.cpp's server does not answer")


async def ask(adapter: StreamingAdapter, *, max_tokens: int = 24, temperature: float = 0.0) -> Heard:
    heard = Heard()
    request = ProviderRequest("smollm2-135m-instruct", TALK, max_tokens=max_tokens, temperature=temperature, user="alice")
    try:
        async for event in adapter.stream(request):
            heard.events.append(event)
    except ProviderError as error:
        heard.error = error
    finally:
        await upstream.close()
    return heard


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_it_answers_with_text_usage_and_an_end(model: Endpoint, adapter: type[StreamingAdapter]) -> None:
    heard = await ask(adapter(model), max_tokens=40)
    assert heard.error is None
    assert heard.text.strip()
    assert heard.finished is not None
    assert heard.finished.reason in {FinishReason.STOP, FinishReason.LENGTH}
    assert heard.usage is not None
    assert 20 <= heard.usage.prompt_tokens <= 100
    assert 1 <= heard.usage.completion_tokens <= 40


async def test_both_wires_count_the_same_prompt_the_same(model: Endpoint) -> None:
    openai, anthropic = [await ask(adapter(model)) for adapter in ADAPTERS]
    assert openai.usage is not None
    assert anthropic.usage is not None
    assert openai.usage.prompt_tokens == anthropic.usage.prompt_tokens


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_max_tokens_is_kept_and_told(model: Endpoint, adapter: type[StreamingAdapter]) -> None:
    heard = await ask(adapter(model), max_tokens=3)
    assert heard.usage is not None
    assert heard.usage.completion_tokens <= 3
    assert heard.finished is not None
    assert heard.finished.reason is FinishReason.LENGTH


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_a_wrong_key_is_refused(model: Endpoint, adapter: type[StreamingAdapter]) -> None:
    heard = await ask(adapter(Endpoint(model.base_url, "wrong-key-0123456789", trusted=True)))
    assert heard.error is not None
    assert (heard.error.fault, heard.error.retryable) == (ProviderFault.AUTH, False)
    assert "wrong-key" not in str(heard.error)


@pytest.mark.parametrize("adapter", ADAPTERS)
async def test_it_can_be_checked_and_lists_its_model(model: Endpoint, adapter: type[StreamingAdapter]) -> None:
    try:
        await adapter(model).check()
        assert await adapter(model).list_models() == ("smollm2-135m-instruct",)
    finally:
        await upstream.close()
