"""Structured logs: one JSON object a line on standard error, from our code and from every library's.

Ours are written with `structlog.get_logger(__name__).info("what_happened", key=value)`. The request id, the user id and a task's
id come from structlog's context variables, so they are in every line of a request, of a socket, of a Celery task.
"""

import json
import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

import orjson
import structlog

HIDDEN = "[hidden]"

_SECRET_NAMES = re.compile(
    r"(?i)^(?:.*(?:password|passwd|secret|authorization|api[-_]?key|cookie|credential).*|(?:.+[-_])?token)$"
)
"""Keys of a log entry whose value is never written. (`tokens`, `total_tokens` and the like are counts.)"""

_SECRETS_IN_TEXT = re.compile(
    r"""(?ix)
    (?P<before>
        \b(?:bearer|basic)\s+                                             # Authorization: Bearer …
      | [?&](?:access_|refresh_|reset_)?(?:token|ticket|api_?key|key|password|code)=   # ?token=… in a URL
      | ["']?\b(?:[a-z_]*password|[a-z_]*secret|(?:access_|refresh_|reset_)?token|api_?key)\b\\*["']?\s*[:=]\s*\\*["']?
    )
    (?!\[hidden\]) [^\s"'&,;\\}]{3,}
    """
)
_SECRETS_BY_SHAPE = re.compile(
    r"\bcp_[A-Za-z0-9_\-]{12,}|\bsk-[A-Za-z0-9_\-]{8,}|\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+(?:\.[A-Za-z0-9_\-]*)?"
)
# JSON escapes CR, LF and ESC by itself, but not these, which also end a line or begin a terminal's command.
_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}


def hide_secrets(text: str) -> str:
    """`text` without bearer tokens, secret query values, API keys and passwords."""
    text = _SECRETS_IN_TEXT.sub(lambda found: found["before"] + HIDDEN, text)
    return _SECRETS_BY_SHAPE.sub(HIDDEN, text)


def _redacted(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return hide_secrets(value)
    if isinstance(value, bytes):
        return hide_secrets(value.decode("utf-8", "replace"))
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= 6:
        return "…"
    if isinstance(value, Mapping):
        return {
            str(key): HIDDEN if _SECRET_NAMES.match(str(key)) and item else _redacted(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted(item, depth + 1) for item in value]
    return hide_secrets(str(value))


def redact(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> dict[str, Any]:
    """A structlog processor; the last before the entry becomes bytes, so that tracebacks pass through it too."""
    return dict(_redacted(entry))


def render(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> str:
    try:
        line = orjson.dumps(entry, default=str).decode()
    except (TypeError, ValueError):  # a lone surrogate, or an integer of more than 64 bits
        line = json.dumps(entry, default=str)
    return line.translate(_CONTROLS)


def _without_uvicorn_extras(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    entry.pop("color_message", None)
    return entry


def configure(level: str) -> dict[str, Any]:
    """Sets structlog up and returns what Django's `LOGGING` holds. `level` is the least severe level that is written."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    level = level.upper()
    known = level if isinstance(logging.getLevelName(level), int) else "INFO"  # a wrong one is told by checks.py
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder(), _without_uvicorn_extras],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    redact,
                    render,
                ],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": known},
        "loggers": {
            # One line a request is ours to write (`contracts/middleware.py`): it hides `?token=` and knows the user.
            "uvicorn.access": {"handlers": [], "propagate": False, "level": "CRITICAL"},
            "uvicorn": {"handlers": [], "propagate": True, "level": _at_least(known, "WARNING")},
            "django": {"handlers": [], "propagate": True, "level": _at_least(known, "WARNING")},
            # It repeats each 4xx that the access line already tells.
            "django.request": {"handlers": [], "propagate": True, "level": "ERROR"},
            "django.server": {"handlers": [], "propagate": False, "level": "CRITICAL"},
            "daphne": {"handlers": [], "propagate": True, "level": _at_least(known, "WARNING")},
            "celery": {"handlers": [], "propagate": True, "level": known},
            "celery.redirected": {"handlers": [], "propagate": True, "level": "WARNING"},
            "kombu": {"handlers": [], "propagate": True, "level": _at_least(known, "WARNING")},
            "asyncio": {"handlers": [], "propagate": True, "level": _at_least(known, "WARNING")},
            "aiohttp": {"handlers": [], "propagate": True, "level": _at_least(known, "WARNING")},
            "httpx2": {"handlers": [], "propagate": True, "level": _at_least(known, "WARNING")},
            "httpcore2": {"handlers": [], "propagate": True, "level": _at_least(known, "WARNING")},
        },
    }


def _at_least(level: str, floor: str) -> str:
    """The more severe of two levels, unless somebody asked for DEBUG."""
    if level == "DEBUG":
        return level
    return level if logging.getLevelName(level) >= logging.getLevelName(floor) else floor
