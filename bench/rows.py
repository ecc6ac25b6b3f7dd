"""Conversations by the thousand, written with SQL: what was said long ago, in the rows that the platform would have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from psycopg.rows import TupleRow

WORDS = "The harbour was quiet that morning, and the boats lay still beside each other until the wind came up. "
QUESTION, ANSWER = WORDS, WORDS * 3
"""100 and 300 characters."""
PAIRS_AT_ONCE = 50_000
"""A statement."""


@dataclass(frozen=True, slots=True)
class Written:
    conversation: str
    """Its public id."""
    user_id: int
    number: int


def write_conversations(database: psycopg.Connection, *, user_ids: Sequence[int], each: int, messages: int) -> list[Written]:
    """`each` conversations for each person, of `messages` messages each: a question and its answer in turn.

    They are stored as they would have come: a question and its answer of one conversation, then of the next, so that a
    conversation's messages lie apart in the table. Without the search index, which no list or history reads. Statistics are
    gathered and the first vacuum is done.
    """
    with database.transaction(), database.cursor() as cursor:
        # What the rows refer to is right by construction; looking each reference up would be most of the time.
        cursor.execute("SET LOCAL session_replication_role = replica")
        made = _write_conversations(cursor, user_ids, each, messages)
        if messages:
            ids = [row[0] for row in made]
            first = _take_message_ids(cursor, len(ids) * messages)
            for at in range(0, messages, 2):
                for start in range(0, len(ids), PAIRS_AT_ONCE):
                    part = Part(ids[start : start + PAIRS_AT_ONCE], first + at * len(ids) + start * 2, at, messages, 2 * len(ids))
                    _write_pairs(cursor, part)
            _set_leaves(cursor, ids, first, messages)
    for table in ("conversations_conversation", "conversations_message", "conversations_turn"):
        database.execute(f"VACUUM (ANALYZE) {table}")
    return [Written(str(row[1]), row[2], row[0]) for row in made]


def _write_conversations(cursor: psycopg.Cursor, user_ids: Sequence[int], each: int, messages: int) -> list[TupleRow]:
    """One of each person, then the next of each, the oldest first: (id, uuid, user id)."""
    cursor.execute(
        """
        INSERT INTO conversations_conversation
            (uuid, user_id, title, model, system_message, contract, is_archived, message_count, created_at, updated_at)
        SELECT gen_random_uuid(), person, CASE WHEN %(messages)s > 0 THEN 'Conversation ' || n ELSE '' END, '', '',
               'chatgpt_backend', false, %(messages)s, now() - n * interval '1 hour', now() - n * interval '1 hour'
        FROM generate_series(%(each)s, 1, -1) AS n, unnest(%(people)s::bigint[]) AS person
        RETURNING id, uuid, user_id
        """,
        {"messages": messages, "each": each, "people": list(user_ids)},
    )
    return cursor.fetchall()


def _set_leaves(cursor: psycopg.Cursor, ids: list[int], first: int, messages: int) -> None:
    cursor.execute(
        """
        UPDATE conversations_conversation c SET leaf_id = %(last)s + (n - 1) * 2 + %(side)s
        FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS one(id, n) WHERE c.id = one.id
        """,
        {"last": first + (messages - 1) // 2 * 2 * len(ids), "side": (messages - 1) % 2, "ids": ids},
    )


def _take_message_ids(cursor: psycopg.Cursor, count: int) -> int:
    """The first of `count` ids that are ours now."""
    row = cursor.execute("SELECT nextval(pg_get_serial_sequence('conversations_message', 'id'))").fetchone()
    assert row is not None
    first = int(row[0])
    cursor.execute("SELECT setval(pg_get_serial_sequence('conversations_message', 'id'), %s)", [first + count])
    return first


@dataclass(frozen=True, slots=True)
class Part:
    """Pairs that one statement writes: the question at place `at` of each conversation, and its answer."""

    ids: list[int]
    """Of the conversations."""
    first: int
    """The id of the first message; the others follow."""
    at: int
    messages: int
    """Of a whole conversation: an odd number ends with a question."""
    stride: int
    """From a conversation's pair to its next one, in ids."""


def _write_pairs(cursor: psycopg.Cursor, part: Part) -> None:
    sides = [0, 1][: part.messages - part.at]
    facts = {
        "ids": part.ids,
        "first": part.first,
        "stride": part.stride,
        "at": part.at,
        "sides": sides,
        "question": QUESTION,
        "answer": ANSWER,
    }
    cursor.execute(
        """
        INSERT INTO conversations_message
            (id, uuid, conversation_id, parent_id, role, content, status, tokens_used, model, created_at)
        SELECT %(first)s + (n - 1) * 2 + side, gen_random_uuid(), c.id,
               CASE WHEN side = 1 THEN %(first)s + (n - 1) * 2
                    WHEN %(at)s > 0 THEN %(first)s + (n - 1) * 2 + 1 - %(stride)s END,
               CASE side WHEN 0 THEN 'user' ELSE 'assistant' END,
               CASE side WHEN 0 THEN %(question)s ELSE %(answer)s END,
               'complete', CASE side WHEN 0 THEN 20 ELSE 60 END, CASE side WHEN 0 THEN '' ELSE 'bench' END,
               c.created_at + (%(at)s + side) * interval '5 seconds'
        FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS one(id, n)
        JOIN conversations_conversation c ON c.id = one.id, unnest(%(sides)s::int[]) AS side
        ORDER BY n, side
        """,
        facts,
    )
    if len(sides) == 2:
        cursor.execute(
            """
            INSERT INTO conversations_turn
                (uuid, user_id, conversation_id, user_message_id, answer_id, contract, client_key, body_hash, state, fence,
                 lease_until, stop_requested, text, marks, provider_name, model_asked, model, prompt_tokens, completion_tokens,
                 usage_source, finish_reason, error_code, error_detail, created_at, ended_at)
            SELECT gen_random_uuid(), c.user_id, c.id, %(first)s + (n - 1) * 2, %(first)s + (n - 1) * 2 + 1,
                   'chatgpt_backend', '', ''::bytea, 'completed', gen_random_uuid(), c.created_at, false, '', ''::bytea, 'bench',
                   '', 'bench', 20, 60, 'provider', 'stop', '', '', c.created_at, c.created_at
            FROM unnest(%(ids)s::bigint[]) WITH ORDINALITY AS one(id, n) JOIN conversations_conversation c ON c.id = one.id
            ORDER BY n
            """,
            facts,
        )
