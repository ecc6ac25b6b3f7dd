"""The platform itself: how it is, what it offers, what it has counted."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from chatplatform.contracts.chatgpt_backend import responses, schemas
from chatplatform.contracts.contract import utc
from chatplatform.contracts.health import UNHEALTHY, read_health
from chatplatform.contracts.http import ContractViewSet, json_response, native
from chatplatform.contracts.native import JsonAnswer, NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import Answer, described
from providers.selectors import list_models


class HealthViewSet(ContractViewSet):
    tag = "System"

    @described(
        "get_health",
        "Health",
        enveloped=False,
        answers=(
            Answer(schemas.Health, description="It works, perhaps not all of it."),
            Answer(schemas.Health, status=503, description="Without its database nothing works."),
        ),
    )
    @native
    async def health(self, call: NativeCall) -> NativeAnswer:
        """Status words that tell a stranger nothing else."""
        health = await read_health()
        body = {
            "status": health.status,
            "timestamp": utc(datetime.now(UTC)),
            "version": settings.VERSION,
            "services": {"database": health.database, "redis": health.redis, "openai": health.provider},
            "uptime": health.uptime,
        }
        if health.status == UNHEALTHY:
            return JsonAnswer(body, 503, (("Retry-After", "2"),))
        return JsonAnswer(body)


class SystemViewSet(ContractViewSet):
    tag = "System"

    @described("get_info", "What this is", enveloped=False, answers=(Answer(schemas.Info),))
    def info(self, request: Request) -> HttpResponse:
        return json_response(
            {
                "name": "ChatGPT Backend API",
                "version": settings.VERSION,
                "environment": settings.ENVIRONMENT,
                "supported_models": [model.name for model in list_models()],
                "features": {"websocket": True, "streaming": True, "file_upload": False},
            }
        )

    @described("list_models", "The models that may be asked for", data=schemas.Models)
    def models(self, request: Request) -> HttpResponse:
        return self.answer({"models": [responses.model(view) for view in list_models()]})
