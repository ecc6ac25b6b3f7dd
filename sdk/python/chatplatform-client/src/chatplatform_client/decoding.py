"""JSON objects as the dataclasses that describe them.

A key that the class does not know is left out, so that a newer platform does not break an older client; a field is found under
its own name or in camel case.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from chatplatform_client.errors import ChatPlatformError

T = TypeVar("T")


class UnexpectedAnswer(ChatPlatformError):
    """The platform's answer is not what this version of the client understands."""


def decode(kind: type[T], data: Any) -> T:
    """`data` (an object as `json` reads it) as the dataclass `kind`. Raises UnexpectedAnswer."""
    if not isinstance(data, Mapping):
        raise UnexpectedAnswer(f"{kind.__name__}: an object was expected, not {type(data).__name__}")
    found: dict[str, Any] = {}
    for name, other_name, convert, needed in _fields(kind):  # type: ignore[arg-type]  # classes are hashable, whatever mypy makes of a type variable
        key = name if name in data else other_name
        if key in data:
            found[name] = convert(data[key])
        elif needed:
            raise UnexpectedAnswer(f"{kind.__name__}: {name} is missing")
    return kind(**found)


def decode_list(kind: type[T], data: Any) -> list[T]:
    if not isinstance(data, list):
        raise UnexpectedAnswer(f"a list of {kind.__name__} was expected, not {type(data).__name__}")
    return [decode(kind, item) for item in data]


def camel(name: str) -> str:
    """`agent_id` as `agentId`."""
    return re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)


@cache
def _fields(kind: type[Any]) -> tuple[tuple[str, str, Callable[[Any], Any], bool], ...]:
    hints = get_type_hints(kind)
    return tuple(
        (
            one.name,
            camel(one.name),
            _converter(hints[one.name]),
            one.default is MISSING and one.default_factory is MISSING,
        )
        for one in fields(kind)
    )


def _converter(hint: Any) -> Callable[[Any], Any]:
    if get_origin(hint) in (Union, types.UnionType):
        inner = [_converter(part) for part in get_args(hint) if part is not type(None)]
        return lambda value: None if value is None else inner[0](value)
    if get_origin(hint) is tuple:
        item = _converter(get_args(hint)[0])
        return lambda value: tuple(item(one) for one in value or ())
    if hint is datetime:
        return datetime.fromisoformat
    if is_dataclass(hint) and isinstance(hint, type):
        return lambda value: decode(hint, value)
    return lambda value: value
