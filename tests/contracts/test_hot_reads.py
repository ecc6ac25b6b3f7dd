"""A hot read is answered without Django's handler, and nobody can tell."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from chatplatform.contracts.contract import Runs
from chatplatform.contracts.hot import HotReads
from chatplatform.contracts.routing import find_place, places
from chatplatform.contracts.threads import DjangoInThreads
from chatplatform.core.ids import prefixed
from chatplatform.core.origin import NOWHERE
from tests.client import PASSWORD

NOBODYS = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def hers(transactional_db, settings):
    """Her access token, and what stands for one of her three conversations and its message in paths."""
    from accounts import services
    from accounts.feed import feed
    from accounts.models import User
    from conversations import search
    from conversations.models import Conversation, Message

    settings.RATE_LIMITS = False
    feed.ask_soon()
    token = services.register(username="alice", email="alice@example.com", password=PASSWORD, origin=NOWHERE).access_token
    alice = User.objects.get(username="alice")
    for title in ("周报", "archived", "last"):
        one = Conversation.objects.create(
            user=alice, contract="chatgpt_backend", title=title, is_archived=title == "archived", message_count=1
        )
        one.leaf = Message.objects.create(conversation=one, role="user", content="你好 🎉")
        one.save()
        search.index_title(user_id=alice.pk, conversation_id=one.pk, title=title)
    names = {
        "HERS": f"/api/v1/conversations/{one.uuid}",
        "SESSION": f"/api/v1/chat/sessions/{prefixed('sess', one.uuid)}",
        "MESSAGE": prefixed("msg", one.leaf.uuid),
        "HISTORY": f"/api/chat/sessions/{one.uuid}/history",
        "LEAF": str(one.leaf.uuid),
    }
    return token, names


@pytest.fixture(scope="module")
def ways():
    from chatplatform.wsgi import application

    django = DjangoInThreads(application, 1, "rest")
    yield HotReads(django.threads), django
    django.threads.shutdown()


async def answered(way: Any, scope: dict[str, Any]) -> tuple[int, list[tuple[bytes, bytes]], Any]:
    sent: list[Any] = []

    async def send(message):
        sent.append(message)

    if isinstance(way, HotReads):
        found = find_place(scope["path"])
        assert found is not None
        place, parts = found
        assert place.runs(scope["method"]) is Runs.HOT
        await way(scope, send, place=place, parts=parts)
    else:
        await way(scope, b"", send)
    body = orjson.loads(sent[1]["body"])
    body.get("meta", body).pop("timestamp")
    return sent[0]["status"], sorted(sent[0]["headers"]), body


def test_the_reads_that_are_hot_are_listed_here():
    hot = {(place.path, method) for place in places() for method, route in place.routes.items() if route.runs is Runs.HOT}
    conversations = "/conversations"
    one = f"{conversations}/{{conversation_id}}"
    sessions = "/chat/sessions"
    session, message = f"{sessions}/{{session_id}}", "/chat/messages/{message_id}"
    assert hot == {
        *((path, "GET") for path in (conversations, one, f"{one}/messages")),
        *((path, "GET") for path in (sessions, session, f"{session}/messages", message, f"{message}/references")),
        (f"{session}/history", "GET"),
    }


ASKED = (
    ("/api/v1/conversations", 200),
    ("/api/v1/conversations/", 200),
    ("/api/v1/conversations?page=2&size=1", 200),
    ("/api/v1/conversations?archived=true", 200),
    ("/api/v1/conversations?archived=&search=", 200),
    ("/api/v1/conversations?search=%E5%91%A8%E6%8A%A5", 200),
    ("/api/v1/conversations?search=nothing", 200),
    ("/api/v1/conversations?size=0", 422),
    ("/api/v1/conversations?archived=maybe", 422),
    (f"/api/v1/conversations?search={'x' * 201}", 422),
    ("HERS", 200),
    ("HERS/messages", 200),
    ("HERS/messages?order=asc&size=1", 200),
    ("HERS/messages?order=up", 422),
    ("HERS/messages?page=x", 422),
    (f"/api/v1/conversations/{NOBODYS}", 404),
    (f"/api/v1/conversations/{NOBODYS}/messages", 404),
    ("/api/v1/conversations/not-an-id", 404),
    ("/api/v1/chat/sessions", 200),
    ("/api/v1/chat/sessions?page=2&page_size=1", 200),
    ("/api/v1/chat/sessions?status=archived", 200),
    ("/api/v1/chat/sessions?topic_id=&status=&search=", 200),
    ("/api/v1/chat/sessions?topic_id=7", 200),
    ("/api/v1/chat/sessions?search=%E5%91%A8%E6%8A%A5", 200),
    ("/api/v1/chat/sessions?status=gone", 400),
    ("SESSION", 200),
    ("SESSION/messages", 200),
    ("SESSION/messages?role=user&page_size=1", 200),
    ("SESSION/messages?before_message_id=MESSAGE", 200),
    ("SESSION/messages?after_message_id=x", 400),
    ("/api/v1/chat/messages/MESSAGE", 200),
    ("/api/v1/chat/messages/MESSAGE/references", 200),
    (f"/api/v1/chat/sessions/sess_{NOBODYS.replace('-', '')}", 404),
    (f"/api/v1/chat/messages/msg_{NOBODYS.replace('-', '')}", 404),
    ("/api/v1/chat/sessions/not-an-id", 404),
    ("HISTORY", 200),
    ("HISTORY?page=2&limit=1", 200),
    ("HISTORY?before=LEAF", 200),
    (f"HISTORY?before={NOBODYS}", 404),
    ("HISTORY?before=x", 400),
    (f"/api/chat/sessions/{NOBODYS}/history", 404),
    ("/api/chat/sessions/not-an-id/history", 404),
)


@pytest.mark.parametrize("language", [b"", b"en"])
async def test_both_ways_answer_the_same(hers, ways, language):
    token, names = hers
    for path, status in ASKED:
        for name, written in names.items():
            path = path.replace(name, written)
        await compare(ways, path, status, (b"authorization", b"Bearer " + token.encode()), language)


async def test_both_ways_refuse_the_same(hers, ways):
    for header, status in (
        ((b"accept", b"*/*"), 401),
        ((b"authorization", b"Bearer garbage"), 401),
        ((b"x-api-key", b"cp_garbage"), 401),
        ((b"accept", b"application/vnd.chatgpt.v9+json"), 406),
    ):
        await compare(ways, "/api/v1/conversations", status, header)


async def compare(ways: Any, path: str, status: int, header: tuple[bytes, bytes], language: bytes = b"") -> None:
    path, _, query = path.partition("?")
    headers = [(b"host", b"localhost"), header, *([(b"accept-language", language)] if language else [])]
    for method in ("GET", "HEAD"):
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "query_string": query.encode(),
            "headers": headers,
            "client": ("203.0.113.5", 1234),
            "server": ("127.0.0.1", 8000),
            "scheme": "http",
        }
        hot, through_django = [await answered(way, scope) for way in ways]
        assert hot[0] == status, (method, path)
        assert hot == through_django, (method, path)
