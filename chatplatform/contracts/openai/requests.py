"""What clients send, field by field. A parameter that is not known here is refused: it would be taken for one that counts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from chatplatform.contracts.fields import FlagField, IdField, LineField, NumberField, WholeNumberField
from chatplatform.contracts.incoming import Incoming
from chatplatform.contracts.openai.errors import UnsupportedParameter
from chatplatform.contracts.openai.fields import LONGEST_STORED, ItemsField, MetadataField, PromptField, StopField, TextsField
from chatplatform.core.errors import InvalidInput
from chatplatform.core.ids import parse_prefixed, parse_uuid
from conversations.turns.request import CompletionRequest, TurnRequest
from providers.base import PromptMessage
from providers.tokens import read_tokens

CONVERSATION_HEADER = "X-Conversation-ID"
LONGEST_MODEL_NAME = 200
LARGEST_COUNT = 2**31 - 1

HINTS = frozenset({
    "parallel_tool_calls", "prediction", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
    "reasoning_effort", "safety_identifier", "seed", "service_tier", "store", "user", "verbosity",
})  # fmt: skip
"""Parameters that an answer is right without: they are passed over."""
_NOTHING: dict[str, tuple[Any, ...]] = {
    "audio": (),
    "frequency_penalty": (0, 0.0),
    "function_call": ("none", "auto"),
    "functions": ([],),
    "logit_bias": ({},),
    "logprobs": (False,),
    "modalities": (["text"],),
    "moderation": (),
    "n": (1,),
    "presence_penalty": (0, 0.0),
    "response_format": ({"type": "text"},),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
    "web_search_options": (),
}
"""Parameters that would change the answer and are not there, with the values (beside null) that ask for nothing."""


def refuse_unsupported(data: dict[str, Any], known: Any, hints: frozenset[str] = frozenset()) -> None:
    """Raises UnsupportedParameter for the first parameter that would be passed over and counts."""
    for name, value in data.items():
        if name in known or name in hints or value is None:
            continue
        nothing = _NOTHING.get(name, ())
        if not any(type(value) is type(one) and value == one for one in nothing):
            known_elsewhere = name in _NOTHING
            issue = (
                gettext("Only its default is supported here.") if known_elsewhere else gettext("There is no such parameter here.")
            )
            raise UnsupportedParameter(field=name[:100], issue=issue)


class StreamOptions(serializers.Serializer[Any]):
    include_usage = FlagField(
        required=False, allow_null=True, default=False, help_text=_("A last chunk without a choice says what it took.")
    )


class Completion(serializers.Serializer[Any]):
    """With a conversation's id in `metadata.conversation_id` or the header, the last message is sent to that conversation, and
    the earlier ones count only in a new one. Without, all of them are the prompt, and nothing is kept."""

    model = LineField(max_length=LONGEST_MODEL_NAME)
    messages = PromptField()
    stream = FlagField(required=False, allow_null=True, default=False)
    stream_options = StreamOptions(required=False, allow_null=True, default=None)
    temperature = NumberField(min_value=0, max_value=2, required=False, allow_null=True, default=None)
    top_p = NumberField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    stop = StopField(required=False, allow_null=True, default=())
    max_completion_tokens = WholeNumberField(min_value=1, max_value=LARGEST_COUNT, required=False, allow_null=True, default=None)
    max_tokens = WholeNumberField(
        min_value=1,
        max_value=LARGEST_COUNT,
        required=False,
        allow_null=True,
        default=None,
        help_text=_("The older name of `max_completion_tokens`."),
    )
    metadata = MetadataField(required=False, allow_null=True, default=dict)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        refuse_unsupported(data, self.fields, HINTS)
        return dict(super().to_internal_value(data))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["max_tokens"] is not None and attrs["max_completion_tokens"] is not None:
            raise serializers.ValidationError({"max_tokens": [_("Give one of max_tokens and max_completion_tokens.")]})
        if attrs["stream_options"] is not None and not attrs["stream"]:
            raise serializers.ValidationError({"stream_options": [_("Only with stream.")]})
        return attrs


def conversation_of(sent: dict[str, Any], incoming: Incoming) -> UUID | None:
    """The conversation that the message is for; None: nothing is to be kept. Raises InvalidInput."""
    named = (sent["metadata"] or {}).get("conversation_id")
    place = "metadata.conversation_id" if named is not None else CONVERSATION_HEADER
    in_header = incoming.headers.get("x-conversation-id")
    text = named if named is not None else in_header
    if text is None:
        return None
    if in_header is not None and in_header != text:
        raise InvalidInput(field=place, issue=gettext("The header names another conversation."))
    found = parse_uuid(text) or parse_prefixed("conv", text)
    if found is None:
        raise InvalidInput(field=place, issue=gettext("Must be a UUID."))
    return found


def own_metadata(sent: dict[str, Any]) -> dict[str, str]:
    """The client's, without what it says to us."""
    return {name: value for name, value in (sent["metadata"] or {}).items() if name != "conversation_id"}


def question_of(sent: dict[str, Any]) -> tuple[str, list[tuple[str, str]]]:
    """What is said now, and what was said before, for a conversation that is kept. Raises InvalidInput."""
    messages: tuple[PromptMessage, ...] = sent["messages"]
    last = len(messages) - 1
    if messages[last].role != "user" or not messages[last].content.strip():
        raise InvalidInput(field=f"messages[{last}].role", issue=gettext("The last message must be the user's."))
    for number, message in enumerate(messages):
        if len(message.content) > LONGEST_STORED:
            issue = gettext("Must be at most %(most)d characters in a conversation that is kept.") % {"most": LONGEST_STORED}
            raise InvalidInput(field=f"messages[{number}].content", issue=issue)
    return messages[last].content, [(message.role, message.content) for message in messages[:last]]


def completion_request(sent: dict[str, Any]) -> CompletionRequest:
    return CompletionRequest(
        messages=sent["messages"],
        contract="openai",
        model=sent["model"],
        temperature=sent["temperature"],
        top_p=sent["top_p"],
        stop=sent["stop"] or (),
        max_tokens=_most_tokens(sent),
    )


def turn_request(sent: dict[str, Any], *, conversation_id: UUID, content: str, client_key: str) -> TurnRequest:
    return TurnRequest(
        conversation_id=conversation_id,
        content=content,
        contract="openai",
        model=sent["model"],
        temperature=sent["temperature"],
        top_p=sent["top_p"],
        stop=sent["stop"] or (),
        max_tokens=_most_tokens(sent),
        client_key=client_key,
        metadata=own_metadata(sent),
    )


def _most_tokens(sent: dict[str, Any]) -> int | None:
    newer: int | None = sent["max_completion_tokens"]
    older: int | None = sent["max_tokens"]
    return newer if newer is not None else older


# --- Conversations ------------------------------------------------------------------------------------------------------------


class NewConversation(serializers.Serializer[Any]):
    metadata = MetadataField(required=False, allow_null=True, default=dict)
    items = ItemsField(required=False, allow_null=True, default=(), help_text=_("What was said elsewhere before."))

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        refuse_unsupported(data, self.fields)
        return dict(super().to_internal_value(data))


class ItemFilter(serializers.Serializer[Any]):
    after = IdField(required=False, default=None, help_text=_("The last item that was seen."))
    order = serializers.ChoiceField(choices=["asc", "desc"], required=False, default="desc")


# --- Embeddings ---------------------------------------------------------------------------------------------------------------


class Embedding(serializers.Serializer[Any]):
    model = LineField(max_length=LONGEST_MODEL_NAME)
    input = TextsField()
    encoding_format = serializers.ChoiceField(choices=["float", "base64"], required=False, allow_null=True, default="float")
    dimensions = WholeNumberField(
        min_value=1,
        max_value=LARGEST_COUNT,
        required=False,
        allow_null=True,
        default=None,
        help_text=_("The model's own, or nothing."),
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        refuse_unsupported(data, self.fields, frozenset({"user"}))
        return dict(super().to_internal_value(data))


def texts_of(sent: dict[str, Any]) -> list[str]:
    """What is to be embedded. Raises InvalidInput. Blocking: see `read_tokens`."""
    if isinstance(sent["input"][0], str):
        return list(sent["input"])
    try:
        return [read_tokens(tokens) for tokens in sent["input"]]
    except ValueError:
        raise InvalidInput(field="input", issue=gettext("There is no such token.")) from None
