"""The OpenAPI documents: everything is in them, every example is an answer, and the server's own answers are what they say."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest
from drf_spectacular.drainage import GENERATOR_STATS, reset_generator_stats
from drf_spectacular.validation import validate_schema
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from chatplatform.contracts.contract import Runs
from chatplatform.contracts.openapi.documents import contract_document, document_names, published, whole_document
from chatplatform.contracts.routing import SOCKETS, TABLES
from chatplatform.core.errors import InvalidInput
from tests.client import frames

EVENTS = "text/event-stream"
DOCUMENTED_CODES = {
    "VALIDATION_ERROR", "AUTHENTICATION_ERROR", "AUTHORIZATION_ERROR", "RESOURCE_NOT_FOUND", "QUOTA_EXCEEDED", "OPENAI_API_ERROR",
    "DATABASE_ERROR", "RATE_LIMIT_EXCEEDED", "INTERNAL_SERVER_ERROR",
}  # fmt: skip
"""Those that the contract lists."""


@pytest.fixture(scope="module")
def chatgpt() -> dict[str, Any]:
    return json.loads(published("chatgpt-backend").body)


@pytest.fixture(scope="module", params=TABLES, ids=lambda row: row[0].name)
def each(request):
    """Every contract with its routes and its document."""
    contract, routes = request.param
    return contract, routes, json.loads(published(contract.document.name).body)


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    return json.loads(published().body)


def operations(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def resolved(document, value):
    """`value`, or the component that it refers to."""
    if "$ref" in value:
        kind, name = value["$ref"].removeprefix("#/components/").split("/")
        return document["components"][kind][name]
    return value


def validator(document, schema) -> jsonschema.Draft202012Validator:
    """Of a schema in the document, formats included."""
    registry = Registry().with_resource("urn:document", DRAFT202012.create_resource(document))

    def absolute(value):
        if isinstance(value, dict):
            return {key: absolute(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [absolute(inner) for inner in value]
        return f"urn:document{value}" if isinstance(value, str) and value.startswith("#/components/") else value

    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(absolute(schema), registry=registry, format_checker=checker)


def examples(document):
    """Where, schema and value of every example in the document."""
    for label, operation in operations(document):
        for parameter in operation.get("parameters", ()):
            if "example" in parameter:
                yield f"{label} {parameter['name']}", parameter["schema"], parameter["example"]
        contents = {"request": operation.get("requestBody", {})} | operation["responses"]
        for status, part in contents.items():
            for media_type, media in part.get("content", {}).items():
                assert media["examples"], f"{label} {status} has no example"
                for name, example in media["examples"].items():
                    yield f"{label} {status} {media_type} {name}", media["schema"], resolved(document, example)["value"]


def events_of(text):
    """The events of a stream as a client would read them."""
    for event in text.strip().split("\n\n"):
        yield dict(line.split(": ", 1) for line in event.splitlines())


def test_the_documents_are_valid_and_made_without_a_warning():
    reset_generator_stats()
    documents = [whole_document(), *(contract_document(contract) for contract, _routes in TABLES)]
    assert not GENERATOR_STATS, str(dict(GENERATOR_STATS._warn_cache)) + str(dict(GENERATOR_STATS._error_cache))
    for document in documents:
        validate_schema(document)
        assert document["openapi"].startswith("3.1")


def test_a_document_is_the_same_whenever_it_is_made(chatgpt):
    assert json.dumps(contract_document(TABLES[0][0])) == json.dumps(chatgpt)


def test_every_route_and_every_socket_is_described_and_nothing_else():
    for contract, routes in TABLES:
        described = {label for label, _ in operations(contract_document(contract))}
        assert described == {f"{route.method} {contract.address(route)}" for route in routes}
    paths = {path for contract, _routes in TABLES for path in contract_document(contract)["paths"]}
    assert SOCKETS.keys() <= paths


def test_the_document_of_all_holds_every_operation_of_every_contract(whole):
    described = {label for label, _ in operations(whole)}
    for contract, _routes in TABLES:
        assert {label for label, _ in operations(contract_document(contract))} <= described
    names = [operation["operationId"] for _, operation in operations(whole)]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere(chatgpt, whole):
    for document in (chatgpt, whole):
        for reference in re.findall(r'"(#/components/[^"]+)"', json.dumps(document)):
            kind, name = reference.removeprefix("#/components/").split("/")
            assert name in document["components"][kind], reference
        links = re.findall(r'"links": ({.*?}}})', json.dumps(document))
        names = {operation["operationId"] for _, operation in operations(document)}
        assert set(re.findall(r'"operationId": "(\w+)"', " ".join(links))) <= names
        assert links


def test_every_operation_has_a_name_a_summary_and_a_chapter(each):
    _contract, _routes, document = each
    chapters = {tag["name"] for tag in document["tags"]}
    assert chapters == {tag for _, operation in operations(document) for tag in operation["tags"]}
    for label, operation in operations(document):
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", operation["operationId"]), label
        assert operation["summary"], label


def test_the_document_says_which_routes_are_open_to_strangers(each):
    contract, routes, document = each
    sockets = {f"GET {path}" for path in SOCKETS}  # the handshake asks who is there, a plain GET is refused anyway
    for route in routes:
        label = f"{route.method} {contract.address(route)}"
        security = document["paths"][contract.address(route)][route.method.lower()]["security"]
        assert ({} in security) is ((route.public or contract.guests) and label not in sockets), label
        assert all(set(scheme) <= set(document["components"]["securitySchemes"]) for scheme in security)


def test_every_code_of_the_contract_is_shown_by_an_error(chatgpt):
    shown = {
        example["value"]["error"]["code"] for example in chatgpt["components"]["examples"].values() if "error" in example["value"]
    }
    assert shown >= DOCUMENTED_CODES
    assert shown <= set(chatgpt["components"]["schemas"]["Error"]["properties"]["code"]["enum"])


def test_every_operation_tells_the_errors_that_its_route_can_answer(each):
    contract, routes, document = each
    invalid = str(contract.errors.row_for(InvalidInput).status)
    for route in routes:
        operation = document["paths"][contract.address(route)][route.method.lower()]
        told = set(operation["responses"])
        assert told >= {"400", "406", invalid, "429", "500", "503"}, route
        assert ("401" in told) or route.public
        # A send of LYSS names its conversation in the body, a new session, a search, an upload and the list of these their topic,
        # the choice of the default its provider, and embeddings their model.
        in_body = route.method == "POST" and route.path.startswith("/chat/")
        in_body = in_body or route.path in ("/upload", "/providers/default", "/embeddings", "/chat")
        assert ("404" in told) is (bool(route.names) or in_body)
        assert ("413" in told) is (route.method != "GET")
        assert ("415" in told) is ("requestBody" in operation)
        assert ("text/event-stream" in str(operation["responses"].get("200"))) <= (route.runs is Runs.NATIVE)


def test_every_answer_names_its_headers(each):
    _contract, _routes, document = each
    for label, operation in operations(document):
        for status, response in operation["responses"].items():
            headers = set(response["headers"])
            assert "X-Request-ID" in headers, label
            assert ("WWW-Authenticate" in headers) is (status == "401"), label
            assert ("Retry-After" in headers) >= (status in ("429", "503")), label


def test_every_example_is_what_its_schema_says(each):
    _contract, routes, document = each
    seen = 0
    for label, schema, value in examples(document):
        values = list(events_of(value)) if f" {EVENTS} " in label else [value]
        for one in values:
            problems = [problem.message for problem in validator(document, schema).iter_errors(one)]
            assert not problems, f"{label}: {problems}"
            seen += 1
    assert seen > 10 * len(routes)


def test_the_events_in_examples_are_what_the_schema_of_their_data_says(chatgpt):
    seen = []
    for label, schema, value in examples(chatgpt):
        if f" {EVENTS} " in label:
            data = validator(chatgpt, schema["properties"]["data"]["contentSchema"])
            for event in events_of(value):
                data.validate(json.loads(event["data"]))
                seen.append(json.loads(event["data"])["type"])
    assert set(seen) == {"start", "content", "end"}


def test_every_frame_of_a_socket_has_an_example_that_is_one(each):
    contract, routes, document = each
    paths = {path for path in SOCKETS if any(contract.address(route) == path for route in routes)}
    for path in paths:
        messages = document["paths"][path]["get"]["x-websocket-messages"]
        shown = {name: resolved(document, reference)["value"] for name, reference in messages["examples"].items()}
        kinds = {frame["type"] for frame in shown.values()}
        for direction in ("client", "server"):
            schema = resolved(document, messages[direction])
            for kind, reference in schema["discriminator"]["mapping"].items():
                assert kind in kinds
                name = reference.rsplit("/", 1)[1]
                validator(document, {"$ref": reference}).validate(shown[name])


def test_answers_are_in_the_language_of_the_contract_and_texts_in_english(chatgpt):
    for name, example in chatgpt["components"]["examples"].items():
        if "error" in example["value"]:
            assert not example["value"]["error"]["message"].isascii(), name
    for label, operation in operations(chatgpt):
        assert operation["summary"].isascii(), label
        assert operation.get("description", "").isascii(), label


async def test_the_documents_are_served_with_a_name_for_their_state(platform, alice):
    for path in ("/openapi.json", *(f"/openapi/{name}.json" for name in document_names())):
        async with alice.session.get(platform.url + path) as response:
            assert (response.status, response.content_type) == (200, "application/json")
            assert response.headers["Cache-Control"] == "public, max-age=300"
            tag = response.headers["ETag"]
            assert (await response.json())["openapi"].startswith("3.1")
        async with alice.session.get(platform.url + path, headers={"If-None-Match": tag}) as response:
            assert (response.status, await response.read()) == (304, b"")
        async with alice.session.post(platform.url + path) as response:
            assert (response.status, list(await response.json())) == (405, ["detail"])


async def test_there_is_no_document_of_an_unknown_contract(platform, alice):
    for path in ("/openapi/unknown.json", "/openapi/.json", "/openapi/", "/redoc/unknown"):
        async with alice.session.get(platform.url + path) as response:
            assert (response.status, list(await response.json())) == (404, ["detail"]), path


async def test_the_pages_of_the_documentation_name_every_document_and_only_files_of_ours(platform, alice):
    for page in ("/docs", "/redoc", *(f"/redoc/{name}" for name in document_names())):
        async with alice.session.get(platform.url + page) as response:
            assert response.status == 200
            assert "script-src 'self';" in response.headers["Content-Security-Policy"]
            text = await response.text()
        for name in document_names():
            assert f"/openapi/{name}.json" in text
        for file in re.findall(r'(?:src|href)="([^"]+)"', text):
            async with alice.session.get(platform.url + file) as response:
                assert response.status == 200, file


async def test_a_plain_get_at_a_socket_says_what_is_spoken_there(platform, alice):
    for path in SOCKETS:
        async with alice.session.get(platform.url + path) as response:
            assert (response.status, response.headers["Upgrade"]) == (426, "websocket")
            assert (await response.json())["error"]["code"] == "UPGRADE_REQUIRED"
        async with alice.session.post(platform.url + path) as response:
            assert response.status == 405


async def test_the_frames_of_a_live_stream_and_of_a_live_socket_are_what_the_schemas_say(platform, alice, chatgpt):
    conversation = await alice.new_conversation()
    operation = chatgpt["paths"]["/api/v1/conversations/{conversation_id}/messages/stream"]["post"]
    event = operation["responses"]["200"]["content"][EVENTS]["schema"]
    data = validator(chatgpt, event["properties"]["data"]["contentSchema"])
    url = f"{platform.url}/api/v1/conversations/{conversation}/messages/stream"
    async with alice.session.post(url, json={"content": "hello"}, headers=alice.headers) as response:
        streamed = [frame.data async for frame in frames(response)]
    assert {frame["type"] for frame in streamed} == {"start", "content", "end"}
    for frame in streamed:
        data.validate(frame)

    server = chatgpt["paths"]["/api/v1/ws/chat"]["get"]["x-websocket-messages"]["server"]
    told = validator(chatgpt, server)
    kinds = set()
    async with alice.session.ws_connect(f"{platform.ws_url}/api/v1/ws/chat?token={alice.token}") as socket:
        await socket.send_json({"type": "ping"})
        await socket.send_json({"type": "nonsense"})
        await socket.send_json({"type": "stop", "turn_id": streamed[0]["turn_id"]})
        await socket.send_json({"type": "chat_message", "conversation_id": conversation, "content": "hello"})
        while kinds != {"pong", "error", "turn_status", "message_start", "message_content", "message_end"}:
            frame = await socket.receive_json(timeout=20)
            told.validate(frame)
            kinds.add(frame["type"])
