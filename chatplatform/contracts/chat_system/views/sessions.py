"""Sessions: conversations with a model, a topic to answer from, and settings of their own."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.chat_system import filters, requests, responses, schemas
from chatplatform.contracts.chat_system.contract import SESSION_RATE
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.incoming import count_request
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.ids import parse_prefixed
from conversations import services, sessions
from conversations.attachments import attached_documents
from conversations.errors import ConversationNotFound
from providers.errors import ProviderSwitchedOff, UnknownModel
from retrieval.errors import DocumentNotFound, TopicNotFound


def session_uuid(text: str) -> UUID:
    found = parse_prefixed("sess", text)
    if found is None:
        raise ConversationNotFound
    return found


class SessionViewSet(ContractViewSet):
    tag = "Sessions"

    @described(
        "list_sessions",
        "List sessions",
        data=schemas.Sessions,
        parameters=(*filters.paging(filters.SESSIONS_A_PAGE), *filters.SESSION_PARAMETERS),
    )
    def list(self, _request: object) -> HttpResponse:
        """Those with the newest activity first."""
        wanted = self.parse_query(filters.SessionFilter)
        page = sessions.list_sessions(
            principal=self.person,
            page=self.page(filters.SESSIONS_A_PAGE),
            topic_id=wanted["topic_id"] or None,
            status=wanted["status"] or None,
            search=wanted["search"],
        )
        return self.answer(responses.paged("sessions", page, responses.session_item), _("Your sessions."))

    @described(
        "create_session",
        "Begin a session",
        request=requests.NewSession,
        data=schemas.Session,
        status=201,
        errors=(TopicNotFound, DocumentNotFound, UnknownModel, ProviderSwitchedOff),
    )
    def create(self, request: Request) -> HttpResponse:
        asked = self.parse(requests.NewSession)
        # Few are allowed in an hour, so a request that could not be read is not one of them.
        count_request(self.contract, SESSION_RATE, self.person, self.incoming.origin)
        config = dict(asked["model_config"] or {})
        made = services.create_conversation(
            principal=self.person,
            contract=self.contract.name,
            title=asked["title"] or "",
            description=asked["description"] or "",
            topic_id=asked["topic_id"],
            document_ids=asked["document_ids"] or (),
            model=config.pop("model", None),
            settings={**config, **(asked["context_settings"] or {})},
        )
        return self._shown(made.uuid, _("The session was created."), status=201)

    @described("get_session", "A session", data=schemas.Session)
    def retrieve(self, _request: object, session_id: str) -> HttpResponse:
        return self._shown(session_uuid(session_id), _("The session."))

    @described(
        "update_session",
        "Change a session",
        request=requests.SessionChange,
        data=schemas.Session,
        errors=(TopicNotFound, DocumentNotFound, UnknownModel, ProviderSwitchedOff),
    )
    def update(self, request: Request, session_id: str) -> HttpResponse:
        """What is not sent stays as it is, in the nested settings too."""
        changes = self.parse(requests.SessionChange)
        config = changes.pop("model_config", {})
        status = changes.pop("status", None)
        services.update_conversation(
            principal=self.person,
            conversation_id=session_uuid(session_id),
            is_archived=None if status is None else status == "archived",
            model=config.pop("model", None),
            settings={**config, **changes.pop("context_settings", {})},
            **changes,
        )
        return self._shown(session_uuid(session_id), _("The session was updated."))

    @described("delete_session", "Delete a session and its messages")
    def destroy(self, request: Request, session_id: str) -> HttpResponse:
        """At once and for good. An answer that is being written is stopped."""
        services.delete_conversation(principal=self.person, conversation_id=session_uuid(session_id), origin=self.incoming.origin)
        return self.answer(None, _("The session was deleted."))

    def _shown(self, uuid: UUID, message: str, status: int = 200) -> HttpResponse:
        found = sessions.read_session(principal=self.person, conversation_id=uuid)
        attached = attached_documents(conversation_number=found.number)
        return self.answer(responses.session(found, attached), message, status)
