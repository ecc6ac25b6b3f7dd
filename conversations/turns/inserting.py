"""What a turn begins with, put into the database: the question, the answer's place, the turn, the references. Nothing is waited
for: all of it goes out with the transaction's end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
from django.conf import settings
from django.utils import timezone

from chatplatform.core.pipeline import ask
from chatplatform.core.prepared import Int8
from conversations import search
from conversations.models import Message
from conversations.references import store_references
from conversations.titles import title_from
from conversations.turns.events import ReferenceView
from conversations.turns.looking import Question, Room
from conversations.turns.request import MessageView, TurnRequest
from conversations.turns.store import price_as_json
from conversations.turns.terms import Terms
from providers import tokens
from retrieval.passages import Passage


@dataclass(frozen=True, slots=True)
class NewTurn:
    """All that is stored of a turn when it begins."""

    user_id: int
    room: Room
    request: TurnRequest
    question: Question
    terms: Terms
    prompt_tokens: int
    references: tuple[ReferenceView, ...]
    turn_id: UUID = field(default_factory=uuid4)
    answer_id: UUID = field(default_factory=uuid4)
    fence: UUID = field(default_factory=uuid4)
    now: datetime = field(default_factory=timezone.now)


_ADD_QUESTION = """
question AS (
    INSERT INTO conversations_message (
        uuid, conversation_id, parent_id, role, content, content_type, metadata, status, tokens_used, model, created_at
    )
    VALUES (
        %(question)s, %(room)s, %(after)s, 'user', %(content)s, %(content_type)s, %(question_metadata)s::jsonb, 'complete',
        %(question_tokens)s, '', %(now)s
    )
    RETURNING id
), found_by AS (
    INSERT INTO conversations_searchentry (conversation_id, message_id, words)
    SELECT %(room)s, question.id, array_to_tsvector(%(words)s::text[]) FROM question WHERE cardinality(%(words)s::text[]) > 0
)"""
_KEEP_QUESTION = "question AS (SELECT %(question_row)s::bigint AS id)"

# The answer is a microsecond younger: what is ordered by time is then also ordered by who spoke first.
_BEGIN = """
WITH {question}, answer AS (
    INSERT INTO conversations_message (
        uuid, conversation_id, parent_id, role, content, content_type, metadata, status, tokens_used, model, created_at
    )
    SELECT %(answer)s, %(room)s, question.id, 'assistant', '', 'markdown', %(answer_metadata)s::jsonb, 'streaming', 0, %(model)s,
        %(now)s + interval '1 microsecond'
    FROM question
    RETURNING id
), grown AS (
    UPDATE conversations_conversation
    SET leaf_id = answer.id, message_count = message_count + {messages}, updated_at = %(now)s, title = %(title)s
    FROM answer WHERE conversations_conversation.id = %(room)s
)
INSERT INTO conversations_turn (
    uuid, user_id, conversation_id, user_message_id, answer_id, contract, client_key, body_hash, state, fence, lease_until,
    stop_requested, text, marks, provider_id, provider_name, model_asked, model, price, prompt_tokens, usage_source, options,
    retrieval_ms, finish_reason, error_code, error_detail, created_at
)
SELECT
    %(turn)s, %(user)s, %(room)s, question.id, answer.id, %(contract)s, %(key)s, %(body_hash)s, 'running', %(fence)s,
    now() + make_interval(secs => %(lease)s), false, '', '', %(provider)s, %(provider_name)s, %(asked)s, %(model)s,
    %(price)s::jsonb, %(prompt)s, '', %(options)s::jsonb, %(retrieval_ms)s, '', '', '', %(now)s
FROM question, answer
"""
_BEGIN_WITH_QUESTION = _BEGIN.format(question=_ADD_QUESTION, messages=2)
_BEGIN_AGAIN = _BEGIN.format(question=_KEEP_QUESTION, messages=1)


def insert_turn(new: NewTurn) -> MessageView:
    """Stores all of it. Returns the question as it is stored."""
    values = _values(new)
    if new.question.stored is not None:
        row, question = new.question.stored
        ask(_BEGIN_AGAIN, values | {"question_row": Int8(row), "title": new.room.title})
    else:
        question = _begin_with_question(new, values)
    store_references(answer_id=new.answer_id, references=new.references)
    return question


def _begin_with_question(new: NewTurn, values: dict[str, Any]) -> MessageView:
    request, room, uuid = new.request, new.room, uuid4()
    title = room.title or title_from(request.content)
    tokens_used = tokens.count_text(request.content)
    ask(
        _BEGIN_WITH_QUESTION,
        values
        | {
            "question": uuid,
            "after": None if room.leaf_id is None else Int8(room.leaf_id),
            "content": request.content,
            "content_type": request.content_type,
            "question_metadata": _json(request.metadata),
            "answer_metadata": "{}",
            "words": search.entry_words(user_id=new.user_id, text=request.content),
            "question_tokens": Int8(tokens_used),
            "title": title,
        },
    )
    if title != room.title:
        search.index_title(user_id=new.user_id, conversation_id=room.id, title=title)
    return MessageView(
        id=uuid,
        role=Message.Role.USER.value,
        content=request.content,
        tokens_used=tokens_used,
        created_at=new.now,
        status=Message.Status.COMPLETE.value,
        model="",
        turn_id=None,
    )


def _values(new: NewTurn) -> dict[str, Any]:
    route, passages = new.terms.routes[0], new.request.passages
    return {
        "room": Int8(new.room.id),
        "answer": new.answer_id,
        "answer_metadata": _json(new.request.metadata),
        "turn": new.turn_id,
        "user": Int8(new.user_id),
        "contract": new.request.contract,
        "key": new.request.client_key,
        "body_hash": new.request.fingerprint(),
        "fence": new.fence,
        "lease": Int8(settings.TURN_LEASE_SECONDS),
        "provider": Int8(route.provider_id),
        "provider_name": route.provider_name,
        "asked": route.asked,
        "model": route.model,
        "price": price_as_json(route.price),
        "prompt": Int8(new.prompt_tokens),
        "options": _json(new.terms.options),
        "retrieval_ms": None if passages is None else Int8(passages.took_ms),
        "now": new.now,
    }


def _json(values: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(values)).decode() if values else "{}"


_ATTACH = """
INSERT INTO conversations_conversationdocument (conversation_id, document_id, created_at)
SELECT %(room)s, document.id, %(now)s
FROM (SELECT id FROM retrieval_document WHERE id = ANY (%(documents)s::bigint[]) ORDER BY id FOR KEY SHARE) document
ON CONFLICT (conversation_id, document_id) DO NOTHING
"""


def attach_documents(*, room_id: int, document_ids: tuple[int, ...], now: datetime) -> None:
    """To a conversation, by their rows. Those that are there already stay."""
    if document_ids:
        ask(_ATTACH, {"room": Int8(room_id), "documents": [Int8(row) for row in document_ids], "now": now})


def reference_to(passage: Passage, *, position: int) -> ReferenceView:
    return ReferenceView(
        id=uuid4(),
        position=position,
        document_id=passage.document_uuid,
        document_version=passage.document_version,
        chunk_id=passage.chunk_uuid,
        title=passage.title,
        author=passage.author,
        file_type=passage.file_type,
        page=passage.page,
        start=passage.start,
        end=passage.end,
        excerpt=passage.text,
        score=passage.score,
    )
