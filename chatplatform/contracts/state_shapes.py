"""The shapes of what `state.py` answers, and examples, for the OpenAPI documents only."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers as s

from chatplatform.contracts.health import DEGRADED, HEALTHY, UNHEALTHY
from chatplatform.contracts.openapi.describing import Example, Shape, shape

CONNECTED, DISCONNECTED = "connected", "disconnected"
RUNNING, STOPPED = "running", "stopped"
INITIALIZED, UNINITIALIZED = "initialized", "uninitialized"
_LINKS = (CONNECTED, DISCONNECTED)


def _head() -> dict[str, Any]:
    return {"status": s.ChoiceField(choices=[HEALTHY, DEGRADED, UNHEALTHY]), "timestamp": s.DateTimeField()}


def _check(name: str, **more: Any) -> Any:
    taken = s.IntegerField(allow_null=True, min_value=0, help_text="Milliseconds; null: there was no answer.")
    times = {} if name == "QueueCheck" else {"responseTime": taken}
    return shape(name, status=s.ChoiceField(choices=[HEALTHY, UNHEALTHY]), **times, **more)()


def _figures(name: str, *names: str) -> Any:
    counts = {figure: s.IntegerField(min_value=0) for figure in names}
    return shape(name, **counts)(allow_null=True, help_text="Null: there was no answer.")


HEALTH: Shape = shape(
    "Health",
    **_head(),
    version=s.CharField(),
    services=shape(
        "HealthServices",
        database=s.ChoiceField(choices=_LINKS),
        redis=s.ChoiceField(choices=_LINKS),
        queue=s.ChoiceField(
            choices=[RUNNING, STOPPED], help_text="Whether workers are there, for what need not be done at once."
        ),
    )(),
    coze_client_status=s.ChoiceField(
        choices=[INITIALIZED, UNINITIALIZED], help_text="Whether somebody is there to answer messages."
    ),
)
_MEMORY = shape("Memory", used=s.CharField(), total=s.CharField(allow_null=True, help_text="Null where Redis does not say."))
DETAILED_HEALTH: Shape = shape(
    "DetailedHealth",
    **_head(),
    checks=shape(
        "HealthChecks",
        database=_check("DatabaseCheck", connections=_figures("DatabaseConnections", "active", "idle", "total")),
        redis=_check("RedisCheck", memory=_MEMORY(allow_null=True)),
        queue=_check("QueueCheck", jobs=_figures("QueueJobs", "waiting", "active", "completed")),
    )(),
    version=s.CharField(),
    uptime=s.IntegerField(min_value=0, help_text="Seconds."),
)

_NOON = "2025-10-18T10:30:00.000Z"
EXAMPLES = {
    "get_health": Example(
        answer={
            "status": HEALTHY,
            "timestamp": _NOON,
            "version": "1.0.0",
            "services": {"database": CONNECTED, "redis": CONNECTED, "queue": RUNNING},
            "coze_client_status": INITIALIZED,
        }
    ),
    "get_detailed_health": Example(
        answer={
            "status": HEALTHY,
            "timestamp": _NOON,
            "checks": {
                "database": {"status": HEALTHY, "responseTime": 5, "connections": {"active": 2, "idle": 8, "total": 10}},
                "redis": {"status": HEALTHY, "responseTime": 2, "memory": {"used": "10MB", "total": "100MB"}},
                "queue": {"status": HEALTHY, "jobs": {"waiting": 0, "active": 2, "completed": 1000}},
            },
            "version": "1.0.0",
            "uptime": 86400,
        }
    ),
    "get_metrics": Example(
        answer='# TYPE http_requests_total counter\nhttp_requests_total{endpoint="/health",method="GET"} 1234.0\n'
    ),
}
"""By operation, for the documents of the contracts that have it."""
