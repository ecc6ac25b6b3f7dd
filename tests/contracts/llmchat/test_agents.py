"""Agents over HTTP: who may see and change them, whether their provider answers, and reading the file again."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.acceptance.conftest import database
from tests.contracts.llmchat.conftest import ask

KEY = "sk-canary-of-the-file-0123456789"


def rows(platform):
    with database(platform) as connection:
        return connection.execute("SELECT * FROM providers_agent ORDER BY id").fetchall()


async def test_each_sees_the_agents_whose_provider_she_may_use_and_administrators_all(alice, admin, agents):
    seen = {}
    for client in (alice, admin):
        _, answer = await ask(client, "GET", "/api/agents?limit=100")
        seen[client] = {item["id"]: item for item in answer["data"]["items"]}
    visible = {agents["open"], agents["anybodys"]}
    assert set(agents.values()) & seen[alice].keys() == visible
    assert set(agents.values()) <= seen[admin].keys()
    for name, number in agents.items():
        for path in (f"/api/agents/{number}", f"/api/agents/{number}/status"):
            status, answer = await ask(alice, "GET", path)
            assert status == (200 if number in visible else 404), (name, answer)
            assert (await ask(admin, "GET", path))[0] == 200
    assert "systemPrompt" not in seen[alice][agents["open"]]
    assert seen[admin][agents["open"]]["systemPrompt"] == "secret prompt"
    assert seen[alice][agents["anybodys"]]["provider"] == seen[alice][agents["open"]]["provider"] == "custom"
    assert seen[alice][agents["open"]]["config"]["model"] == "ok-3"


CHANGES = [
    ("PUT", "/{open}", {"name": "Renamed"}),
    ("PUT", "/{closed}", {"name": "Renamed"}),
    ("PUT", "/{off}", {"status": "active"}),
    ("POST", "/reload", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
async def test_only_administrators_change_anything(platform, alice, admin, agents, providers_file, method, path, body):
    providers_file.write_text("")
    where = f"/api/agents{path.format(**agents)}"
    before = rows(platform)
    for token, wanted in (("", "UNAUTHORIZED"), (alice.token, None)):
        alice.token = token
        status, answer = await ask(alice, method, where, body)
        visible = path in ("/reload", "/{open}")
        code = wanted or ("FORBIDDEN" if visible else "NOT_FOUND")
        assert (status, answer["code"]) == ({"UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404}[code], code)
        assert rows(platform) == before
    assert (await ask(admin, method, where, body))[0] == 200


async def test_the_list_is_filtered_and_paged(alice, agents):
    _, answer = await ask(alice, "GET", "/api/agents?category=kind+of+open")
    assert [item["id"] for item in answer["data"]["items"]] == [agents["open"]]
    _, answer = await ask(alice, "GET", "/api/agents?provider=custom&limit=1&page=2")
    assert answer["data"]["pagination"]["limit"] == 1
    assert answer["data"]["pagination"]["totalPages"] == answer["data"]["pagination"]["total"] >= 2
    _, answer = await ask(alice, "GET", "/api/agents?provider=nobody")
    assert answer["data"]["items"] == []
    for query in ("page=0", "limit=x", f"category={'x' * 101}"):
        status, answer = await ask(alice, "GET", f"/api/agents?{query}")
        assert (status, answer["code"]) == (400, "VALIDATION_ERROR")
        assert answer["error"]["field"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": 7}, "name"),
        ({"status": "sleeping"}, "status"),
        ({"avatar": "javascript:alert(1)"}, "avatar"),
        ({"capabilities": "text"}, "capabilities"),
        ({"capabilities": [7]}, "capabilities"),
        ({"config": []}, "config"),
        ({"config": {"temperature": "0.7"}}, "config.temperature"),
        ({"config": {"temperature": 3}}, "config.temperature"),
        ({"config": {"maxTokens": 0}}, "config.maxTokens"),
        ({"config": {"model": 7}}, "config.model"),
        ({"systemPrompt": "x" * 20_001}, "systemPrompt"),
        ({"description": "x" * 2_001}, "description"),
    ],
)
async def test_a_bad_change_names_the_field_and_changes_nothing(platform, admin, agents, change, field):
    before = rows(platform)
    status, answer = await ask(admin, "PUT", f"/api/agents/{agents['open']}", {"category": "new", **change})
    assert (status, answer["code"]) == (400, "VALIDATION_ERROR")
    assert answer["error"]["field"].split(".0")[0] == field
    assert rows(platform) == before


async def test_a_change_keeps_what_it_does_not_name(admin, agents):
    path = f"/api/agents/{agents['open']}"
    _, answer = await ask(admin, "PUT", path, {"config": {"temperature": 0.1}, "systemPrompt": "Be brief."})
    assert answer["data"]["config"]["model"] == "ok-3"
    assert answer["data"]["config"]["temperature"] == 0.1
    assert (answer["data"]["name"], answer["data"]["systemPrompt"]) == ("open", "Be brief.")


async def test_the_status_asks_the_vendor_and_tells_only_administrators_why_it_does_not_answer(platform, alice, admin, agents):
    with database(platform) as connection:
        connection.execute(
            "UPDATE providers_provider SET base_url = 'http://127.0.0.1:9', is_default = true WHERE name = 'Closed'"
        )
    path = f"/api/agents/{agents['closed']}/status"
    _, hers = await ask(alice, "GET", path)
    assert (hers["data"]["available"], hers["data"]["status"]) == (False, "active")
    assert "fault" not in hers["data"]
    _, theirs = await ask(admin, "GET", path)
    assert theirs["data"]["fault"] == "provider_unavailable"
    assert theirs["data"]["checkedAt"] == hers["data"]["checkedAt"]  # one question, good for half a minute
    assert "127.0.0.1" not in str(theirs)


FILE = """
[providers.reloaded]
name = "Reloaded"
kind = "custom"
base_url = "%s"
model = "ok-3"
api_key_env = "KEY_OF_A_PROVIDER"
for_everyone = true

[agents.reloaded]
name = "Reloaded agent"
provider = "reloaded"
category = "from the file"
"""


async def names(client) -> list[str]:
    _, answer = await ask(client, "GET", "/api/agents?category=from+the+file", Connection="close")
    return [item["name"] for item in answer["data"]["items"]]


async def test_a_reload_is_seen_by_every_process_within_two_seconds(alice, admin, vendor_url, providers_file):
    providers_file.write_text(FILE % vendor_url)
    status, answer = await ask(admin, "POST", "/api/agents/reload")
    assert status == 200, answer
    assert (answer["data"]["agents"], answer["data"]["providers"]) == (1, 1)
    assert KEY not in str(answer)
    try:
        await _until_all_see(alice, ["Reloaded agent"])
    finally:
        providers_file.write_text("")
        assert (await ask(admin, "POST", "/api/agents/reload"))[0] == 200
    await _until_all_see(alice, [])


async def _until_all_see(client, expected) -> None:
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        await asyncio.sleep(0.05)
        if set(map(tuple, [await names(client) for _ in range(3)])) == {tuple(expected)}:
            break
    # New connections go to any of the processes.
    assert [await names(client) for _ in range(20)] == [expected] * 20


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[providers.x\n", "1"),
        ('[providers.x]\nkind = "telex"\n', "2"),
        ('[providers.x]\nkind = "custom"\nmodel = "m"\nbase_url = "https://x.example.org"\napi_key_env = "NO_SUCH_NAME"\n', "5"),
        ('[agents.x]\nname = "X"\nprovider = "nobody"\n', "3"),
    ],
)
async def test_a_bad_file_changes_nothing_and_says_where_it_is_wrong(platform, admin, providers_file, text, reason):
    before = rows(platform)
    providers_file.write_text(text)
    try:
        status, answer = await ask(admin, "POST", "/api/agents/reload", None, **{"Accept-Language": "en"})
    finally:
        providers_file.write_text("")
    assert (status, answer["code"]) == (400, "VALIDATION_ERROR")
    assert f"line {reason}" in answer["error"]["details"]
    assert rows(platform) == before
