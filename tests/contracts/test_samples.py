"""The clients that the document prints, as it prints them: only the address and the account are put in."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import pytest

from tests.client import PASSWORD

SAMPLES = Path(__file__).parent / "samples"


async def output_of(alice, program: str, name: str, suffix: str, folder: Path) -> list[str]:
    """The lines that a sample writes, run to its end without an error."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    for printed, ours in (
        ("http://localhost:8000", alice.url),
        ("ws://localhost:8000", alice.url.replace("http", "ws", 1)),
        ("testuser", alice.username),
        ("password123", PASSWORD),
    ):
        assert printed in text or printed.startswith("ws")
        text = text.replace(printed, ours)
    file = folder / f"sample{suffix}"
    file.write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        program, str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    written, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, errors.decode()
    return written.decode().splitlines()


async def answer_to(alice, title: str, question: str) -> str:
    (conversation,) = (await alice.data("GET", "/conversations"))["conversations"]
    assert conversation["title"] == title
    asked, answered = await alice.messages(conversation["id"])
    assert asked["content"] == question
    return answered["content"]


async def test_the_python_sample(alice, tmp_path):
    lines = await output_of(alice, sys.executable, "chatgpt_backend.py.txt", ".py", tmp_path)
    answer = await answer_to(alice, "Python 学习讨论", "请解释一下 Python 的列表推导式")
    assert "\n".join(lines) == f"登录结果: 登录成功\nAI 回复: {answer}"


async def test_the_javascript_sample(alice, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node.js here")
    lines = await output_of(alice, node, "chatgpt_backend.js.txt", ".js", tmp_path)
    answer = await answer_to(alice, "JavaScript 学习", "请解释一下 JavaScript 的闭包")
    assert "\n".join(lines) == f"登录结果: 登录成功\nAI 回复: {answer}"
