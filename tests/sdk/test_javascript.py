"""The JavaScript packages: how they are built and installed, what they do (`sdk/js/tests/`, run by Node.js itself against the
real platform), and the clients that the documents print, word for word but for the address, the token and the ids."""

from __future__ import annotations

import json

import pytest

from tests.running import PROJECT_DIR
from tests.sdk.javascript import SOURCES, Built, build, missing, run
from tests.vendors.scripts import words

SAMPLES = PROJECT_DIR / "tests" / "contracts" / "samples"
PACKAGES = ("client", "llmchat", "lyss")

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Built:
    return build(tmp_path_factory.mktemp("javascript"))


def test_they_build_and_their_types_hold(built):
    run(["npm", "run", "check"], built.checkout)


def test_they_need_nothing_but_each_other():
    for package in PACKAGES:
        about = json.loads((SOURCES / "packages" / package / "package.json").read_text())
        assert set(about.get("dependencies", {})) <= {"@chatplatform/client"}
        assert "peerDependencies" not in about


def test_what_is_locked_names_no_registry():
    lock = json.loads((SOURCES / "package-lock.json").read_text())
    assert {about["resolved"] for about in lock["packages"].values() if "resolved" in about} == {
        f"packages/{p}" for p in PACKAGES
    }


def test_what_is_installed_is_code_and_types(built):
    for name in ("@chatplatform/client", "@llmchat/client-sdk", "@lyss-ai/client"):
        files = {path.suffix for path in (built.app / "node_modules" / name).rglob("*") if path.is_file()}
        assert files == {".js", ".ts", ".json", ".md"}


def test_what_they_promise(built, platform):
    """All of `sdk/js/tests/`: most of it is waiting, so the files run at a time."""
    files = sorted(str(path.relative_to(built.checkout)) for path in built.checkout.glob("tests/*.test.mjs"))
    command = ["node", "--test", "--test-timeout=60000", f"--test-concurrency={len(files)}", *files]
    run(command, built.checkout, CHATPLATFORM_URL=platform.url)


def sample(built: Built, name: str, **printed: str) -> str:
    """What a sample writes, run to its end in the app that the packages are installed in. `printed`: what it leaves open, and
    what stands there instead."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    for words_of_the_document, ours in printed.items():
        assert words_of_the_document in text
        text = text.replace(words_of_the_document, ours)
    (built.app / "sample.mjs").write_text(text, encoding="utf-8")
    return run(["node", "sample.mjs"], built.app, seconds=60)


def test_the_sample_of_llmchat(built, client, platform):
    agent = next(one for one in client.agents.list() if one.name == "Helper")
    asked = {"http://localhost:3001": platform.url, "your_jwt_token": client.credentials.token, "agent_uuid": agent.id}
    assert sample(built, "llmchat.ts.txt", **asked).replace("\n", "") == words(40)


def test_the_sample_of_llmchat_is_typescript(built):
    text = (SAMPLES / "llmchat.ts.txt").read_text(encoding="utf-8")
    (built.checkout / "tests" / "sample.ts").write_text(text + "export {};\n", encoding="utf-8")
    run(["npm", "run", "check"], built.checkout)


def test_the_sample_of_lyss(built, client, platform, openai_is_here):
    asked = {"http://localhost:8000": platform.url, "your_jwt_token": client.credentials.token}
    written = sample(built, "lyss.js.txt", **asked)
    (provider,) = client.providers.list(scope="personal")
    assert (provider.name, provider.config) == ("OpenAI GPT-4", {"model": "gpt-4", "temperature": 0.7})
    (conversation,) = client.conversations.list()
    said = [message.content for message in client.messages.list(conversation.id, order="asc")]
    assert said == ["Hello, world!", written.removesuffix("\n")]
