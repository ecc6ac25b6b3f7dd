"""The platform's own client, blocking and not, over everything that is no stream."""

from __future__ import annotations

import pytest

from chatplatform_client import Client, Conversation, NotFoundError, Page, ValidationError
from tests.sdk.conftest import PASSWORD, somebody
from tests.vendors.scripts import words

FAST = "ok-3"


def test_a_conversation_from_its_beginning_to_its_end(client):
    made = client.conversations.create("Decorators", model=FAST, system_message="Be brief.")
    answered = client.messages.send(made.id, "What is a decorator?", temperature=0.2, max_tokens=50)
    assert answered.text == words(3)
    assert answered.usage.total_tokens
    assert answered.stopped is False

    found = client.conversations.get(made.id)
    assert (found.title, found.system_message) == ("Decorators", "Be brief.")
    assert [message.role for message in found.messages] == ["user", "assistant"]
    assert found.messages[1] == answered.assistant_message

    assert client.messages.edit(answered.user_message.id, "What is a closure?").content == "What is a closure?"
    (asked, _answer) = client.messages.list(made.id, order="asc")
    assert asked.content == "What is a closure?"
    assert asked.edited_at is not None

    assert client.conversations.update(made.id, title="Closures").title == "Closures"
    assert client.conversations.archive(made.id).is_archived
    assert [one.id for one in client.conversations.list()] == []
    assert [one.id for one in client.conversations.list(archived=True)] == [made.id]
    assert not client.conversations.unarchive(made.id).is_archived

    client.conversations.delete(made.id)
    with pytest.raises(NotFoundError) as refused:
        client.conversations.get(made.id)
    assert (refused.value.status, refused.value.code) == (404, "RESOURCE_NOT_FOUND")
    assert refused.value.request_id.startswith("req_")


def test_all_pages_of_a_list(client):
    made = [client.conversations.create(f"number {n}") for n in range(7)]
    first = client.conversations.list(size=3)
    assert isinstance(first, Page)
    assert (len(first), first.total, first.pages) == (3, 7, 3)
    assert [one.id for one in client.conversations.iterate()] == [one.id for one in reversed(made)]


async def test_the_same_without_blocking(async_client):
    client = async_client
    made = await client.conversations.create("Decorators", model=FAST)
    assert isinstance(made, Conversation)
    assert (await client.messages.send(made.id, "What is a decorator?")).text == words(3)
    assert [one.id async for one in client.conversations.iterate(search="decorator")] == [made.id]
    await client.conversations.delete(made.id)


def test_the_person_and_her_keys(client, platform):
    me = client.me.get()
    assert me.quota is not None
    assert client.me.update(display_name="Alice").display_name == "Alice"
    assert client.me.quota().usage_today.requests == 0
    key = client.api_keys.create("my script")
    assert key.key is not None
    with Client(platform.url, api_key=key.key) as script:
        assert script.me.get().id == me.id
    assert [one.id for one in client.api_keys.list()] == [key.id]
    client.api_keys.delete(key.id)
    assert client.api_keys.list() == []


def test_who_answers_and_how_the_platform_is(client):
    names = [model.id for model in client.system.models()]
    assert FAST in names
    assert client.system.info().features["streaming"] is True
    assert client.system.health().services["database"] == "healthy"
    (organization,) = client.providers.available()
    assert organization.scope == "organization"
    assert client.agents.list().total >= 0


def test_a_provider_of_ones_own(client):
    made = client.providers.create("mine", "openai", api_key="sk-alice-0123456789", config={"model": "gpt-4"})
    assert made.key_last4 == "6789"
    assert [one.id for one in client.providers.list(scope="personal")] == [made.id]
    first, organization = client.providers.available()
    assert (first.id, organization.scope) == (made.id, "organization")
    client.providers.set_default(organization.id)
    assert client.providers.available()[0].id == organization.id
    assert client.providers.update(made.id, name="still mine").name == "still mine"
    client.providers.set_default(None)
    client.providers.delete(made.id)
    with pytest.raises(NotFoundError):
        client.providers.get(made.id)


def test_documents_and_topics(client, tmp_path):
    topic = client.topics.create("Whales", description="of all seas")
    assert [one.id for one in client.topics.list()] == [topic.id]
    assert client.topics.update(topic.id, name="Blue whales").name == "Blue whales"
    file = tmp_path / "whales.md"
    file.write_text("# Whales\n\nThe blue whale is the largest animal that ever lived.\n")
    uploaded = client.documents.upload(file, description="a note", topic_id=topic.id)
    assert (uploaded.original_name, uploaded.type, uploaded.topic_id) == ("whales.md", "document", topic.id)
    ready = client.documents.wait(uploaded.id)
    assert (ready.status, ready.failure) == ("ready", None)
    assert client.documents.get(uploaded.id) == ready
    assert [one.id for one in client.documents.list(topic_id=topic.id)] == [uploaded.id]
    by_content = client.documents.upload(b"plain words", name="words.txt")
    assert by_content.original_name == "words.txt"
    client.documents.delete(uploaded.id)
    client.topics.delete(topic.id)


def test_refusals_are_errors_of_their_own(client, platform):
    with pytest.raises(ValidationError) as refused:
        client.conversations.create("x" * 300)
    assert refused.value.details["field"] == "title"
    with Client(platform.url, language="en") as stranger, pytest.raises(ValidationError) as taken:
        stranger.auth.register(client.me.get().username, somebody("bob")[1], PASSWORD)
    assert "username" in str(taken.value.details)
