"""The Python clients that the documents print, word for word but for the address and what they leave open: the token, ids."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lyss_ai_client import LyssClient
from tests.running import PROJECT_DIR
from tests.vendors.scripts import words

SAMPLES = PROJECT_DIR / "tests" / "contracts" / "samples"
SOURCES = [str(path) for path in sorted((PROJECT_DIR / "sdk" / "python").glob("*/src"))]


def output_of(name: str, folder: Path, **printed: str) -> str:
    """What a sample writes, run to its end without an error in a process of its own. `printed`: what it leaves open, and what
    stands there instead."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    for words_of_the_document, ours in printed.items():
        assert words_of_the_document in text
        text = text.replace(words_of_the_document, ours)
    file = folder / "sample.py"
    file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(file)],
        env={"PYTHONPATH": ":".join(SOURCES), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sample_of_llmchat(client, platform, tmp_path):
    (agent,) = (one for one in client.agents.list() if one.name == "Helper")
    written = output_of(
        "llmchat.py.txt",
        tmp_path,
        **{"http://localhost:3001": platform.url, "your_jwt_token": client.credentials.token, "agent_uuid": agent.id},
    )
    assert written.replace("\n", "") == words(40)


def test_the_sample_of_lyss(client, platform, openai_is_here, tmp_path):
    written = output_of(
        "lyss.py.txt", tmp_path, **{"http://localhost:8000": platform.url, "your_jwt_token": client.credentials.token}
    )
    (made,) = LyssClient(f"{platform.url}/api/v1", client.credentials.token).providers.list(scope="personal")
    assert (made.name, made.config) == ("OpenAI GPT-4", {"model": "gpt-4", "temperature": 0.7})
    (conversation,) = client.conversations.list()
    assert [message.content for message in client.messages.list(conversation.id, order="asc")] == [
        "Hello, world!",
        written.removesuffix("\n"),
    ]


def test_the_sample_of_coze(platform, tmp_path):
    """It has no account: the platform's guest talks."""
    written = output_of("coze.py.txt", tmp_path, **{"http://localhost:6001": platform.url})
    first, _, second = written.partition("\n")
    assert first == f"回复: {words(40)}"
    assert second.strip() == words(40)
