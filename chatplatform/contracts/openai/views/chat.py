"""Chat completions."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.native import NativeAnswer, NativeCall
from chatplatform.contracts.openai import frames, requests, schemas
from chatplatform.contracts.openai.errors import UnsupportedParameter
from chatplatform.contracts.openai.sends import answer_in_conversation, answer_once
from chatplatform.contracts.openapi.describing import EVENTS, Answer, described
from chatplatform.contracts.openapi.parameters import idempotency_key
from chatplatform.core.errors import ContextTooLong, Draining, KeyReused, VendorFailed
from conversations.errors import ConversationBusy, ConversationNotFound
from providers.errors import ProviderSwitchedOff, UnknownModel
from quotas.errors import AllowanceUsedUp


class CompletionViewSet(ContractViewSet):
    tag = "Chat"

    @described(
        "create_completion",
        "An answer to messages, in one body or as chunks",
        request=requests.Completion,
        data=schemas.Completion,
        answers=(Answer(frames.STREAM, media_type=EVENTS, description="With `stream`: chunks, then `[DONE]`."),),
        parameters=(
            OpenApiParameter(
                requests.CONVERSATION_HEADER,
                {"type": "string", "format": "uuid"},
                OpenApiParameter.HEADER,
                description="The conversation that the message is for, as `metadata.conversation_id`.",
            ),
            idempotency_key("In a conversation the same key attaches to the same turn."),
        ),
        errors=(
            UnsupportedParameter,
            UnknownModel,
            ConversationNotFound,
            ConversationBusy,
            KeyReused,
            ProviderSwitchedOff,
            ContextTooLong,
            AllowanceUsedUp,
            VendorFailed,
            Draining,
        ),
    )
    @native
    async def create(self, call: NativeCall) -> NativeAnswer:
        """Without a conversation nothing of it is kept, and a client that leaves ends it."""
        sent = call.parse(requests.Completion, keys_once=True)
        conversation_id = requests.conversation_of(sent, call.incoming)
        if conversation_id is None:
            return await answer_once(call, sent)
        return await answer_in_conversation(call, sent, conversation_id)
