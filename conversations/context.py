"""The branch of a conversation: what a model is shown of it, and where it ends."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from chatplatform.core.pipeline import ask
from chatplatform.core.prepared import Int8, prepared_cursor
from providers.base import PromptMessage

# Both columns in the order, and a range where an equality is meant: then no plan but the index on exactly these two is any good,
# also one that was made while the table was empty.
_PAGE = """
SELECT id, parent_id, role, content, status FROM conversations_message
WHERE (conversation_id, id) <= ({conversation}, %(newest)s) AND conversation_id >= {conversation}
ORDER BY conversation_id DESC, id DESC LIMIT %(size)s
"""
_FIRST_PAGE = _PAGE.format(
    conversation="(SELECT id FROM conversations_conversation WHERE uuid = %(conversation)s AND user_id = %(user)s)"
)
_NEXT_PAGE = _PAGE.format(conversation="%(conversation)s")
_FIRST_SIZE, _NEXT_SIZE = 24, 200
_NEWEST = 2**63 - 1


class History:
    """What was said before in a conversation of hers.

    A branch goes from younger messages to older ones, so a walk over the conversation from its newest message meets all of it in
    order; what belongs to other branches is passed over. No page is read that nobody wants. In a pipeline the first one is asked
    for when this is made.
    """

    def __init__(self, *, user_id: int, conversation_id: UUID) -> None:
        asked = {"conversation": conversation_id, "user": Int8(user_id), "newest": Int8(_NEWEST), "size": Int8(_FIRST_SIZE)}
        self._first_page = ask(_FIRST_PAGE, asked)

    def newest_first(
        self, *, conversation_id: int, leaf_id: int | None, context_window: int, whole: bool = False
    ) -> Iterator[PromptMessage]:
        """The branch from its leaf upward, without answers that failed without a word; no further than could ever fit a model
        with so many tokens (a message is at least eight of them or so). `whole`: so far that it surely fits no more."""
        wanted, page = leaf_id, self._first_page
        left = context_window if whole else min(1000, max(8, context_window // 8))
        while wanted is not None and left > 0:
            looked_for = wanted
            for row_id, parent_id, role, content, status in page.rows():
                if row_id == wanted and left > 0:
                    wanted, left = parent_id, left - 1
                    if content and status != "streaming":
                        yield PromptMessage(role, content)
            if wanted == looked_for and page is not self._first_page:
                return  # it is gone
            if wanted is not None and left > 0:
                where = {"conversation": Int8(conversation_id), "newest": Int8(wanted)}
                page = ask(_NEXT_PAGE, where | {"size": Int8(min(left, _NEXT_SIZE))})


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
