"""The AsyncAPI document: it is one, it holds every stream and every socket, and the frames that encoders make are what it says.

The frames of live streams and sockets are held against it wherever a test reads them: see `tests/held.py`.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from django.utils import translation

from chatplatform.contracts.asyncapi.documents import asyncapi_document, published
from chatplatform.contracts.openapi.documents import contract_document
from chatplatform.contracts.routing import SOCKETS, TABLES
from chatplatform.core.errors import NotSignedIn
from tests.client import frames
from tests.contracts.test_frames import EVENTS, NAMES, REFERENCE
from tests.contracts.test_openapi import operations
from tests.held import hold_frame
from tests.node import node_modules

STREAMS = {
    f"{label}"
    for contract, _routes in TABLES
    for label, operation in operations(contract_document(contract))
    if "text/event-stream" in str(operation["responses"].get("200", {}).get("content", {}))
}


@pytest.fixture(scope="module")
def asyncapi_schema() -> dict[str, Any]:
    """AsyncAPI's own, of version 3.0.0."""
    found: dict[str, Any] = json.loads((node_modules() / "@asyncapi/specs/schemas/3.0.0-without-$id.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(published().body)
    return found


def test_it_is_what_asyncapi_s_own_schema_says(document, asyncapi_schema):
    problems = jsonschema.Draft7Validator(asyncapi_schema).iter_errors(document)
    assert not [f"{problem.json_path}: {problem.message}" for problem in problems]
    assert document["asyncapi"] == "3.0.0"


def test_it_is_the_same_whenever_it_is_made(document):
    assert asyncapi_document() == document


def test_every_reference_leads_somewhere(document):
    for reference in set(re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document))):
        found = document
        for step in reference.split("/"):
            found = found[step]


def test_every_stream_and_every_socket_of_every_contract_has_a_channel(document):
    found = set()
    for operation in document["operations"].values():
        method = operation.get("bindings", {}).get("http", {}).get("method", "GET")
        found.add(f"{method} {document['channels'][operation['channel']['$ref'].removeprefix('#/channels/')]['address']}")
    assert found == STREAMS | {f"GET {path}" for path in SOCKETS}
    assert len(STREAMS) >= len(TABLES)


def test_sockets_are_heard_and_streams_are_not(document):
    for operation in document["operations"].values():
        address = document["channels"][operation["channel"]["$ref"].removeprefix("#/channels/")]["address"]
        assert (operation["action"] == "send") or address in SOCKETS


@pytest.mark.parametrize("contract", [contract for contract, _routes in TABLES], ids=lambda contract: contract.name)
def test_every_event_of_a_turn_is_a_message_in_every_contract_s_dialect(document, contract):
    follow = document["operations"]["chatgpt-backend.follow_turn.send"]["messages"]
    messages = tuple(
        name for reference in follow if (name := reference["$ref"].rsplit("/", 1)[1]).startswith(f"{contract.document.name}.")
    )
    start, _text, *endings = EVENTS
    held = 0
    for ending in endings:
        encoder = contract.stream_encoder(replace(NAMES, conversation_number=1, message_number=2))
        encoder.start_after(0)
        with translation.override("en"):
            written = encoder.frames([start, REFERENCE, EVENTS[1], ending]) + encoder.error(NotSignedIn())
        for line in written.decode().splitlines():
            if line.startswith("data:"):
                hold_frame(line[5:].strip(), messages)
                held += 1
    assert held >= 2 * len(endings)


def test_what_is_no_frame_is_not_let_pass():
    with pytest.raises(AssertionError, match="does not have"):
        hold_frame('{"type":"content","content":7}', ("chatgpt-backend.ContentEvent",))
    with pytest.raises(AssertionError, match="does not have"):
        hold_frame("[DONE]", ("chatgpt-backend.ContentEvent",))


async def test_a_reader_of_the_tests_holds_what_it_reads(platform, alice):
    """A frame that is not one fails it: here the stream of one contract, taken for another's."""
    turn = (await alice.stream(await alice.new_conversation(), "hello")).start["turn_id"]
    for dialect in (contract.name for contract, _routes in TABLES):
        url = f"{alice.url}/api/v1/turns/{turn}/events?contract={dialect}"
        async with alice.session.get(url, headers=alice.headers) as response:
            assert response.status == 200
            text = await response.content.read()
            assert b"data:" in text
    url = f"{alice.url}/api/v1/turns/{turn}/events?contract=lyss"
    async with alice.session.get(url, headers=alice.headers) as response:
        response.content._hold = lambda frame: hold_frame(frame, ("chatgpt-backend.StartEvent",))
        with pytest.raises(AssertionError, match="does not have"):
            _ = [frame async for frame in frames(response)]


async def test_it_is_served_with_a_name_for_its_state_and_linked_from_the_pages(platform, alice):
    async with alice.session.get(f"{platform.url}/asyncapi.json") as response:
        assert (response.status, response.content_type) == (200, "application/json")
        tag = response.headers["ETag"]
        assert (await response.json())["asyncapi"] == "3.0.0"
    async with alice.session.get(f"{platform.url}/asyncapi.json", headers={"If-None-Match": tag}) as response:
        assert (response.status, await response.read()) == (304, b"")
    for page in ("/docs", "/redoc"):
        async with alice.session.get(platform.url + page) as response:
            assert 'href="/asyncapi.json"' in await response.text()
