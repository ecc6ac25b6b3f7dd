"""What is to be known before a turn is decided: the conversation, what was said in it, who could answer. Blocking code.

All of it is sent to the database at once, and waited for where it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import orjson
from django.utils.translation import gettext as _

from accounts.principal import Principal
from chatplatform.core.errors import InvalidInput
from chatplatform.core.pipeline import Answer, ask
from chatplatform.core.prepared import Int8
from conversations.context import History
from conversations.errors import ConversationNotFound, MessageNotFound
from conversations.models import Message
from conversations.preferences import Preferences, read_preferences
from conversations.turns.request import MessageView, TurnRequest
from conversations.turns.store import LEASE_RAN_OUT
from providers.registry import Look
from quotas import ledger


@dataclass(frozen=True, slots=True)
class Room:
    """A conversation. In a turn's opening it is locked to everybody else."""

    id: int
    title: str
    model: str
    system_message: str
    leaf_id: int | None
    provider_id: int | None
    agent_id: int | None
    topic_id: int | None
    preferences: Preferences
    document_ids: tuple[int, ...]
    """Of what is attached."""
    agent_topic_ids: tuple[int, ...]
    """That its agent, or the one asked for, answers from."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be answered."""

    text: str
    after: int | None
    """The row of the message that it follows."""
    stored: tuple[int, MessageView] | None = None
    """Its row and itself, where it was asked before."""


_ROOM = """
SELECT id, title, model, system_message, leaf_id, provider_id, agent_id, topic_id, settings::text,
    ARRAY(SELECT document_id FROM conversations_conversationdocument WHERE conversation_id = room.id ORDER BY id),
    ARRAY(
        SELECT topic_id FROM retrieval_agenttopic
        WHERE agent_id = COALESCE((SELECT id FROM providers_agent WHERE uuid = %(agent)s::uuid), room.agent_id) ORDER BY topic_id
    )
FROM conversations_conversation room
WHERE uuid = %(conversation)s AND user_id = %(user)s AND deleted_at IS NULL
"""
_LOCK = f"{_ROOM} FOR NO KEY UPDATE"
_OF_ROOM = "conversation_id = (SELECT id FROM conversations_conversation WHERE uuid = %(conversation)s AND user_id = %(user)s)"
_RUNNING = f"SELECT uuid, {LEASE_RAN_OUT} FROM conversations_turn WHERE {_OF_ROOM} AND state = 'running'"  # noqa: S608
_SAME_KEY = f"SELECT id FROM conversations_turn WHERE {_OF_ROOM} AND client_key = %(key)s AND NOT client_key = ''"  # noqa: S608
_ASKED_BEFORE = f"""
SELECT answer.role, question.deleted_at, question.parent_id, question.id,
    question.uuid, question.role, question.content, question.tokens_used, question.created_at, question.status, question.model,
    NULL, question.edited_at
FROM conversations_message answer LEFT JOIN conversations_message question ON question.id = answer.parent_id
WHERE answer.uuid = %(answer)s AND answer.deleted_at IS NULL AND answer.{_OF_ROOM}
"""  # noqa: S608


class Looked:
    """What a turn, or a look at what a turn would send, is decided by."""

    def __init__(self, principal: Principal, request: TurnRequest, *, room: str = _ROOM) -> None:
        self.where = {"conversation": request.conversation_id, "user": Int8(principal.user_id)}
        self._room = ask(room, self.where | {"agent": request.agent_id})
        self.providers = Look()
        self.history = History(user_id=principal.user_id, conversation_id=request.conversation_id)

    def room(self) -> Room:
        """Raises ConversationNotFound."""
        row = self._room.row()
        if row is None:
            raise ConversationNotFound()
        *fields, settings, documents, topics = row
        return Room(*(*fields, read_preferences(orjson.loads(settings)), tuple(documents), tuple(topics)))


class LookedToOpen(Looked):
    """The conversation is locked first, so the statements after it see what the holder of the lock before us did; the person's
    counters last, since they are locked to all of her sends."""

    def __init__(self, principal: Principal, request: TurnRequest) -> None:
        super().__init__(principal, request, room=_LOCK)
        self.running = ask(_RUNNING, self.where)
        if request.client_key:
            self.same_key = ask(_SAME_KEY, self.where | {"key": request.client_key})
        self._request = request
        if request.regenerates is not None:
            self._asked_before = ask(_ASKED_BEFORE, self.where | {"answer": request.regenerates})
        self.allowance = ledger.Allowance(user_id=principal.user_id, tier=principal.tier)

    def question(self, room: Room) -> Question:
        """Raises MessageNotFound, and InvalidInput when nothing was asked before what is to be answered again."""
        if self._request.regenerates is None:
            return Question(self._request.content, room.leaf_id)
        return _asked_before(self._asked_before)


def _asked_before(answer: Answer) -> Question:
    row = answer.row()
    if row is None:
        raise MessageNotFound()
    role, deleted_at, after, question_row, *fields = row
    question = MessageView(*fields)
    if (role, question.role) != (Message.Role.ASSISTANT, Message.Role.USER) or deleted_at is not None:
        raise InvalidInput(field="message_id", issue=_("Only an answer to a question that is still there can be given anew."))
    return Question(question.content, after, (question_row, question))
