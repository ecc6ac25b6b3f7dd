"""The health of the platform, in status words that tell a stranger nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from chatplatform.contracts.chatgpt_backend import schemas
from chatplatform.contracts.chatgpt_backend.schemas import described
from chatplatform.contracts.contract import utc
from chatplatform.contracts.health import UNHEALTHY, read_health
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.native import JsonAnswer, NativeAnswer, NativeCall


class SystemViewSet(ContractViewSet):
    @described("Health", kind="health", bare=schemas.Health)
    @native
    async def health(self, call: NativeCall) -> NativeAnswer:
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
