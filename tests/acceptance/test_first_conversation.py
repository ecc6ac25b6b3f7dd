"""What a newcomer does: one command, an account, and a real language model answers, as a stream and through a socket."""

import json

import pytest
import websockets

from tests.acceptance.conftest import books_agree, scalar
from tests.client import Client
from tests.running import RunningPlatform


@pytest.fixture(scope="module")
def platform():
    with RunningPlatform(env={"LOCAL_MODEL": "on"}, start_seconds=240) as running:
        yield running


@pytest.mark.asyncio
async def test_a_newcomer_watches_a_real_model_answer_and_finds_the_answer_stored(platform):
    async with Client(platform.url) as alice:
        await alice.register()
        conversation = await alice.new_conversation(model="gpt-3.5-turbo", system_message="You are a helpful assistant.")
        answer = await alice.stream(conversation, "What is the capital of France? Answer in one sentence.", temperature=0)
        assert answer.status == 200
        assert "Paris" in answer.text
        assert len([f for f in answer.frames if f.data["type"] == "content"]) > 1, "it streamed"
        assert answer.end["type"] == "end"
        assert answer.end["usage"]["total_tokens"] > 10

        question, stored = await alice.messages(conversation)
        assert question["content"] == "What is the capital of France? Answer in one sentence."
        assert stored["content"] == answer.text
        assert stored["status"] == "complete"

        text = await _through_the_socket(platform, alice, conversation)
        messages = await alice.messages(conversation)
        assert [m["role"] for m in messages] == ["user", "assistant", "user", "assistant"]
        assert messages[-1]["content"] == text

        quota = await alice.data("GET", "/users/me/quota")
        assert quota["usage_today"]["requests"] == 2
        assert quota["usage_today"]["tokens"] > 0
    assert scalar(platform, "SELECT array_agg(DISTINCT source) FROM quotas_usage") == ["provider"]
    assert scalar(platform, "SELECT sum(cost_micros) FROM quotas_usage") == 0, "the local model costs nothing, which is a price"
    books_agree(platform)


async def _through_the_socket(platform: RunningPlatform, alice: Client, conversation: str) -> str:
    async with websockets.connect(f"{platform.ws_url}/api/v1/ws/chat?token={alice.token}") as socket:
        await socket.send(json.dumps({"type": "ping"}))
        assert json.loads(await socket.recv())["type"] == "pong"
        await socket.send(
            json.dumps(
                {"type": "chat_message", "conversation_id": conversation, "content": "And of Italy?", "model": "gpt-3.5-turbo"}
            )
        )
        pieces = []
        async for raw in socket:
            frame = json.loads(raw)
            assert frame["conversation_id"] == conversation
            if frame["type"] == "message_content":
                pieces.append(frame["content"])
            if frame["type"] == "message_end":
                return "".join(pieces)
            assert frame["type"] in ("message_start", "message_content"), frame
    raise AssertionError("the socket closed without an ending")


def test_what_a_newcomer_types_is_in_no_log(platform):
    logs = "".join(path.read_text(errors="replace") for path in (platform.data_dir / "logs").glob("*.log"))
    assert "password123" not in logs
    assert "capital of France" not in logs
    assert "token=ey" not in logs
