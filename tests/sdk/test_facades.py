"""The clients that two documents name, with their own words for things, over the platform's own."""

from __future__ import annotations

from datetime import datetime
from io import StringIO

import ezdxf
import pytest

from chatplatform_client import AuthenticationError, Client, NotFoundError, PermissionDeniedError, ValidationError
from llmchat import AsyncLLMChatClient, Chunk, Completion, LLMChatClient
from lyss_ai_client import AsyncLyssClient, LyssClient
from tests.sdk.conftest import PASSWORD, somebody
from tests.vendors.scripts import words

HELLO = [{"role": "user", "content": "Hello, world!"}]
LONG = {"model": "ok-40-rate-40"}


@pytest.fixture
def llmchat(platform):
    with LLMChatClient(f"{platform.url}/api") as alice:
        _, address, password = somebody("alice")
        alice.auth.register(address, password, name="Alice")
        yield alice


@pytest.fixture
def lyss(platform):
    with LyssClient(f"{platform.url}/api/v1") as alice:
        alice.auth.register(*somebody("alice"))
        yield alice


# --- LLMChat


def test_a_session_of_llmchat(llmchat):
    done = llmchat.chat.completions(messages=HELLO, config={"model": "ok-3", "max_tokens": 100, "temperature": 0.7})
    assert isinstance(done, Completion)
    assert (done.message.role, done.message.content) == ("assistant", words(3))
    assert done.usage.completion_tokens == 3
    with llmchat.chat.completions(messages=HELLO, session_id=done.session_id, stream=True) as answer:
        chunks = list(answer)
    assert all(isinstance(chunk, Chunk) for chunk in chunks)
    assert "".join(chunk.content for chunk in chunks) == answer.text_so_far
    assert answer.session_id == done.session_id
    assert answer.usage.total_tokens
    history = llmchat.chat.history(done.session_id)
    assert [message.role for message in history] == ["assistant", "user", "assistant", "user"]
    assert history.items[0].id == answer.message_id
    assert isinstance(history.items[0].created_at, datetime)


def test_a_transcript_is_saved(llmchat):
    said = [*HELLO, {"role": "assistant", "content": "Good day."}]
    saved = llmchat.chat.save(messages=said, title="Greetings")
    assert (saved.title, saved.message_count) == ("Greetings", 2)
    assert [message.content for message in llmchat.chat.history(saved.session_id)] == ["Good day.", "Hello, world!"]


@pytest.mark.parametrize("base", ["/api", "/api/v1"])
def test_a_cut_stream_of_llmchat_is_whole_at_each_of_its_bases(llmchat, proxy, base):
    proxy.cut_after.extend([0, 900])
    with LLMChatClient(proxy.url + base, llmchat.credentials.token) as alice:
        with alice.chat.completions(messages=HELLO, config=LONG, stream=True) as answer:
            assert answer.text() == words(40)
        assert len(alice.chat.history(answer.session_id)) == 2
    assert not proxy.cut_after


def test_agents_files_and_drawings_of_llmchat(llmchat):
    (agent,) = llmchat.agents.list(category="writing")
    assert (agent.name, agent.capabilities) == ("Helper", ("text_generation",))
    assert llmchat.agents.status(agent.id).available is True
    with pytest.raises(PermissionDeniedError):
        llmchat.agents.update(agent.id, config={"max_tokens": 10})
    file = llmchat.files.upload(b"plain words", name="words.txt", type="document")
    assert llmchat.files.get(file.id).original_name == "words.txt"
    llmchat.files.delete(file.id)

    drawing = ezdxf.new()
    drawing.modelspace().add_line((0, 0), (100, 50))
    text = StringIO()
    drawing.write(text)
    read = llmchat.cad.parse(text.getvalue().encode(), name="line.dxf")
    assert [entity["type"] for entity in read.entities] == ["LINE"]
    assert read.bounds is not None
    assert (read.bounds["maxX"], read.bounds["maxY"]) == (100, 50)


def test_signing_in_and_out_of_llmchat(llmchat, platform):
    email = llmchat.auth.refresh().user.email
    llmchat.auth.logout()
    with pytest.raises(AuthenticationError):
        llmchat.chat.completions(messages=HELLO)
    assert llmchat.auth.login(email, PASSWORD).user.name == "Alice"
    assert llmchat.health().status == "healthy"
    with pytest.raises(ValidationError) as refused:
        llmchat.chat.completions(messages=[{"role": "assistant", "content": "I speak first."}])
    assert refused.value.code == "VALIDATION_ERROR"
    with Client(platform.url, token=llmchat.credentials.token) as same:
        assert same.me.get().email == email


async def test_llmchat_without_blocking(platform, client):
    async with AsyncLLMChatClient(f"{platform.url}/api", client.credentials.token) as alice:
        answer = await alice.chat.completions(messages=HELLO, config={"model": "ok-3"}, stream=True)
        assert "".join([chunk.content async for chunk in answer]) == words(3)


# --- LYSS


def test_a_conversation_of_lyss(lyss):
    (provider,) = lyss.providers.available()
    said = lyss.chat.send_message(messages=HELLO, provider_id=provider.id, model="ok-3", temperature=0.5)
    assert said.message.content == words(3)
    assert said.message.metadata is not None
    assert said.message.metadata.model == "ok-3"
    assert said.provider is not None
    assert said.provider.id == provider.id
    number = said.conversation.id
    with lyss.chat.stream(messages=HELLO, conversation_id=number, model="ok-3") as answer:
        assert "".join(chunk.content for chunk in answer) == words(3)
    assert answer.conversation_id == number
    assert answer.tokens_used
    detail = lyss.conversations.get(number)
    assert [message.role for message in detail.messages] == ["user", "assistant"] * 2
    assert detail.messages[-1].id == answer.message_id
    assert lyss.conversations.update(number, metadata={"tags": ["greeting"]}).metadata == {"tags": ["greeting"]}
    (listed,) = lyss.conversations.list()
    assert (listed.id, listed.message_count) == (number, 4)
    lyss.conversations.delete(number)
    with pytest.raises(NotFoundError) as gone:
        lyss.conversations.get(number)
    assert gone.value.code == "CONVERSATION_NOT_FOUND"
    assert lyss.conversations.create("new", metadata={"a": 1}).metadata == {"a": 1}


@pytest.mark.parametrize("base", ["/api/v1", "/lyss/api/v1"])
def test_a_cut_stream_of_lyss_is_whole_at_each_of_its_bases(lyss, proxy, base):
    proxy.cut_after.extend([0, 900])
    with LyssClient(proxy.url + base, lyss.credentials.token) as alice:
        with alice.chat.stream(messages=HELLO, model=LONG["model"]) as answer:
            assert answer.text() == words(40)
        assert len(alice.conversations.get(answer.conversation_id).messages) == 2
    assert not proxy.cut_after


def test_signing_in_and_out_of_lyss(lyss):
    me = lyss.auth.me()
    old = lyss.credentials.token
    assert lyss.auth.refresh().access_token != old
    lyss.auth.logout()
    with pytest.raises(AuthenticationError):
        lyss.auth.me()
    assert lyss.auth.login(me.email, PASSWORD).user.id == me.id


async def test_lyss_without_blocking(platform, client):
    async with AsyncLyssClient(f"{platform.url}/api/v1", client.credentials.token) as alice:
        said = await alice.chat.send_message(messages=HELLO, model="ok-3")
        assert said.message.content == words(3)
