"""The sessions of the contract's clients: looked at, and cleared."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.coze import responses, schemas
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.openapi.describing import described
from conversations.client_sessions import clear_session, read_session_info


class SessionInfoViewSet(ContractViewSet):
    tag = "Sessions"

    @described("get_session", "A session", data=schemas.Session)
    def info(self, request: Request, session_id: str) -> HttpResponse:
        found = read_session_info(principal=self.person, name=session_id.strip())
        return self.answer(responses.session(found, self.person.username))


class SessionClearViewSet(ContractViewSet):
    tag = "Sessions"

    @described("clear_session", "End a session's conversation", data=schemas.Cleared)
    def clear(self, request: Request, session_id: str) -> HttpResponse:
        """The next message begins another conversation. An account's own stays in its list; a guest's is deleted, since nobody
        would find it again."""
        name = session_id.strip()
        at = clear_session(principal=self.person, name=name, origin=self.incoming.origin, delete=self.person.is_guest)
        return self.answer(responses.cleared(name, at, _("The session was cleared.")))
