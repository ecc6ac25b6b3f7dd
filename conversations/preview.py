"""What the next turn of a conversation would send: made by the same functions that make it. Blocking code."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from accounts.principal import Principal
from chatplatform.core.pipeline import pipelined
from conversations.references import references_of
from conversations.turns.events import ReferenceView
from conversations.turns.looking import Looked, Question
from conversations.turns.opening import make_prompt
from conversations.turns.request import TurnRequest
from conversations.turns.terms import terms_of
from providers.base import PromptMessage


@dataclass(frozen=True, slots=True)
class ContextView:
    conversation_id: UUID
    messages: tuple[PromptMessage, ...]
    """What is sent before the next question, oldest first: the system's (an agent's is for administrators), and what was said as
    far as it fits."""
    passages: tuple[ReferenceView, ...]
    """Those of the last question, as far as they fit. The next one finds its own."""
    total_tokens: int
    """Of both together, estimated."""
    max_tokens: int
    """That a prompt may have."""


def show_context(*, principal: Principal, conversation_id: UUID) -> ContextView:
    """Raises what a turn's opening would: ConversationNotFound, UnknownModel, ProviderSwitchedOff, ContextTooLong…"""
    request = TurnRequest(conversation_id=conversation_id, content="", contract="")
    with pipelined():
        looked = Looked(principal, request)
        room = looked.room()
        terms = terms_of(principal=principal, request=request, room=room, directory=looked.providers.directory())
        given = references_of(answer_id=room.leaf_id) if room.leaf_id is not None else ()
        question = Question("", room.leaf_id)
        prompt = make_prompt(room=room, terms=terms, question=question, history=looked.history, passages=given)
    said = prompt.messages[:-1]
    if terms.system != room.system_message and not principal.is_admin:  # an agent's prompt is its makers'
        said = (*([PromptMessage("system", room.system_message)] if room.system_message else []), *said[1:])
    return ContextView(
        conversation_id=conversation_id,
        messages=said,
        passages=prompt.quoted,
        total_tokens=prompt.tokens,
        max_tokens=room.preferences.max_context_length or terms.routes[0].context_window,
    )
