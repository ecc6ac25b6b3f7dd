"""The same reads without a framework, the limit that the platform is held against: raw ASGI, psycopg's async connections, orjson.

It reads the same rows from the same PostgreSQL and answers the same bytes (but for the clock in them; `bench.reads` compares),
on the same server with the same options. What it leaves out is what a platform is for: whether the token is good, whose session
it is, how often she asked, the request's line in the log and in the metrics, languages, errors. The bearer's token is simply
the person's number.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from uvicorn import Config, Server

from chatplatform import environment

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Connection = AsyncConnection[TupleRow]

CONVERSATION = """
    SELECT id, uuid, title, model, message_count, is_archived, created_at, updated_at, system_message
    FROM conversations_conversation WHERE uuid = %s AND user_id = %s AND deleted_at IS NULL
"""
MESSAGES = """
    SELECT m.uuid, m.role, m.content, m.tokens_used, m.created_at, m.status, m.model, t.uuid, t.text, m.edited_at
    FROM conversations_message m LEFT JOIN conversations_turn t ON t.answer_id = m.id
    WHERE m.conversation_id = %s AND m.deleted_at IS NULL ORDER BY m.id DESC LIMIT %s OFFSET %s
"""
MESSAGES_IN_ALL = "SELECT count(*) FROM conversations_message WHERE conversation_id = %s AND deleted_at IS NULL"
CONVERSATIONS = """
    SELECT c.id, c.uuid, c.title, c.model, c.message_count, c.is_archived, c.created_at, c.updated_at,
           leaf.content, leaf.role, leaf.created_at, asked.content, asked.role, asked.created_at, asked.deleted_at
    FROM conversations_conversation c
    LEFT JOIN conversations_message leaf ON leaf.id = c.leaf_id
    LEFT JOIN conversations_message asked ON asked.id = leaf.parent_id
    WHERE c.user_id = %s AND c.deleted_at IS NULL ORDER BY c.updated_at DESC, c.id DESC LIMIT %s OFFSET %s
"""
CONVERSATIONS_IN_ALL = "SELECT count(*) FROM conversations_conversation WHERE user_id = %s AND deleted_at IS NULL"


class Bare:
    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        """Those that nobody uses now. A tenth of a pool's cost, and of its care."""

    async def __call__(self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await self._http(scope, send)

    async def _lifespan(self, receive: Callable[[], Awaitable[Any]], send: Send) -> None:
        await receive()
        settings = environment.database_settings()
        for _ in range(self._connections):
            connection = await AsyncConnection.connect(
                host=str(settings["HOST"]),
                port=str(settings["PORT"]),
                user=str(settings["USER"]),
                dbname=str(settings["NAME"]),
                password=str(settings["PASSWORD"]),
                autocommit=True,
                prepare_threshold=0,  # each statement is prepared when it is first run
            )
            self._free.put_nowait(connection)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        while not self._free.empty():
            await self._free.get_nowait().close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _http(self, scope: Scope, send: Send) -> None:
        user_id = next((int(value[7:]) for name, value in scope["headers"] if name == b"authorization"), None)
        if user_id is None:
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body"})
            return
        connection = await self._free.get()
        try:
            data = await read(connection, user_id, scope["path"].split("/"), dict(parse_qsl(scope["query_string"].decode())))
        finally:
            self._free.put_nowait(connection)
        body = orjson.dumps({"success": True, "data": data, "message": "操作成功", "timestamp": utc(datetime.now(UTC))})
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def read(connection: Connection, user_id: int, parts: list[str], query: dict[str, str]) -> dict[str, Any]:
    """`parts` are those of the path: "", api, v1, conversations, id, messages."""
    page = int(query.get("page", 1))
    match len(parts):
        case 4:
            return await conversations(connection, user_id, page, int(query.get("size", 20)))
        case 5:
            return await detail(connection, user_id, UUID(parts[4]))
        case _:
            return await history(connection, user_id, UUID(parts[4]), page, int(query.get("size", 50)))


async def detail(connection: Connection, user_id: int, conversation: UUID) -> dict[str, Any]:
    row = await found(connection, user_id, conversation)
    messages = await (await connection.execute(MESSAGES, [row[0], 1000, 0])).fetchall()
    return {**shown(row), "system_message": row[8], "messages": [message(one) for one in reversed(messages)]}


async def history(connection: Connection, user_id: int, conversation: UUID, page: int, size: int) -> dict[str, Any]:
    row = await found(connection, user_id, conversation)
    messages = await (await connection.execute(MESSAGES, [row[0], size, (page - 1) * size])).fetchall()
    total = await counted(connection, MESSAGES_IN_ALL, row[0])
    return {"messages": [message(one) for one in messages], "pagination": pagination(page, size, total)}


async def conversations(connection: Connection, user_id: int, page: int, size: int) -> dict[str, Any]:
    rows = await (await connection.execute(CONVERSATIONS, [user_id, size, (page - 1) * size])).fetchall()
    total = await counted(connection, CONVERSATIONS_IN_ALL, user_id)
    items = [{**shown(row), "last_message": last_message(row)} for row in rows]
    return {"conversations": items, "pagination": pagination(page, size, total)}


async def found(connection: Connection, user_id: int, conversation: UUID) -> TupleRow:
    row = await (await connection.execute(CONVERSATION, [conversation, user_id])).fetchone()
    assert row is not None
    return row


async def counted(connection: Connection, sql: str, number: int) -> int:
    row = await (await connection.execute(sql, [number])).fetchone()
    assert row is not None
    return int(row[0])


def shown(row: TupleRow) -> dict[str, Any]:
    return {
        "id": str(row[1]),
        "title": row[2],
        "model": row[3],
        "message_count": row[4],
        "is_archived": row[5],
        "created_at": utc(row[6]),
        "updated_at": utc(row[7]),
    }


def last_message(row: TupleRow) -> dict[str, Any] | None:
    content, role, created_at = row[8:11]
    if role is not None and not content and row[12] is not None and row[14] is None:
        content, role, created_at = row[11:14]
    return {"content": content, "role": role, "created_at": utc(created_at)} if role else None


def message(row: TupleRow) -> dict[str, Any]:
    return {
        "id": str(row[0]),
        "role": row[1],
        "content": row[2] or row[8] or "",
        "tokens_used": row[3],
        "created_at": utc(row[4]),
        "status": row[5],
        "model": row[6] or None,
        "turn_id": str(row[7]) if row[7] else None,
        "edited_at": utc(row[9]) if row[9] else None,
    }


def pagination(page: int, size: int, total: int) -> dict[str, int]:
    return {"page": page, "size": size, "total": total, "pages": -(-total // size)}


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fd", type=int, required=True, help="an open listening socket")
    parser.add_argument("--connections", type=int, default=4, help="to PostgreSQL")
    options = parser.parse_args()
    config = Config(
        Bare(options.connections),
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=65,
        backlog=2048,
    )
    Server(config).run(sockets=[socket.socket(fileno=options.fd)])


if __name__ == "__main__":
    main()
