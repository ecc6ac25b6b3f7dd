"""What the model is given to read."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.chat_system import requests, responses, schemas
from chatplatform.contracts.chat_system.views.sessions import session_uuid
from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.errors import ContextTooLong
from conversations import services, sessions
from conversations.preview import show_context
from providers.errors import ProviderNotAccessible, ProviderSwitchedOff, UnknownModel


class ContextViewSet(ContractViewSet):
    tag = "Context"

    @described(
        "get_context",
        "What the next message would be sent with",
        data=schemas.Context,
        errors=(UnknownModel, ProviderNotAccessible, ProviderSwitchedOff, ContextTooLong),
    )
    def retrieve(self, request: Request, session_id: str) -> HttpResponse:
        """What was said, as far as it fits; the passages are those of the last question. Lengths are in tokens."""
        view = show_context(principal=self.person, conversation_id=session_uuid(session_id))
        return self.answer(responses.context(view), _("The session's context."))

    @described("update_context", "Change how the context is made", request=requests.ContextSettings, data=schemas.ChangedContext)
    def update(self, request: Request, session_id: str) -> HttpResponse:
        """What is not sent stays as it is."""
        uuid = session_uuid(session_id)
        services.update_conversation(principal=self.person, conversation_id=uuid, settings=self.parse(requests.ContextSettings))
        changed = sessions.read_session(principal=self.person, conversation_id=uuid)
        return self.answer(responses.changed_context(changed), _("The context settings were updated."))
