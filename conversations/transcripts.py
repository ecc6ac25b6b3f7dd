"""A conversation that was held elsewhere, saved as a whole. Blocking code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core import audit
from chatplatform.core.origin import Origin
from conversations import search
from conversations.creating import append_messages, find_agent, find_or_create, spoken, system_of
from conversations.errors import ConversationBusy
from conversations.models import Conversation, Message
from conversations.records import lock_conversation
from conversations.turns.healing import running_turn


@dataclass(frozen=True, slots=True)
class SavedTranscript:
    conversation: Conversation
    is_new: bool
    """Whether saving it began the conversation."""


@transaction.atomic
def save_transcript(
    *,
    principal: Principal,
    contract: str,
    messages: Sequence[tuple[str, str]],
    origin: Origin,
    conversation_id: UUID | None = None,
    title: str | None = None,
    agent_id: UUID | None = None,
) -> SavedTranscript:
    """Makes `messages` (role and text, oldest first) what a conversation of hers says: all of them, or nothing changes.

    One that is there keeps what both have in common from the beginning; what is new becomes a branch after that, unless there is
    one that says it, and is shown from now on; nothing that was said before is lost. So a transcript that has grown is appended
    to, and saving the same again changes nothing. What the system says is kept as in `creating.py`; title and agent change when
    they are given.

    Raises ConversationNotFound (the id is somebody else's, or was deleted), ConversationBusy, AgentNotFound; ProviderSwitchedOff
    for a new one when there is nobody who could answer in it.
    """
    conversation, is_new = find_or_create(
        principal=principal,
        contract=contract,
        conversation_id=conversation_id,
        title=title or "",
        agent_id=agent_id,
        earlier=messages,
    )
    if is_new:
        return SavedTranscript(conversation, True)
    conversation = lock_conversation(principal=principal, conversation_id=conversation.uuid)
    if (running := running_turn(conversation=conversation)) is not None:
        raise ConversationBusy(running.uuid)
    changed = _put_facts(principal, conversation, title=title, agent_id=agent_id, system=system_of(messages))
    if _continue(conversation, spoken(messages)):
        changed.append("messages")
        conversation.updated_at = timezone.now()
        conversation.save(update_fields=["updated_at"])
    if changed:
        audit.record(
            action="conversation.saved",
            actor_id=principal.user_id,
            target=f"conversation:{conversation.uuid}",
            origin=origin,
            details={"fields": changed},
        )
    return SavedTranscript(conversation, False)


def _put_facts(
    principal: Principal, conversation: Conversation, *, title: str | None, agent_id: UUID | None, system: str
) -> list[str]:
    """Those that are given and say something new; their names."""
    changed = []
    if title and title.strip() != conversation.title:
        conversation.title = title.strip()
        changed.append("title")
        search.index_title(user_id=principal.user_id, conversation_id=conversation.pk, title=conversation.title)
    if system and system != conversation.system_message:
        conversation.system_message = system
        changed.append("system_message")
    if agent_id is not None and (agent := find_agent(principal=principal, agent_id=agent_id)).pk != conversation.agent_id:
        conversation.agent_id = agent.pk
        changed.append("agent")
    if changed:
        conversation.save(update_fields=changed)
    return changed


def _continue(conversation: Conversation, said: Sequence[tuple[str, str]]) -> bool:
    """Lets the shown branch say this. Whether it did not before."""
    branch = _branch(conversation)
    common = 0
    for (_row, *one), other in zip(branch, said, strict=False):
        if tuple(one) != other:
            break
        common += 1
    if not said or common == len(said) == len(branch):
        return False
    conversation.leaf_id = branch[common - 1][0] if common else None
    while common < len(said) and (said_before := _reply(conversation, *said[common])) is not None:
        conversation.leaf_id, common = said_before, common + 1
    if common < len(said):
        append_messages(conversation=conversation, said=said[common:])
    else:
        conversation.save(update_fields=["leaf"])
    return True


def _reply(conversation: Conversation, role: str, content: str) -> int | None:
    """The row of what was said once before right after the leaf, in these words."""
    replies = Message.objects.filter(
        conversation=conversation, parent_id=conversation.leaf_id, role=role, content=content, deleted_at=None
    )
    return replies.order_by("-id").values_list("id", flat=True).first()


# A child is always younger than what it answers. An answer that failed without a word says nothing.
_BRANCH = """
WITH RECURSIVE branch(id, parent_id, role, content, deleted_at) AS (
    SELECT id, parent_id, role, content, deleted_at FROM conversations_message WHERE id = %s
    UNION ALL
    SELECT above.id, above.parent_id, above.role, above.content, above.deleted_at
    FROM conversations_message above JOIN branch ON above.id = branch.parent_id
)
SELECT id, role, content FROM branch WHERE deleted_at IS NULL AND content <> '' ORDER BY id
"""


def _branch(conversation: Conversation) -> list[tuple[int, str, str]]:
    """The row, role and text of each message that is shown, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(_BRANCH, [conversation.leaf_id])
        return cursor.fetchall()
