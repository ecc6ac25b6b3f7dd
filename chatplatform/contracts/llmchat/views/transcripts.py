"""Sessions that a client kept itself."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.request import Request

from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.llmchat import requests, responses, schemas
from chatplatform.contracts.openapi.describing import described
from conversations.errors import ConversationBusy, ConversationNotFound
from conversations.transcripts import save_transcript
from providers.errors import AgentNotFound


class TranscriptViewSet(ContractViewSet):
    tag = "Chat"

    @described(
        "save_session",
        "Store what a client kept itself",
        request=requests.Transcript,
        data=schemas.SavedSession,
        status=201,
        also=(200,),
        errors=(ConversationNotFound, AgentNotFound, ConversationBusy),
    )
    def create(self, request: Request) -> HttpResponse:
        """All of it or nothing. A session that is there already goes on where this transcript agrees with it: what was added is
        added, what differs becomes a branch of its own, which is shown from now on, and nothing is lost. (Then with status 200.)
        """
        asked = self.parse(requests.Transcript, keys_once=True)
        saved = save_transcript(
            principal=self.person,
            contract=self.contract.name,
            conversation_id=asked["sessionId"],
            title=asked["title"],
            agent_id=asked["agentId"],
            messages=requests.pairs(asked["messages"]),
            origin=self.incoming.origin,
        )
        return self.answer(responses.saved(saved.conversation), _("The session was saved."), status=201 if saved.is_new else 200)
