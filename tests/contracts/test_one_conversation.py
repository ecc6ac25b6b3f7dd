"""One conversation through six contracts: begun in any of them, it goes on in each of the others, and is read in all."""

from __future__ import annotations

import uuid

import aiohttp

from tests.contracts.test_one_behaviour import each
from tests.drivers import DRIVERS, Thing
from tests.vendors.scripts import words


@each()
async def test_a_conversation_begun_in_one_contract_goes_on_in_each_other_and_is_read_in_all(alice, vendor_url, kind):
    first = kind(alice)
    question = f"begun in {kind.name} {uuid.uuid4().hex}"
    conversation = await first.begin(title=question) if Thing.CREATE not in kind.lacks else None
    begun = await first.say(question, conversation)
    conversation = begun.conversation
    assert conversation is not None

    said = [question]
    for other in (other for other in DRIVERS if other is not kind):
        for way in ("say", "stream"):
            said.append(f"{way} it in {other.name}")
            answer = await getattr(other(alice), way)(said[-1], conversation)
            assert (answer.status, answer.conversation, answer.text) == (200, conversation, words(5)), other.name

    told = [part for text in said for part in (("user", text), ("assistant", words(5)))]
    for other in DRIVERS:
        driver = other(alice)
        if Thing.READ not in other.lacks:
            assert await driver.messages(conversation) == told, other.name
        elif other.name == "coze":
            await driver.say("how many are we?", conversation)
            told += [("user", "how many are we?"), ("assistant", words(5))]
            assert await driver.count(conversation) == len(told)
        if Thing.LIST not in other.lacks:
            assert (await driver.conversations()).items == [conversation], other.name
    assert await heard_by(vendor_url, said[-1]) == [text for _role, text in told[: 2 * len(said) - 1]]


async def heard_by(vendor_url: str, question: str) -> list[str]:
    """All that the vendor was given to read with a question."""
    async with aiohttp.ClientSession() as session, session.get(vendor_url.removesuffix("/v1") + "/_requests") as response:
        asked = await response.json()
    bodies = [request["body"]["messages"] for request in asked]
    found = [messages for messages in bodies if messages[-1]["content"] == question]
    return [message["content"] for message in found[-1] if message["role"] != "system"]
