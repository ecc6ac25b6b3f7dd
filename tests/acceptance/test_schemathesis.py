"""Schemathesis asks the real server all that `/openapi.json` allows, and what it does not: every answer must be one that the
document describes. The cases are the same in every run. `schemathesis.toml` says what is left out, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from chatplatform.core.ids import prefixed
from tests.acceptance.conftest import database, platform_env
from tests.client import Client
from tests.running import PROJECT_DIR, RunningPlatform

CONFIGURATION = "tests/acceptance/schemathesis.toml"
LONGEST_LIST = 100
"""Items that are made up."""
NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def platform(vendor_url: str) -> Iterator[RunningPlatform]:
    with RunningPlatform(env=platform_env(vendor_url, "ok-3", RATE_LIMITS="off")) as running:
        yield running


@pytest.fixture
async def document(platform: RunningPlatform, tmp_path: Path) -> Path:
    async with aiohttp.ClientSession() as session, session.get(f"{platform.url}/openapi.json") as response:
        served = await response.json()
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(without_long_lists(closed(served))))
    return path


def without_long_lists(value: Any) -> Any:
    """The document without the bounds of lists that would take minutes to make up: thousands of messages or texts. (What is one
    too many is refused: the contracts' own tests of bad input.)"""
    if isinstance(value, list):
        return [without_long_lists(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    is_long = value.get("type") == "array" and value.get("maxItems", 0) > LONGEST_LIST
    return {key: without_long_lists(inner) for key, inner in value.items() if not (is_long and key == "maxItems")}


def closed(document: dict[str, Any]) -> dict[str, Any]:
    """The document without room for keys that it does not name, in answers. (Clients must accept more: they will come.)"""
    schemas = document["components"]["schemas"]
    todo = [
        media["schema"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for response in operation["responses"].values()
        for media in response.get("content", {}).values()
    ]
    seen: set[str] = set()
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo += value
        if not isinstance(value, dict):
            continue
        name = str(value.get("$ref", "")).removeprefix("#/components/schemas/")
        if name in schemas and name not in seen:
            seen.add(name)
            if "properties" in schemas[name]:
                schemas[name]["additionalProperties"] = False
            todo.append(schemas[name])
        todo += value.values()
    assert len(seen) > 30
    return document


def schemathesis(
    platform: RunningPlatform,
    document: Path,
    *arguments: str,
    turn: str = NOBODYS,
    message: str = NOBODYS,
    session: str = NOBODYS,
    answer: str = NOBODYS,
) -> None:
    """`turn` and the others are asked about wherever the path names one, the last two where ids have prefixes."""
    names = {
        "TURN_ID": turn,
        "MESSAGE_ID": message,
        "CONVERSATION_ID": session,
        "SESSION_ID": prefixed("sess", UUID(session)),
        "ANSWER_ID": prefixed("msg", UUID(answer)),
    }
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")), "--config-file", CONFIGURATION,
            "run", str(document), "--url", platform.url, "--no-color", *arguments,
        ],
        cwd=PROJECT_DIR,
        env=os.environ | names,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-5_000:]


async def test_every_answer_to_a_program_with_an_api_key_is_documented(platform, document):
    async with Client(platform.url) as client:
        await client.register("alice")
        with database(platform) as connection:  # so that its many sends are answered by more than 429
            connection.execute("UPDATE accounts_user SET tier = 'enterprise' WHERE username = %s", [client.username])
        key = (await client.data("POST", "/users/me/api-keys", {"name": "schemathesis"}))["key"]
        conversation = await client.new_conversation()
        status, answer = await client.send(conversation, "hello")
        assert status == 200
    said = answer["data"]
    schemathesis(
        platform,
        document,
        "--header",
        f"X-API-Key: {key}",
        turn=said["turn_id"],
        message=said["user_message"]["id"],
        session=conversation,
        answer=said["assistant_message"]["id"],
    )


async def test_every_answer_to_what_only_a_session_may_do_is_documented(platform, document):
    async with Client(platform.url) as client:
        await client.register("bob")
    only = [f"--include-operation-id=chatgpt_backend_{name}" for name in ("create_api_key", "change_password", "revoke_api_key")]
    schemathesis(platform, document, "--header", f"Authorization: Bearer {client.token}", *only)


async def test_every_answer_to_a_stranger_is_documented(platform, document):
    schemathesis(platform, document, "--phases", "examples,coverage")
