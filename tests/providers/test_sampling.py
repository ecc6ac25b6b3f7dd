"""How an answer is sampled and where it ends, as each vendor is told; and instructions that stand after the question."""

from __future__ import annotations

from typing import Any

import pytest

from providers.adapters.anthropic_messages import AnthropicMessages
from providers.adapters.dify import Dify
from providers.adapters.fastgpt import FastGPT
from providers.adapters.ollama import Ollama
from providers.adapters.openai_compatible import OpenAICompatible
from providers.adapters.threads import history, question
from providers.base import Endpoint, PromptMessage, ProviderRequest

TALK = (PromptMessage("user", "Why?"),)
ENDPOINT = Endpoint(base_url="https://vendor.example", api_key="sk-1")


def asked(**fields: Any) -> ProviderRequest:
    return ProviderRequest("gemma3", TALK, max_tokens=50, **fields)


def test_a_compatible_vendor_is_told_all_of_it() -> None:
    body = OpenAICompatible(ENDPOINT).body(asked(temperature=0.2, top_p=0.9, stop=("END", "\n")))
    assert (body["temperature"], body["top_p"], body["stop"], body["max_tokens"]) == (0.2, 0.9, ["END", "\n"], 50)


def test_ollama_is_told_it_among_its_options() -> None:
    options = Ollama(ENDPOINT).body(asked(top_p=0.9, stop=("END",)))["options"]
    assert options == {"num_predict": 50, "top_p": 0.9, "stop": ["END"]}


def test_anthropic_is_told_one_of_the_two_and_stops_that_are_not_blank() -> None:
    body = AnthropicMessages(ENDPOINT).body(asked(top_p=0.9, stop=("\n", "END")))
    assert (body["top_p"], body["stop_sequences"]) == (0.9, ["END"])


@pytest.mark.parametrize("adapter", [OpenAICompatible, Ollama, AnthropicMessages])
def test_what_nobody_said_is_not_said(adapter: Any) -> None:
    body = adapter(ENDPOINT).body(asked())
    assert not {"temperature", "top_p", "stop", "stop_sequences"} & (body.keys() | body.get("options", {}).keys())


@pytest.mark.parametrize("adapter", [Dify, FastGPT])
def test_an_app_that_was_set_up_with_its_model_is_told_none_of_it(adapter: Any) -> None:
    assert "END" not in str(adapter(ENDPOINT).body(asked(temperature=0.2, top_p=0.9, stop=("END",))))


def test_instructions_after_the_question_are_not_the_question() -> None:
    said = (PromptMessage("user", "Hi"), PromptMessage("assistant", "Hello"), *TALK, PromptMessage("system", "In verse."))
    request = ProviderRequest("", said, max_tokens=50)
    assert question(request) == "Why?"
    assert history(request) == said[:2]
