"""What the two samples of the document ask for, as their clients send it: at `/api/v1`, without an address or a conversation."""

from __future__ import annotations

import re

import pytest

from tests.contracts.lyss.client import UNCLAIMED

PYTHON = {
    "create": {
        "name": "OpenAI GPT-4",
        "provider_type": "openai",
        "scope": "personal",
        "api_key": "sk-xxx...",
        "config": {"model": "gpt-4", "temperature": 0.7},
    },
    "send": {"messages": [{"role": "user", "content": "Hello, world!"}]},
}
JAVASCRIPT = {
    "create": {
        "name": "OpenAI GPT-4",
        "providerType": "openai",
        "scope": "personal",
        "apiKey": "sk-xxx...",
        "config": {"model": "gpt-4", "temperature": 0.7},
    },
    "send": {"messages": [{"role": "user", "content": "Hello, world!"}]},
}


def as_on_the_wire(arguments: dict) -> dict:
    """A JavaScript client's names are ours in camel case."""
    return {re.sub("([A-Z])", lambda found: "_" + found[1].lower(), name): value for name, value in arguments.items()}


@pytest.mark.parametrize("sample", [PYTHON, JAVASCRIPT], ids=["python", "javascript"])
async def test_the_calls_of_a_sample_work(alice, sample):
    client = alice.at(UNCLAIMED)
    answering = (await client.data("GET", "/providers/available"))[0]
    provider = await client.data("POST", "/providers", as_on_the_wire(sample["create"]))
    assert provider["api_base_url"] == "https://api.openai.com/v1"
    assert "api_key" not in provider
    # The vendor of the sample's key is out of reach here, so another answers.
    response = await client.data("POST", "/chat/messages", {"provider_id": answering["id"], **as_on_the_wire(sample["send"])})
    assert response["message"]["role"] == "assistant"
    assert response["message"]["content"]
    assert response["provider"]["id"] == answering["id"]
