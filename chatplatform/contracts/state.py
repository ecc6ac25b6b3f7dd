"""How the platform is, at the root, where LLMChat and Coze both have it: one answer with the keys of both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request

from accounts.door import authenticate
from chatplatform.contracts.health import HEALTHY, UNHEALTHY, Health, read_health
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.incoming import Incoming
from chatplatform.contracts.native import JsonAnswer, NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import PLAIN, Answer, described
from chatplatform.contracts.state_shapes import (
    CONNECTED,
    DETAILED_HEALTH,
    DISCONNECTED,
    HEALTH,
    INITIALIZED,
    RUNNING,
    STOPPED,
    UNINITIALIZED,
)
from chatplatform.core.errors import NotAllowed, NotSignedIn
from chatplatform.core.metrics import CONTENT_TYPE, read_metrics
from chatplatform.core.networks import is_within

MEGABYTE = 1024 * 1024


class HealthViewSet(ContractViewSet):
    tag = "System"

    @described(
        "get_health",
        "Health",
        enveloped=False,
        answers=(
            Answer(HEALTH, description="It works, perhaps not all of it."),
            Answer(HEALTH, status=503, description="Without its database nothing works."),
        ),
    )
    @native
    async def health(self, call: NativeCall) -> NativeAnswer:
        """Status words that tell a stranger nothing else."""
        health = await read_health()
        body = {
            **_status(health),
            "version": settings.VERSION,
            "services": {
                "database": CONNECTED if health.database == HEALTHY else DISCONNECTED,
                "redis": CONNECTED if health.redis == HEALTHY else DISCONNECTED,
                "queue": RUNNING if health.queue == HEALTHY else STOPPED,
            },
            "coze_client_status": INITIALIZED if health.provider == HEALTHY else UNINITIALIZED,
        }
        return _answer(health, body)


class DetailedHealthViewSet(ContractViewSet):
    tag = "System"

    @described(
        "get_detailed_health",
        "Health in detail",
        enveloped=False,
        answers=(
            Answer(DETAILED_HEALTH, description="It works, perhaps not all of it."),
            Answer(DETAILED_HEALTH, status=503, description="Without its database nothing works."),
        ),
    )
    @native
    async def details(self, call: NativeCall) -> NativeAnswer:
        """To any account. The figures are a second old at most."""
        health = await read_health()
        checks = {"database": _database(health), "redis": _redis(health), "queue": _queue(health)}
        body = {**_status(health), "checks": checks, "version": settings.VERSION, "uptime": health.uptime}
        return _answer(health, body)


class MetricsViewSet(ContractViewSet):
    tag = "System"

    @described(
        "get_metrics",
        "Metrics, as Prometheus reads them",
        enveloped=False,
        answers=(Answer(media_type=PLAIN),),
        errors=(NotSignedIn, NotAllowed),
        security=("", "bearer", "apiKey"),
    )
    def metrics(self, request: Request) -> HttpResponse:
        """To an administrator, and to the addresses that `METRICS_ALLOWED_ADDRESSES` names."""
        if not _may_scrape(self.incoming) and not authenticate(self.incoming.credentials).is_admin:
            raise NotAllowed
        return HttpResponse(read_metrics(), content_type=CONTENT_TYPE)


def _may_scrape(incoming: Incoming) -> bool:
    # Whom an unknown proxy speaks for is not known: its own address, often loopback, must not open the door to everybody.
    through_a_proxy = "x-forwarded-for" in incoming.headers or "forwarded" in incoming.headers
    if through_a_proxy and not settings.TRUSTED_PROXIES:
        return False
    return is_within(incoming.origin.address, tuple(settings.METRICS_ALLOWED_ADDRESSES))


# --- What they answer ---------------------------------------------------------------------------------------------------------


def _answer(health: Health, body: dict[str, Any]) -> JsonAnswer:
    return JsonAnswer(body, 503, (("Retry-After", "2"),)) if health.whole_status == UNHEALTHY else JsonAnswer(body)


def _status(health: Health) -> dict[str, str]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return {"status": health.whole_status, "timestamp": now}


def _database(health: Health) -> dict[str, Any]:
    state = health.database_state
    if state is None:
        return {"status": UNHEALTHY, "responseTime": None, "connections": None}
    figures = {"active": state.active, "idle": state.idle, "total": state.active + state.idle}
    return {"status": HEALTHY, "responseTime": state.milliseconds, "connections": figures}


def _redis(health: Health) -> dict[str, Any]:
    state = health.redis_state
    if state is None:
        return {"status": UNHEALTHY, "responseTime": None, "memory": None}
    total = None if state.total is None else _megabytes(state.total)
    return {
        "status": HEALTHY,
        "responseTime": state.milliseconds,
        "memory": {"used": _megabytes(state.used), "total": total},
    }


def _queue(health: Health) -> dict[str, Any]:
    state = health.redis_state
    if state is None:
        return {"status": UNHEALTHY, "jobs": None}
    jobs = state.jobs
    figures = {"waiting": jobs.waiting, "active": jobs.active, "completed": jobs.completed}
    return {"status": health.queue, "jobs": figures}


def _megabytes(size: int) -> str:
    """`10MB`; what is less than one is one."""
    return f"{max(1, round(size / MEGABYTE))}MB"
