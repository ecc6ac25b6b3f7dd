"""A message is accepted: the one transaction that a turn begins with. Blocking code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID, uuid4

from django.conf import settings
from django.utils import timezone

from accounts.principal import Principal
from chatplatform.core.errors import KeyReused
from chatplatform.core.pipeline import ask, pipelined
from chatplatform.core.prepared import Int8
from conversations import search
from conversations.context import History
from conversations.errors import ConversationBusy, ConversationNotFound, MessageNotFound
from conversations.models import Message, Turn
from conversations.titles import title_from
from conversations.turns.healing import heal
from conversations.turns.prompt import Prompt, build_prompt
from conversations.turns.reading import message_view
from conversations.turns.request import Assignment, MessageView, OpenedTurn, TurnRequest
from conversations.turns.store import LEASE_RAN_OUT, price_as_json
from providers import tokens
from providers.base import PromptMessage, ProviderRequest
from providers.errors import AgentNotFound, ProviderNotAccessible, ProviderSwitchedOff, UnknownModel
from providers.models import Agent, Kind
from providers.registry import Directory, Look, Route, find_routes
from quotas import ledger

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Room:
    """A conversation that is locked to everybody else."""

    id: int
    title: str
    model: str
    system_message: str
    leaf_id: int | None
    provider_id: int | None
    agent_id: int | None


def open_turn(*, principal: Principal, request: TurnRequest) -> Assignment | OpenedTurn:
    """Accepts a message: all of it is stored when this returns, or none of it. Two round trips to the database.

    Returns the assignment for whoever is to answer, or the earlier turn with the same client key. Raises ConversationNotFound,
    ConversationBusy, KeyReused, AgentNotFound, UnknownModel, ProviderNotAccessible, ProviderSwitchedOff, ContextTooLong,
    QuotaExceeded.
    """
    with pipelined():
        asked = _Asked(principal, request)
        room = asked.room()
        if request.client_key and (earlier := asked.same_key.rows()):
            return _attach(earlier[0][0], request)
        _make_sure_it_is_free(asked.running.row())

        terms = _terms(principal, request, room, asked.providers.directory())
        route = terms.routes[0]
        history = asked.history.newest_first(conversation_id=room.id, leaf_id=room.leaf_id, context_window=route.context_window)
        prompt = _prompt(request, terms, history)
        turn_id = uuid4()
        reservation = asked.allowance.reserve(
            turn_id=turn_id,
            prompt_tokens=prompt.tokens,
            asked_output=terms.max_tokens,
            room=min(prompt.room, route.max_output),
        )
        return _insert(principal, request, room, terms, prompt, turn_id, reservation.output_tokens)


_LOCK = """
SELECT id, title, model, system_message, leaf_id, provider_id, agent_id FROM conversations_conversation
WHERE uuid = %(conversation)s AND user_id = %(user)s AND deleted_at IS NULL FOR NO KEY UPDATE
"""
_ROOM = "conversation_id = (SELECT id FROM conversations_conversation WHERE uuid = %(conversation)s AND user_id = %(user)s)"
_RUNNING = f"SELECT uuid, {LEASE_RAN_OUT} FROM conversations_turn WHERE {_ROOM} AND state = 'running'"  # noqa: S608
_SAME_KEY = f"SELECT id FROM conversations_turn WHERE {_ROOM} AND client_key = %(key)s AND NOT client_key = ''"  # noqa: S608


class _Asked:
    """All that is to be known before anything is decided, sent to the database at once.

    The conversation is locked first, so the statements after it see what the holder of the lock before us did; the person's
    counters last, since they are locked to all of her sends.
    """

    def __init__(self, principal: Principal, request: TurnRequest) -> None:
        where = {"conversation": request.conversation_id, "user": Int8(principal.user_id)}
        self._room = ask(_LOCK, where)
        self.running = ask(_RUNNING, where)
        if request.client_key:
            self.same_key = ask(_SAME_KEY, where | {"key": request.client_key})
        self.providers = Look()
        self.history = History(user_id=principal.user_id, conversation_id=request.conversation_id)
        self.allowance = ledger.Allowance(user_id=principal.user_id, tier=principal.tier)

    def room(self) -> _Room:
        row = self._room.row()
        if row is None:
            raise ConversationNotFound()
        return _Room(*row)


def _attach(turn_row_id: int, request: TurnRequest) -> OpenedTurn:
    turn = Turn.objects.select_related("user_message", "answer").get(pk=turn_row_id)
    if bytes(turn.body_hash) != request.fingerprint():
        raise KeyReused()
    if turn.user_message is None:
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


@dataclass(frozen=True, slots=True)
class _Terms:
    """Who answers, and how: as the message says, else its agent, else the provider's own settings."""

    routes: tuple[Route, ...]
    threads: Mapping[int, str]
    system: str
    temperature: float | None
    max_tokens: int | None


def _terms(principal: Principal, request: TurnRequest, room: _Room, directory: Directory) -> _Terms:
    agent = _agent(principal, request, room, directory)
    routes = _routes(principal, request, room, agent, directory)
    settings_of_agent = agent.config if agent else {}
    return _Terms(
        routes=routes,
        threads=_threads(room, routes),
        system="\n\n".join(text for text in (agent.system_prompt if agent else "", room.system_message) if text),
        temperature=_first_given(request.temperature, settings_of_agent.get("temperature"), routes[0].temperature),
        max_tokens=_first_given(request.max_tokens, settings_of_agent.get("max_tokens"), routes[0].max_tokens),
    )


def _first_given(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def _agent(principal: Principal, request: TurnRequest, room: _Room, directory: Directory) -> Agent | None:
    """The one asked for, or the conversation's for as long as it is there for this person."""
    if request.agent_id is None and room.agent_id is None:
        return None
    agents = [agent for agent in directory.agents_of(principal) if agent.status == Agent.Status.ACTIVE]
    if request.agent_id is None:
        return next((agent for agent in agents if agent.pk == room.agent_id), None)
    for agent in agents:
        if agent.uuid == request.agent_id:
            return agent
    raise AgentNotFound


def _routes(
    principal: Principal, request: TurnRequest, room: _Room, agent: Agent | None, directory: Directory
) -> tuple[Route, ...]:
    """With the model asked for now, the agent's, or the conversation's; one of the latter two that an operator has taken away
    since, or that whoever was asked for does not have, is followed by the default. An agent with a provider but no model speaks
    with that provider's default: the conversation's model is somebody else's."""
    find = partial(
        find_routes,
        principal=principal,
        provider_id=request.provider_id,
        conversation_provider_id=room.provider_id,
        agent_provider_id=agent.provider_id if agent else None,
        directory=directory,
    )
    if request.model:
        return _fit_for(agent, find(model=request.model), asked_for=request.provider_id is not None)
    own = agent is not None and ("model" in agent.config or agent.provider_id is not None)
    model = agent.config.get("model") if agent is not None and own else room.model
    try:
        found = find(model=model or None)
    except UnknownModel:
        found = find(model=None)
    return _fit_for(agent, found, asked_for=request.provider_id is not None)


def _fit_for(agent: Agent | None, routes: tuple[Route, ...], *, asked_for: bool) -> tuple[Route, ...]:
    """An agent that speaks through the organization's provider has a prompt that nobody's own server is told."""
    if agent is None or agent.provider_id is None:
        return routes
    if routes[0].is_personal:
        raise ProviderNotAccessible if asked_for else ProviderSwitchedOff
    return tuple(route for route in routes if not route.is_personal)


_THREADS = "SELECT provider_id, thread FROM conversations_vendorthread WHERE conversation_id = %(room)s AND after_id = %(leaf)s"


def _threads(room: _Room, routes: tuple[Route, ...]) -> dict[int, str]:
    """Only of those whose newest answer is this branch's: see `VendorThread`."""
    if room.leaf_id is None or not any(route.kind in _KEEPING_THREADS for route in routes):
        return {}
    return dict(ask(_THREADS, {"room": Int8(room.id), "leaf": Int8(room.leaf_id)}).rows())


_KEEPING_THREADS = {Kind.DIFY, Kind.FASTGPT, Kind.COZE}


def _prompt(request: TurnRequest, terms: _Terms, history: Iterator[PromptMessage]) -> Prompt:
    route = terms.routes[0]
    return build_prompt(
        system=terms.system,
        history_newest_first=history,
        question=request.content,
        context_window=route.context_window,
        answer_tokens=terms.max_tokens,
        count=partial(tokens.count_prompt, model=route.model),
    )


# The answer is a microsecond younger: what is ordered by time is then also ordered by who spoke first.
_INSERT = """
WITH question AS (
    INSERT INTO conversations_message (uuid, conversation_id, parent_id, role, content, status, tokens_used, model, created_at)
    VALUES (%(question)s, %(room)s, %(leaf)s, 'user', %(content)s, 'complete', %(question_tokens)s, '', %(now)s)
    RETURNING id
), answer AS (
    INSERT INTO conversations_message (uuid, conversation_id, parent_id, role, content, status, tokens_used, model, created_at)
    SELECT %(answer)s, %(room)s, question.id, 'assistant', '', 'streaming', 0, %(model)s, %(now)s + interval '1 microsecond'
    FROM question
    RETURNING id
), grown AS (
    UPDATE conversations_conversation
    SET leaf_id = answer.id, message_count = message_count + 2, updated_at = %(now)s, title = %(title)s
    FROM answer WHERE conversations_conversation.id = %(room)s
), found_by AS (
    INSERT INTO conversations_searchentry (conversation_id, message_id, words)
    SELECT %(room)s, question.id, array_to_tsvector(%(words)s::text[]) FROM question WHERE cardinality(%(words)s::text[]) > 0
)
INSERT INTO conversations_turn (
    uuid, user_id, conversation_id, user_message_id, answer_id, contract, client_key, body_hash, state, fence, lease_until,
    stop_requested, text, marks, provider_id, provider_name, model_asked, model, price, prompt_tokens, usage_source,
    finish_reason, error_code, error_detail, created_at
)
SELECT
    %(turn)s, %(user)s, %(room)s, question.id, answer.id, %(contract)s, %(key)s, %(body_hash)s, 'running', %(fence)s,
    now() + make_interval(secs => %(lease)s), false, '', '', %(provider)s, %(provider_name)s, %(asked)s, %(model)s,
    %(price)s::jsonb, %(prompt)s, '', '', '', '', %(now)s
FROM question, answer
"""


def _insert(
    principal: Principal,
    request: TurnRequest,
    room: _Room,
    terms: _Terms,
    prompt: Prompt,
    turn_id: UUID,
    output_tokens: int,
) -> Assignment:
    route = terms.routes[0]
    now, fence, question_id, answer_id = timezone.now(), uuid4(), uuid4(), uuid4()
    title = room.title or title_from(request.content)
    question_tokens = tokens.count_text(request.content)
    ask(
        _INSERT,
        {
            "room": Int8(room.id),
            "leaf": None if room.leaf_id is None else Int8(room.leaf_id),
            "question": question_id,
            "content": request.content,
            "words": search.entry_words(user_id=principal.user_id, text=request.content),
            "question_tokens": Int8(question_tokens),
            "answer": answer_id,
            "title": title,
            "turn": turn_id,
            "user": Int8(principal.user_id),
            "contract": request.contract,
            "key": request.client_key,
            "body_hash": request.fingerprint(),
            "fence": fence,
            "lease": Int8(settings.TURN_LEASE_SECONDS),
            "provider": Int8(route.provider_id),
            "provider_name": route.provider_name,
            "asked": route.asked,
            "model": route.model,
            "price": price_as_json(route.price),
            "prompt": Int8(prompt.tokens),
            "now": now,
        },
    )
    if title != room.title:
        search.index_title(user_id=principal.user_id, conversation_id=room.id, title=title)
    return Assignment(
        fence=fence,
        user_id=principal.user_id,
        opened=OpenedTurn(
            turn_id=turn_id,
            conversation_id=request.conversation_id,
            user_message=MessageView(
                id=question_id,
                role=Message.Role.USER.value,
                content=request.content,
                tokens_used=question_tokens,
                created_at=now,
                status=Message.Status.COMPLETE.value,
                model="",
                turn_id=None,
            ),
            answer_id=answer_id,
            attached=False,
        ),
        started_at=now,
        routes=terms.routes,
        threads=terms.threads,
        request=ProviderRequest(
            model=route.model,
            messages=prompt.messages,
            max_tokens=output_tokens,
            temperature=terms.temperature,
            user=principal.user_uuid.hex,
            conversation=request.conversation_id.hex,
        ),
        prompt_tokens=prompt.tokens,
    )
