"""The passages that answers were given to read: stored with the opening of a turn, read ever after, document or no document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import orjson

from accounts.principal import Principal
from chatplatform.core.pipeline import ask
from chatplatform.core.prepared import Int8, fetch_all
from conversations.citations import positions_cited
from conversations.errors import MessageNotFound
from conversations.models import Message, Reference
from conversations.turns.events import ReferenceView


@dataclass(frozen=True, slots=True)
class ReferenceRecord:
    """A reference as its reader sees it now."""

    number: int
    """Its row."""
    message_id: UUID
    """The answer's."""
    kind: str
    """`Reference.Kind`; `context` until the answer has ended."""
    is_deleted: bool
    """The document is gone; what was quoted stays."""
    reference: ReferenceView


# A document that is being deleted at this moment is waited for, so that no reference points to nothing.
_STORE = """
INSERT INTO conversations_reference (
    uuid, message_id, position, document_id, document_uuid, document_version, chunk_uuid, title, author, file_type, page, start,
    "end", excerpt, kind, score
)
SELECT news.id, answer.id, news.position, document.id, news.document_id, news.document_version, news.chunk_id, news.title,
    news.author, news.file_type, news.page, news.start, news."end", news.excerpt, 'context', news.score
FROM jsonb_to_recordset(%(references)s::jsonb) AS news(
    id uuid, position smallint, document_id uuid, document_version int, chunk_id uuid, title text, author text, file_type text,
    page int, start int, "end" int, excerpt text, score float8
)
JOIN conversations_message answer ON answer.uuid = %(answer)s
LEFT JOIN (
    SELECT id, uuid FROM retrieval_document WHERE uuid = ANY (%(documents)s::uuid[]) ORDER BY id FOR KEY SHARE
) document ON document.uuid = news.document_id
"""


def store_references(*, answer_id: UUID, references: Sequence[ReferenceView]) -> None:
    """In the transaction that stores the answer's placeholder. Nothing is waited for in a pipeline."""
    if references:
        rows = orjson.dumps([asdict(reference) for reference in references]).decode()
        documents = sorted({reference.document_id for reference in references})
        ask(_STORE, {"references": rows, "answer": answer_id, "documents": documents})


# In the order of ReferenceView's fields.
_VIEW = """
reference.uuid, reference.position, reference.document_uuid, reference.document_version, reference.chunk_uuid, reference.title,
reference.author, reference.file_type, reference.page, reference.start, reference."end", reference.excerpt, reference.score
"""
_OF_ANSWER = f"SELECT {_VIEW} FROM conversations_reference reference WHERE message_id = %(answer)s ORDER BY position"  # noqa: S608


def references_of(*, answer_id: int) -> tuple[ReferenceView, ...]:
    """By the answer's row, in the order of their markers."""
    return tuple(ReferenceView(*row) for row in fetch_all(_OF_ANSWER, {"answer": Int8(answer_id)}))


# One row where there is no reference; none where there is no message.
_LIST = f"""
SELECT reference.id, message.uuid, reference.kind, reference.document_id IS NULL, {_VIEW}
FROM conversations_message message
JOIN conversations_conversation conversation ON conversation.id = message.conversation_id
LEFT JOIN conversations_reference reference ON reference.message_id = message.id
WHERE message.uuid = %(message)s AND message.deleted_at IS NULL
    AND conversation.user_id = %(user)s AND conversation.deleted_at IS NULL
ORDER BY reference.position
"""  # noqa: S608


def list_references(*, principal: Principal, message_id: UUID) -> list[ReferenceRecord]:
    """In the order of their markers; none for a question, and for an answer that read nothing. Raises MessageNotFound."""
    rows = fetch_all(_LIST, {"message": message_id, "user": Int8(principal.user_id)})
    if not rows:
        raise MessageNotFound()
    return [ReferenceRecord(*(*row[:4], ReferenceView(*row[4:]))) for row in rows if row[0] is not None]


def judge_references(*, message: Message) -> None:
    """Says anew which of them the answer uses, once its text is another."""
    references = Reference.objects.filter(message=message).order_by("position")
    used = positions_cited(message.content, list(references.values_list("excerpt", flat=True)))
    references.update(kind=Reference.Kind.CONTEXT)
    references.filter(position__in=used).update(kind=Reference.Kind.DIRECT)
