"""The real local model under `manage.py up`: fetched once, reachable with its key only, restarted; and its absence."""

import json
import os
import signal
import urllib.error
import urllib.request

import pytest

from tests.embedded.waiting import until
from tests.running import RunningPlatform


def ask(url: str, key: str, body: dict | None = None) -> tuple[int, dict]:
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, {}
    except OSError:
        return 0, {}


def test_the_weights_are_fetched_once_and_the_model_answers_only_with_its_key(data_dir):
    with RunningPlatform(data_dir=data_dir, env={"LOCAL_MODEL": "on"}, web_workers=1) as running:
        assert "fetches the weights, once 100%" in running.output
        file = data_dir / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
        fetched = file.stat().st_mtime_ns
        model = json.loads((data_dir / "run" / "local_model.json").read_text())
        question = {"model": model["name"], "max_tokens": 8, "messages": [{"role": "user", "content": "Say hello."}]}
        status, answer = ask(model["url"] + "/chat/completions", model["api_key"], question)
        assert status == 200
        assert answer["choices"][0]["message"]["content"]
        assert answer["usage"]["completion_tokens"] <= 8
        assert ask(model["url"] + "/chat/completions", "wrong", question)[0] == 401

        os.kill(running.children["model"], signal.SIGKILL)
        until(lambda: ask(model["url"] + "/models", model["api_key"])[0] == 200, 30)  # at the same address

        assert running.terminate(35) == 0
        assert not (data_dir / "run" / "local_model.json").exists()
        running.start()
        assert file.stat().st_mtime_ns == fetched
        assert running.output.count("100%") == 1


@pytest.mark.parametrize(
    "env",
    [
        {"LOCAL_MODEL": "on", "PIP_NO_INDEX": "1"},  # the weights cannot be had
        {"LOCAL_MODEL": "on", "LOCAL_MODEL_PATH": "{data_dir}/broken.gguf"},  # the server refuses the file
    ],
    ids=["not-fetched", "not-loaded"],
)
def test_without_the_local_model_the_platform_says_so_and_starts(data_dir, env):
    (data_dir / "broken.gguf").write_bytes(b"GGUF and nothing more")
    env = {name: value.format(data_dir=data_dir) for name, value in env.items()}
    with RunningPlatform(data_dir=data_dir, env=env, web_workers=1) as running:
        assert "starts without the local model" in running.output
        assert "model" not in running.children
        with urllib.request.urlopen(running.url, timeout=10) as answer:
            assert answer.status == 200
