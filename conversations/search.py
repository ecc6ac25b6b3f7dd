"""The index that finds conversations by what was said in them: kept in the same transaction as the text, asked per person.

An entry's words carry their owner (`2n:python`, her id to the base 36 before each). So one person's entries are a stretch of
the index of their own, and a search costs what she has, however much the others wrote.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from accounts.principal import Principal
from chatplatform.core.prepared import Int8, prepared_cursor
from conversations.models import Conversation, SearchEntry
from conversations.words import Wanted, wanted_words, words_of

_REPLACE_MESSAGE = """
INSERT INTO conversations_searchentry (conversation_id, message_id, words)
VALUES (%(conversation)s, %(message)s, array_to_tsvector(%(words)s::text[]))
ON CONFLICT (message_id) DO UPDATE SET words = EXCLUDED.words
"""
_REPLACE_TITLE = """
INSERT INTO conversations_searchentry (conversation_id, message_id, words)
VALUES (%(conversation)s, NULL, array_to_tsvector(%(words)s::text[]))
ON CONFLICT (conversation_id) WHERE message_id IS NULL DO UPDATE SET words = EXCLUDED.words
"""
# An array, so that the index is asked once, whatever the planner thinks of how many there are.
_FOUND = """
conversations_conversation.id = ANY(ARRAY(SELECT conversation_id FROM conversations_searchentry WHERE words @@ %s::tsquery))
"""
_FOUND_BY_TITLE = _FOUND.replace("%s::tsquery", "%s::tsquery AND message_id IS NULL")


def entry_words(*, user_id: int, text: str) -> list[str]:
    """What a text of hers is found by, as an entry holds it; for who writes the entry in a statement of his own."""
    owner = _owner(user_id)
    return [f"{owner}:{word}" for word in words_of(text)]


def index_title(*, user_id: int, conversation_id: int, title: str) -> None:
    """Call it in the transaction that stores the title."""
    words = entry_words(user_id=user_id, text=title)
    if not words:
        SearchEntry.objects.filter(conversation_id=conversation_id, message=None).delete()
        return
    with prepared_cursor() as cursor:
        cursor.execute(_REPLACE_TITLE, {"conversation": Int8(conversation_id), "words": words})


def index_message(*, user_id: int, conversation_id: int, message_id: int, text: str) -> None:
    """Call it in the transaction that stores the text, once it is whole: an answer is found when it has ended."""
    words = entry_words(user_id=user_id, text=text)
    if not words:
        forget_message(message_id=message_id)
        return
    with prepared_cursor() as cursor:
        cursor.execute(
            _REPLACE_MESSAGE,
            {"conversation": Int8(conversation_id), "message": Int8(message_id), "words": words},
        )


def forget_message(*, message_id: int) -> None:
    SearchEntry.objects.filter(message_id=message_id).delete()


def matching(
    *, principal: Principal, conversations: QuerySet[Conversation], text: str, in_titles_only: bool = False
) -> QuerySet[Conversation]:
    """Those of `conversations`, all of them hers, whose title has every word of `text`, or one of whose messages has.

    The end of a word may be missing; case, width and the composition of accents do not matter. White space alone asks for
    nothing in particular, and all are found; a text of signs that nothing is found by, such as `%_'"`, finds none.
    """
    query = query_of(user_id=principal.user_id, text=text)
    if not query:
        return conversations if query is not None else conversations.none()
    sql = _FOUND_BY_TITLE if in_titles_only else _FOUND
    found = RawSQL(sql, [query], output_field=models.BooleanField())  # noqa: S611
    return conversations.filter(found, user_id=principal.user_id)


def query_of(*, user_id: int, text: str) -> str | None:
    """What `matching` asks the index for, for who asks in a statement of his own. Empty: for all; None: nothing is found."""
    if not text.strip():
        return ""
    wanted = wanted_words(text)
    return _query(user_id, wanted) if wanted else None


def _query(user_id: int, wanted: Iterable[Wanted]) -> str:
    owner = _owner(user_id)
    return " & ".join(f"{_quoted(f'{owner}:{item.word}')}{':*' if item.beginning else ''}" for item in wanted)


def _quoted(word: str) -> str:
    """As a literal within a tsquery's text."""
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"


def _owner(user_id: int) -> str:
    digits = ""
    rest = user_id
    while True:
        rest, digit = divmod(rest, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
        if not rest:
            return digits
