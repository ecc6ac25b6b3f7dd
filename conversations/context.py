"""The branch of a conversation: what a model is shown of it, and where it ends."""

from __future__ import annotations

from collections.abc import Iterator

from chatplatform.core.prepared import Int8, prepared_cursor
from providers.base import PromptMessage

# From the leaf upward: the newest first, and no further than could ever fit (a message is at least eight tokens or so).
_BRANCH = """
WITH RECURSIVE branch(id, parent_id, role, content, status, depth) AS (
    SELECT id, parent_id, role, content, status, 1 FROM conversations_message WHERE id = %(leaf)s
    UNION ALL
    SELECT m.id, m.parent_id, m.role, m.content, m.status, branch.depth + 1
      FROM conversations_message m JOIN branch ON m.id = branch.parent_id
     WHERE branch.depth < %(depth)s
)
SELECT role, content FROM branch WHERE content <> '' AND status <> 'streaming' ORDER BY depth
"""


def read_history(*, leaf_id: int | None, context_window: int) -> Iterator[PromptMessage]:
    """What was said before, newest first; answers that failed without a word are left out."""
    if leaf_id is None:
        return
    with prepared_cursor() as cursor:
        cursor.execute(_BRANCH, {"leaf": Int8(leaf_id), "depth": Int8(min(1000, max(8, context_window // 8)))})
        rows = cursor.fetchall()
    for role, content in rows:
        yield PromptMessage(role, content)


_LIVING = """
WITH RECURSIVE branch(id, parent_id, deleted_at) AS (
    SELECT id, parent_id, deleted_at FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT m.id, m.parent_id, m.deleted_at
      FROM conversations_message m JOIN branch ON m.id = branch.parent_id
     WHERE branch.deleted_at IS NOT NULL
)
SELECT id FROM branch WHERE deleted_at IS NULL
"""


def living_end(*, leaf_id: int | None) -> int | None:
    """The leaf itself, or what stands next above it and was not deleted."""
    with prepared_cursor() as cursor:
        cursor.execute(_LIVING, [leaf_id])
        row = cursor.fetchone()
    return row[0] if row else None
