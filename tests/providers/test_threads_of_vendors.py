"""Vendors that keep conversations themselves: continued where they have them, told whole where they have not."""

from collections.abc import Iterator
from typing import Any

import pytest

from providers import upstream
from providers.base import Limits, PromptMessage, ProviderError, ProviderFault, ProviderRequest, ThreadNamed
from tests.providers.conftest import Heard
from tests.vendors import coze, dify
from tests.vendors.documented import Vendors, running_vendors
from tests.vendors.scripts import words
from tests.vendors.wire import Asked
from tests.vendors.wires import WIRES

PAST = (PromptMessage("user", "Is it warm?"), PromptMessage("assistant", "Yes."))
QUESTION = PromptMessage("user", "And in winter?")
KEEPERS = {"dify": dify.CONVERSATION, "coze": coze.CONVERSATION}
"""Vendors that name conversations themselves, and the name that they give."""


@pytest.fixture(scope="module")
def vendors() -> Iterator[tuple[str, Vendors]]:
    with running_vendors() as running:
        yield running


async def ask(
    vendors: tuple[str, Vendors], name: str, request: ProviderRequest, script: str = "ok-3"
) -> tuple[Heard, list[Asked]]:
    """What was heard, and what the vendor was asked for it."""
    address, server = vendors
    wire = WIRES[name]
    heard, before = Heard(), len(server.requests)
    try:
        async for event in wire.provider(wire.endpoint(f"{address}/{name}", script, Limits())).stream(request):
            heard.events.append(event)
    except ProviderError as error:
        heard.error = error
    finally:
        await upstream.close()
    return heard, [asked for _name, _script, asked in server.requests[before:]]


def request(*messages: PromptMessage, thread: str = "", conversation: str = "c1") -> ProviderRequest:
    return ProviderRequest(model="", messages=messages, max_tokens=100, thread=thread, conversation=conversation, user="alice")


def thread_of(asked: Asked) -> Any:
    return asked.query.get("conversation_id") or (asked.body or {}).get("conversation_id") or ""


@pytest.mark.parametrize("name", KEEPERS)
async def test_a_conversation_that_the_vendor_has_is_continued_there(name: str, vendors: tuple[str, Vendors]) -> None:
    heard, [asked] = await ask(vendors, name, request(*PAST, QUESTION, thread=KEEPERS[name]))
    assert (heard.text, thread_of(asked)) == (words(3), KEEPERS[name])
    assert "Is it warm?" not in str(asked.body)


@pytest.mark.parametrize("name", KEEPERS)
async def test_the_vendor_s_name_of_a_conversation_comes_before_its_first_word(name: str, vendors: tuple[str, Vendors]) -> None:
    heard, [asked] = await ask(vendors, name, request(*PAST, QUESTION))
    assert heard.events[0] == ThreadNamed(KEEPERS[name])
    assert thread_of(asked) == ""
    assert "Is it warm?" in str(asked.body)


@pytest.mark.parametrize("name", KEEPERS)
async def test_a_conversation_that_the_vendor_has_lost_is_told_whole_and_begins_anew(
    name: str, vendors: tuple[str, Vendors]
) -> None:
    heard, asked = await ask(vendors, name, request(*PAST, QUESTION, thread="12345"))
    assert (heard.text, heard.error) == (words(3), None)
    assert heard.events[0] == ThreadNamed(KEEPERS[name])
    assert [thread_of(one) for one in asked] == ["12345", ""]
    assert "Is it warm?" in str(asked[1].body)


@pytest.mark.parametrize("name", KEEPERS)
async def test_a_failure_that_is_not_about_the_conversation_does_not_begin_another(
    name: str, vendors: tuple[str, Vendors]
) -> None:
    heard, asked = await ask(vendors, name, request(QUESTION, thread=KEEPERS[name]), "401")
    assert heard.error is not None
    assert heard.error.fault is ProviderFault.AUTH
    assert len(asked) == 1


async def test_fastgpt_keeps_a_conversation_under_a_name_that_is_never_given_twice(vendors: tuple[str, Vendors]) -> None:
    first, [asked] = await ask(vendors, "fastgpt", request(QUESTION))
    again, [asked_again] = await ask(vendors, "fastgpt", request(QUESTION))
    names = [asked.body["chatId"], asked_again.body["chatId"]]
    assert [first.events[0], again.events[0]] == [ThreadNamed(name) for name in names]
    assert names[0] != names[1]
    assert all(name.startswith("c1-") for name in names)


async def test_fastgpt_is_asked_under_the_same_name_when_it_is_asked_again(vendors: tuple[str, Vendors]) -> None:
    heard, asked = await ask(vendors, "fastgpt", request(QUESTION), "500-once")
    assert heard.text == words(3)
    assert len({one.body["chatId"] for one in asked}) == 1


async def test_fastgpt_keeps_nothing_of_a_conversation_that_began_elsewhere(vendors: tuple[str, Vendors]) -> None:
    heard, [asked] = await ask(vendors, "fastgpt", request(*PAST, QUESTION))
    assert not [event for event in heard.events if isinstance(event, ThreadNamed)]
    assert "chatId" not in asked.body
    assert len(asked.body["messages"]) == 3


async def test_fastgpt_continues_what_it_keeps(vendors: tuple[str, Vendors]) -> None:
    heard, [asked] = await ask(vendors, "fastgpt", request(*PAST, QUESTION, thread="c1-0a1b2c3d"))
    assert heard.events[0] == ThreadNamed("c1-0a1b2c3d")
    assert asked.body["chatId"] == "c1-0a1b2c3d"
    assert len(asked.body["messages"]) == 1
