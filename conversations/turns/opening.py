"""A message is accepted: the one transaction that a turn begins with. Blocking code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.conf import settings

from accounts.principal import Principal
from chatplatform.core.errors import KeyReused
from chatplatform.core.masking import mask
from chatplatform.core.pipeline import pipelined
from conversations.context import History
from conversations.errors import ConversationBusy, MessageNotFound
from conversations.models import Turn
from conversations.preferences import FULL
from conversations.turns.events import ReferenceView
from conversations.turns.healing import heal
from conversations.turns.inserting import NewTurn, attach_documents, insert_turn, reference_to
from conversations.turns.looking import LookedToOpen, Question, Room
from conversations.turns.prompt import Prompt, Window, build_prompt
from conversations.turns.reading import message_view
from conversations.turns.request import Assignment, MessageView, OpenedTurn, TurnRequest
from conversations.turns.terms import Terms, terms_of, vendor_threads
from providers import tokens
from providers.base import PromptMessage, ProviderRequest
from retrieval.passages import Passages
from retrieval.selectors import get_document


class NeedsPassages(Exception):
    """There are documents to be read before this is answered: come back with what they say. Nothing was stored."""

    def __init__(self, *, question: str, topic_ids: tuple[int, ...], document_ids: tuple[int, ...], threshold: float) -> None:
        super().__init__()
        self.question = question
        self.topic_ids = topic_ids
        self.document_ids = document_ids
        """Rows, as the topics'."""
        self.threshold = threshold


def open_turn(*, principal: Principal, request: TurnRequest) -> Assignment[OpenedTurn] | OpenedTurn:
    """Accepts a message: all of it is stored when this returns, or none of it. Two round trips to the database.

    Returns the assignment for whoever is to answer, or the earlier turn with the same client key. Raises ConversationNotFound,
    ConversationBusy, KeyReused, MessageNotFound, DocumentNotFound, AgentNotFound, UnknownModel, ProviderNotAccessible,
    ProviderSwitchedOff, ContextTooLong, QuotaExceeded; and NeedsPassages.
    """
    with pipelined():
        looked = LookedToOpen(principal, request)
        room = looked.room()
        if request.client_key and (earlier := looked.same_key.rows()):
            return _attach(earlier[0][0], request)
        _make_sure_it_is_free(looked.running.row())

        question = looked.question(room)
        terms = terms_of(principal=principal, request=request, room=room, directory=looked.providers.directory())
        attached = tuple(get_document(principal=principal, document_id=named).pk for named in request.document_ids)
        _make_sure_documents_were_read(request, room, question, terms, attached)

        passages = _references(request.passages)
        prompt = make_prompt(room=room, terms=terms, question=question, history=looked.history, passages=passages)
        new = NewTurn(principal.user_id, room, request, question, terms, prompt.tokens, prompt.quoted)
        reservation = looked.allowance.reserve(
            turn_id=new.turn_id,
            prompt_tokens=prompt.tokens,
            asked_output=terms.max_tokens,
            room=min(prompt.room, terms.routes[0].max_output),
        )
        stored = insert_turn(new)
        attach_documents(room_id=room.id, document_ids=attached, now=new.now)
        return _assignment(principal, new, stored, prompt, reservation.output_tokens)


def _attach(turn_row_id: int, request: TurnRequest) -> OpenedTurn:
    turn = Turn.objects.select_related("user_message", "answer").get(pk=turn_row_id)
    if bytes(turn.body_hash) != request.fingerprint():
        raise KeyReused()
    if turn.user_message is None or turn.answer is None:
        raise MessageNotFound()  # it was deleted since
    return OpenedTurn(
        turn_id=turn.uuid,
        conversation_id=request.conversation_id,
        user_message=message_view(turn.user_message),
        answer_id=turn.answer.uuid,
        attached=True,
    )


def _make_sure_it_is_free(running: tuple[Any, ...] | None) -> None:
    if running is None:
        return
    turn_id, expired = running
    if not expired or not heal(Turn.objects.get(uuid=turn_id)):
        raise ConversationBusy(turn_id)


def _make_sure_documents_were_read(
    request: TurnRequest, room: Room, question: Question, terms: Terms, attached: tuple[int, ...]
) -> None:
    documents = tuple(dict.fromkeys((*room.document_ids, *attached)))
    if request.passages is None and (terms.topic_ids or documents):
        raise NeedsPassages(
            question=question.text,
            topic_ids=terms.topic_ids,
            document_ids=documents,
            threshold=room.preferences.relevance_threshold,
        )


def _references(passages: Passages | None) -> tuple[ReferenceView, ...]:
    """What becomes of passages when they are shown to a model, best first."""
    items = passages.items if passages is not None else ()
    return tuple(reference_to(passage, position=position) for position, passage in enumerate(items, start=1))


def make_prompt(
    *, room: Room, terms: Terms, question: Question, history: History, passages: Sequence[ReferenceView] = ()
) -> Prompt:
    """What is sent to whoever answers first. Raises ContextTooLong."""
    route, preferences = terms.routes[0], room.preferences
    whole = preferences.context_window_strategy == FULL
    cover: Callable[[str], str] = mask if settings.MASK_FOR_PROVIDERS else str
    said = history.newest_first(conversation_id=room.id, leaf_id=question.after, context_window=route.context_window, whole=whole)
    return build_prompt(
        system=cover(terms.system),
        history_newest_first=(PromptMessage(message.role, cover(message.content)) for message in said),
        question=cover(question.text),
        window=Window(route.context_window, terms.max_tokens, preferences.max_context_length, whole),
        count=partial(tokens.count_prompt, model=route.model),
        passages=passages,
        with_metadata=preferences.include_document_metadata,
        cover=cover,
    )


def _assignment(
    principal: Principal, new: NewTurn, question: MessageView, prompt: Prompt, output_tokens: int
) -> Assignment[OpenedTurn]:
    route = new.terms.routes[0]
    return Assignment(
        fence=new.fence,
        user_id=principal.user_id,
        opened=OpenedTurn(
            turn_id=new.turn_id,
            conversation_id=new.request.conversation_id,
            user_message=question,
            answer_id=new.answer_id,
            attached=False,
        ),
        started_at=new.now,
        routes=new.terms.routes,
        threads=vendor_threads(room=new.room, routes=new.terms.routes, after=new.question.after),
        request=ProviderRequest(
            model=route.model,
            messages=prompt.messages,
            max_tokens=output_tokens,
            temperature=new.terms.temperature,
            top_p=new.terms.top_p,
            stop=new.terms.stop,
            user=principal.user_uuid.hex,
            conversation=new.request.conversation_id.hex,
        ),
        prompt_tokens=prompt.tokens,
        references=new.references,
        retrieval_ms=None if new.request.passages is None else new.request.passages.took_ms,
    )
