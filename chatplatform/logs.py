"""Structured logs: one JSON object a line on standard error, from our code and from every library's.

Ours are written with `structlog.get_logger(__name__).info("what_happened", key=value)`. The request id, the user id and a task's
id come from structlog's context variables, so they are in every line of a request, of a socket, of a Celery task.
"""

import contextlib
import json
import logging
import re
import threading
import time
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson
import structlog

from chatplatform.core import masking

HIDDEN = masking.KEY

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
# JSON escapes CR, LF and ESC by itself, but not these, which also end a line or begin a terminal's command.
_CONTROLS = {code: f"\\u{code:04x}" for code in (*range(0x7F, 0xA0), 0x2028, 0x2029)}


def hide_secrets(text: str) -> str:
    """`text` without bearer tokens, secret query values, API keys, passwords, and what `masking` knows of people."""
    return masking.mask(_SECRETS_IN_TEXT.sub(lambda found: found["before"] + HIDDEN, text))


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


# --- The access line ----------------------------------------------------------------------------------------------------------

_access = logging.getLogger("access")


def write_access(event: str, fields: Mapping[str, Any]) -> None:
    """The line of one request. It is written for every one, so it takes the short way: a fifth of what structlog's costs.

    `fields` are written as they are: who calls this has hidden what they may hold.
    """
    if _access.isEnabledFor(logging.INFO):
        now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        entry = {"event": event, **fields, "logger": "access", "level": "info", "timestamp": now}
        _access.handle(logging.LogRecord("access", logging.INFO, "", 0, entry, None, None))


class LineFormatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        if record.name == "access" and isinstance(record.msg, dict):
            return render(None, "", record.msg)
        return super().format(record)


class BatchingHandler(logging.StreamHandler[Any]):
    """Standard error. Once started, it writes the lines of `EVERY_SECONDS` together, in a thread of its own.

    A write for each line would let the event loop queue for Python's lock each time, behind the threads of REST. Warnings and
    worse go out at once, after all that came before them; so does the rest at the end of the process. `kill -9` loses a batch.
    """

    EVERY_SECONDS = 0.05
    MOST_LINES = 1000

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._waiting = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_for_ever, name="log", daemon=True)
            self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Called with the handler's lock."""
        try:
            self._lines.append(self.format(record))
            if self._thread is None or record.levelno >= logging.WARNING or len(self._lines) >= self.MOST_LINES:
                self.flush()
            elif len(self._lines) == 1:
                self._waiting.set()
        except Exception:
            self.handleError(record)

    def flush(self) -> None:
        assert self.lock is not None
        with self.lock:
            lines, self._lines = self._lines, []
            if lines:
                self.stream.write("\n".join(lines) + "\n")
            super().flush()

    def _write_for_ever(self) -> None:
        while True:
            self._waiting.wait()
            self._waiting.clear()
            time.sleep(self.EVERY_SECONDS)
            with contextlib.suppress(OSError, ValueError):  # nobody reads any more
                self.flush()


def write_in_batches() -> None:
    """For a process that serves requests."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, BatchingHandler):
            handler.start()


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
                "()": LineFormatter,
                "foreign_pre_chain": [*shared, structlog.stdlib.ExtraAdder(), _without_uvicorn_extras],
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    redact,
                    render,
                ],
            }
        },
        "handlers": {"stderr": {"()": BatchingHandler, "formatter": "json"}},
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
