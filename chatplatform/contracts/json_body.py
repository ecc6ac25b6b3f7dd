"""JSON from a client: as fast as orjson, bounded in depth, and free of what fails later in PostgreSQL. And JSON for it."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from chatplatform.core.errors import InvalidInput, MalformedBody

_AS_WE_WRITE = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_LARGEST = float(2**63)
MOST_CONTAINERS = 50_000
"""Lists and objects in a body. Nobody means so many, and the event loop would be at them for half a second."""


class NulFound(Exception):
    """Somewhere in the body."""


def dump_json(value: Any) -> bytes:
    """Of plain values, UUIDs, and moments in UTC as the database gives them: `2024-01-15T10:30:00Z`."""
    return orjson.dumps(value, option=_AS_WE_WRITE)


def parse_json(body: bytes | str) -> Any:
    """The value that `body` writes. Raises MalformedBody: not JSON (NaN, Infinity, a byte order mark, UTF-16 and lone
    surrogates are not), deeper than `MAX_JSON_DEPTH`, more than `MOST_CONTAINERS`, a number beyond 64 bits. Raises InvalidInput
    for NUL in a string."""
    try:
        value = orjson.loads(body)
    except ValueError:
        raise MalformedBody from None
    # Most bodies are flat: only one that may be deep, hold NUL or hold a huge number is walked.
    if isinstance(value, dict) and all(
        type(item) in _PLAIN and _is_sound(item) and "\0" not in name for name, item in value.items()
    ):
        return value
    try:
        _walk(value)
    except NulFound:
        field = _place_of_nul(value)
        raise InvalidInput(field=field[:200], issue=_("The character NUL is not allowed.")) from None
    return value


def refuse_repeated_keys(body: bytes, value: Mapping[str, Any]) -> None:
    """Raises InvalidInput when a key of ASCII letters is given twice in the object `value`, which `parse_json` read from `body`:
    of two values for `stream` nobody knows which was meant. (Of other keys, as everywhere in JSON, the last counts.)

    A key whose letters stand once in the body was given once. The slow parser, which tells of both, is asked only where they
    stand elsewhere too, where letters may be written as escapes, and where there are so many keys that it is the faster one.
    """
    plainly_once = len(value) <= _MOST_SEARCHED_FOR and b"\\u00" not in body
    if plainly_once and all(body.count(b'"%b"' % key.encode()) == 1 for key in value):
        return
    try:
        pairs = json.loads(body, object_pairs_hook=list)
    except RecursionError:  # of two values only the last was looked at: the other may be as deep as the fast parser goes
        raise MalformedBody(_("The body is nested too deeply.")) from None
    repeated = [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]
    if repeated:
        raise InvalidInput(field=repeated[0][:200], issue=_("This key is given twice."))


_MOST_SEARCHED_FOR = 20
_PLAIN = frozenset({str, int, bool, float, type(None)})


def _is_sound(item: Any) -> bool:
    if type(item) is str:
        return "\0" not in item
    return type(item) is not float or abs(item) < _LARGEST


def _walk(root: Any) -> None:
    """Level by level and without recursion, so that depth costs no stack."""
    level = [root]
    met = 0
    for _depth in range(settings.MAX_JSON_DEPTH + 1):
        containers: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                for name in value:
                    _refuse_nul(name)
                containers.append(value.values())
            elif isinstance(value, list):
                containers.append(value)
            elif isinstance(value, str):
                _refuse_nul(value)
            elif isinstance(value, float) and abs(value) >= _LARGEST:
                raise MalformedBody(_("A number in the body is too large."))
        if not containers:
            return
        met += len(containers)
        if met > MOST_CONTAINERS:
            raise MalformedBody
        level = [value for container in containers for value in container]
    raise MalformedBody(_("The body is nested too deeply."))


def _refuse_nul(text: str) -> None:
    if "\0" in text:
        raise NulFound


def _place_of_nul(root: Any) -> str:
    """`outer.0.inner`; of a name that holds one itself, where it stands."""
    todo: deque[tuple[str, Any]] = deque([("", root)])
    while todo:
        path, value = todo.popleft()
        if isinstance(value, str) and "\0" in value:
            return path
        inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for step, item in inside:
            if "\0" in str(step):
                return path
            todo.append((f"{path}.{step}" if path else str(step), item))
    return ""


class BoundedJSONParser(BaseParser):
    """The same for Django REST framework."""

    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        return parse_json(stream.read())
