"""People who speak Chat System with the platform of the folder above, and documents for them to ask about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest_asyncio

from tests.acceptance.conftest import database
from tests.client import PASSWORD, Client
from tests.retrieval.files import make_pdf
from tests.running import RunningPlatform

ECHO = "echo"
"""A model of the scripted vendor that says what it was told."""
PAGES = [
    "机器学习是一种人工智能技术，它让计算机从数据中学习规律，而不需要逐条编写规则。",
    "机器学习算法可以分为监督学习、无监督学习和强化学习三大类。监督学习使用带标签的数据。",
    "深度学习是一种基于人工神经网络的机器学习方法，它由许多层组成。",
]
QUESTION = "机器学习算法可以分为哪几类？"
READY_SECONDS = 90


@pytest_asyncio.fixture
async def admin(platform: RunningPlatform) -> AsyncIterator[Client]:
    async with Client(platform.url) as client:
        await client.register("admin")
        with database(platform) as connection:
            connection.execute(
                "UPDATE accounts_user SET role = 'admin', is_superuser = true WHERE username = %s", [client.username]
            )
        session = await client.data("POST", "/auth/login", {"username": client.username, "password": PASSWORD})
        client.token = session["access_token"]
        yield client


async def new_session(client: Client, **fields: Any) -> str:
    return (await client.data("POST", "/chat/sessions", fields))["session_id"]


async def send(client: Client, session: str, content: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return await client.call("POST", f"/chat/sessions/{session}/messages", {"content": content, **more})


async def new_topic(client: Client, name: str = "机器学习") -> int:
    return (await client.data("POST", "/topics", {"name": name}))["id"]


async def upload(client: Client, content: bytes, name: str, topic: int | None = None) -> str:
    """Uploads a file and waits until it can be found. Gives its id as this contract writes it."""
    form = aiohttp.FormData()
    form.add_field("file", content, filename=name)
    form.add_field("type", "document")
    if topic is not None:
        form.add_field("topic_id", str(topic))
    async with client.session.post(f"{client.url}/api/v1/upload", data=form, headers=client.headers) as response:
        answer = await response.json()
        assert response.status == 201, answer
    document = answer["data"]["id"]
    for _ in range(READY_SECONDS * 5):
        shown = await client.data("GET", f"/upload/{document}")
        if shown["status"] not in ("waiting", "extracting", "embedding"):
            break
        await asyncio.sleep(0.2)
    assert shown["status"] == "ready", shown
    return "doc_" + document.replace("-", "")


def guide() -> bytes:
    """A PDF whose second page answers `QUESTION`."""
    return make_pdf(PAGES, title="机器学习入门指南", author="李四", written_at=datetime(2023, 6, 15, tzinfo=UTC))


@pytest_asyncio.fixture
async def alices_topic(alice: Client) -> int:
    """A topic of alice's with the guide in it."""
    topic = await new_topic(alice)
    await upload(alice, guide(), "guide.pdf", topic)
    return topic
