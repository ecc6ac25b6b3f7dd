"""The clients that the document prints, as it prints them: only the address is put in. None of them has an account."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from pathlib import Path
from uuid import uuid4

import pytest

SAMPLES = Path(__file__).parents[1] / "samples"
PRINTED = "http://localhost:6001"


def sample(name: str, url: str) -> str:
    text = (SAMPLES / name).read_text(encoding="utf-8")
    assert PRINTED in text
    return text.replace(PRINTED, url)


async def output_of(program: str, *arguments: str, given: str = "") -> str:
    """What it writes, run to its end without an error."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(program, *arguments, stdin=pipe, stdout=pipe, stderr=pipe)
    written, errors = await asyncio.wait_for(process.communicate(given.encode()), 60)
    assert process.returncode == 0, errors.decode()
    return written.decode()


async def test_the_curl_lines(guest):
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    name = f"session-{uuid4()}"  # all guests share the printed one
    lines = sample("coze.curl.txt", guest.url).replace("my_session", name).replace("curl ", "curl --silent --show-error ")
    commands = [command for command in lines.split("\n\n") if command.strip()]
    health, answer, streamed, info, cleared = [await output_of("sh", "-c", command) for command in commands]
    assert json.loads(health)["status"] in ("healthy", "degraded")
    said = json.loads(answer)
    assert said["response"]
    assert said["session_id"] == name
    events = [json.loads(line[6:]) for line in streamed.splitlines() if line]
    assert [event["type"] for event in events[:-1]] == ["chunk"] * (len(events) - 1)
    assert events[-1]["type"] == "complete"
    assert json.loads(info)["conversation_id"] == said["conversation_id"]
    assert json.loads(info)["message_count"] == 2
    assert json.loads(cleared)["message"] == "会话已成功清除"


async def test_the_python_client(guest, tmp_path):
    file = tmp_path / "sample.py"
    file.write_text(sample("coze.py.txt", guest.url), encoding="utf-8")
    lines = (await output_of(sys.executable, str(file))).splitlines()
    # The vendor's script answers every question alike.
    assert lines[0].startswith("回复: ")
    assert lines[1:] == [lines[0].removeprefix("回复: "), ""]


async def test_what_it_calls_best_practice(guest, tmp_path):
    """With the printed client: a session that is kept, a loop over all lines of a stream, and trying again."""
    used = """
result = retry_request(lambda: client.chat_sync("你好", session_id))
assert response1["conversation_id"] == response2["conversation_id"] == result["conversation_id"]
def display_chunk(text):
    print(text, end="")
print("----")
process_stream(requests.post(f"{client.base_url}/chat/stream", json={"message": "你好"}, stream=True, timeout=None))
"""
    practices = (SAMPLES / "coze_practices.py.txt").read_text(encoding="utf-8").replace("user_session_123", f"session-{uuid4()}")
    file = tmp_path / "sample.py"
    file.write_text("\n".join([sample("coze.py.txt", guest.url), practices, used]), encoding="utf-8")
    written = await output_of(sys.executable, str(file))
    assert written.split("----\n")[1] == written.splitlines()[0].removeprefix("回复: ")


async def test_the_javascript_reader(guest, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node.js here")
    text = (SAMPLES / "coze.js.txt").read_text(encoding="utf-8")
    assert "fetch('/chat/stream'" in text, "in a page, an address without a host"
    text = text.replace("'/chat/stream'", f"'{guest.url}/chat/stream'").replace("web_session_1", f"session-{uuid4()}")
    page = """
let shown = '';
function updateChatDisplay(content, over) { shown += content; if (over) console.log('shown:', shown); }
streamChat('你好');
"""
    file = tmp_path / "sample.js"
    file.write_text(text + page, encoding="utf-8")
    shown, whole = (await output_of(node, str(file))).splitlines()
    assert whole.removeprefix("完整回复: ") == shown.removeprefix("shown: ") != ""
