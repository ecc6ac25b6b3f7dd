"""What an office does: somebody uploads a Chinese PDF, asks, and the real local model answers with the passage beside it."""

import pytest

from tests.acceptance.conftest import books_agree
from tests.client import Client
from tests.contracts.chat_system.conftest import PAGES, QUESTION, guide, new_session, new_topic, upload
from tests.contracts.chat_system.sockets import read_turn, send, socket_of, text_of
from tests.running import RunningPlatform


@pytest.fixture(scope="module")
def platform():
    with RunningPlatform(env={"LOCAL_MODEL": "on"}, start_seconds=240) as running:
        yield running


@pytest.mark.asyncio
async def test_the_local_model_answers_from_an_uploaded_pdf_through_the_socket(platform):
    async with Client(platform.url) as alice:
        await alice.register()
        topic = await new_topic(alice)
        document = await upload(alice, guide(), "guide.pdf", topic)
        session = await new_session(alice, topic_id=topic, model_config={"max_tokens": 60})
        async with socket_of(alice, session) as socket:
            await send(socket, QUESTION)
            frames = await read_turn(socket)

        kinds = [frame["type"] for frame in frames]
        assert kinds[0] == "stream_start"
        assert kinds[1] == "reference_chunk", "what the answer is given to read comes before its first word"
        assert kinds[-1] == "stream_end"
        assert text_of(frames) == frames[-1]["data"]["final_content"] != ""

        reference = frames[1]["data"]["reference"]
        assert reference["document_id"] == document
        assert reference["document_title"] == "机器学习入门指南"
        assert reference["excerpt"] in PAGES[1]
        assert frames[-1]["data"]["references_count"] == kinds.count("reference_chunk")

        answer = frames[-1]["data"]["message_id"]
        stored = (await alice.data("GET", f"/chat/messages/{answer}/references"))["references"]
        assert [one["reference_id"] for one in stored] == [
            frame["data"]["reference"]["reference_id"] for frame in frames if frame["type"] == "reference_chunk"
        ]
        assert stored[0]["page_number"] == 2
        assert {one["reference_type"] for one in stored} <= {"direct", "context"}
        detail = await alice.data("GET", f"/chat/messages/{answer}")
        assert "SmolLM2" in detail["model"]
        assert detail["retrieval_time_ms"] is not None
    books_agree(platform)
