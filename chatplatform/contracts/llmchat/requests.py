"""What clients send, field by field. Unknown keys are ignored."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from chatplatform.contracts.fields import LineField, NumberField, TextField, WholeNumberField, WrittenNumberField
from providers.models import Agent
from retrieval.models import Document


class AgentConfig(serializers.Serializer[Any]):
    model = LineField(max_length=200, required=False)
    temperature = NumberField(min_value=0, max_value=2, required=False, allow_null=True)
    maxTokens = WholeNumberField(min_value=1, required=False, allow_null=True)


class AgentChange(serializers.Serializer[Any]):
    """Only what is sent is changed."""

    name = LineField(max_length=100, required=False)
    description = TextField(max_length=2_000, required=False, allow_blank=True)
    category = LineField(max_length=100, required=False, allow_blank=True)
    avatar = LineField(max_length=500, required=False, allow_blank=True)
    status = serializers.ChoiceField(choices=Agent.Status.values, required=False)
    capabilities = serializers.ListField(child=LineField(max_length=100), required=False, max_length=50)
    systemPrompt = TextField(max_length=20_000, required=False, allow_blank=True)
    config = AgentConfig(required=False)


def agent_changes(sent: dict[str, Any]) -> dict[str, Any]:
    """In the domain's words."""
    changes = dict(sent)
    if "systemPrompt" in changes:
        changes["system_prompt"] = changes.pop("systemPrompt")
    if "config" in changes:
        changes["config"] = {"max_tokens" if key == "maxTokens" else key: value for key, value in changes["config"].items()}
    return changes


class AgentFilter(serializers.Serializer[Any]):
    category = LineField(max_length=100, required=False, allow_blank=True, default="")
    provider = LineField(max_length=100, required=False, allow_blank=True, default="")


class Upload(serializers.Serializer[Any]):
    """A form (`multipart/form-data`)."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)  # what is wrong with it, the domain says
    type = serializers.ChoiceField(choices=Document.Kind.values, required=False, allow_blank=True, default="")
    description = TextField(max_length=2_000, required=False, allow_blank=True, default="")
    topic_id = WrittenNumberField(required=False, default=None)


class FileFilter(serializers.Serializer[Any]):
    topic_id = WrittenNumberField(required=False, default=None)
