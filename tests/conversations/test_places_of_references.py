"""A reference names its place exactly, in files as people have them: characters of the text that was read, and the page."""

from __future__ import annotations

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from conversations.references import list_references
from conversations.turns.runner import TurnRunner
from providers.testing import ScriptedProvider, say
from retrieval.ingest import ingest
from retrieval.models import Document, DocumentText
from tests.conversations.acting import asking, new_conversation, person
from tests.conversations.library import new_topic
from tests.retrieval.files import make_docx, make_pdf
from tests.retrieval.library import packaged_model, upload

CITIES = ["北京", "上海", "广州", "深圳", "成都", "杭州", "武汉", "西安", "南京", "重庆", "天津", "苏州"]
RIVERS = ["Danube", "Rhine", "Volga", "Seine", "Thames", "Elbe", "Loire", "Rhone", "Tagus", "Ebro", "Oder", "Dnieper"]
PAGES = [
    text
    for number, (city, river) in enumerate(zip(CITIES, RIVERS, strict=True), start=1)
    for text in (
        f"{city}办事处的仓库在第{number}街区。{city}的货物每周{number}次运到港口，由当地的车队负责，费用另行结算。",
        f"The ferry on the {river} leaves from pier {number}. Tickets for the {river} are sold at the harbour office only.",
    )
]
"""Chinese and English in turns: the page of each city and river is known."""
QUESTIONS = [
    question
    for city, river in zip(CITIES, RIVERS, strict=True)
    for question in (f"{city}办事处的仓库在哪里？", f"Where does the ferry on the {river} leave?")
]
FILES = {"handbook.pdf": make_pdf(PAGES), "handbook.docx": make_docx(PAGES), "handbook.md": "\n\n".join(PAGES).encode()}


@pytest.fixture
def alice(provider_row):
    return person("alice", tier="enterprise")  # her questions are more than a day's


@pytest.fixture
def scripted():
    return ScriptedProvider(say("[1]"))


@pytest_asyncio.fixture
async def runner(provider_row, scripted):
    running = TurnRunner(open_provider=lambda route: scripted)
    await running.startup()
    yield running
    await running.shutdown()


@pytest.fixture
def topic(alice, tmp_path, settings):
    documents = {"BACKEND": "retrieval.storage.PrivateFolder", "OPTIONS": {"location": str(tmp_path / "documents")}}
    settings.STORAGES = {**settings.STORAGES, "documents": documents}
    packaged_model()
    topic = new_topic(alice)
    for name, content in FILES.items():
        document = upload(alice, name=name, content=content, topic_id=topic.pk)
        ingest(document_id=document.pk)
        document.refresh_from_db()
        assert document.status == Document.Status.READY, document.failure
    return topic


@sync_to_async
def check(principal, message_id, question: int) -> int:
    """Every reference of an answer against the texts that were read. Returns how many there are."""
    records = list_references(principal=principal, message_id=message_id)
    for record in records:
        reference = record.reference
        text = DocumentText.objects.get(document__uuid=reference.document_id).text
        assert text[reference.start : reference.end] == reference.excerpt
        if reference.file_type == "pdf":
            assert reference.page is not None
            on_page = "".join(PAGES[reference.page - 1].split())
            assert "".join(reference.excerpt.split()) in on_page
        else:
            assert reference.page is None
    pages = {record.reference.page for record in records if record.reference.file_type == "pdf"}
    assert question + 1 in pages, "the page that answers is among them"
    return len(records)


async def test_every_reference_is_what_stands_at_its_place_on_its_page(runner, alice, topic):
    checked = 0
    for number, question in enumerate(QUESTIONS):
        conversation = await new_conversation(alice, topic_id=topic.pk)
        finished = await runner.finish(await runner.start_turn(principal=alice, request=asking(conversation, question)))
        checked += await check(alice, finished.assistant_message.id, number)
    assert checked > 2 * len(QUESTIONS)
