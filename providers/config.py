"""What a provider of each kind may be told, and where its vendor is found. Pure.

A client's `config` is one object, `{"model": ..., "temperature": ..., "max_tokens": ..., "bot_id": ...}`. The model is kept in a
column of its own, because routes and price lists ask for it; `shown` puts the two together again.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from chatplatform.core.errors import InvalidInput
from providers.models import Kind, Provider

ADDRESSES: Mapping[str, str] = {
    Kind.OPENAI: "https://api.openai.com/v1",
    Kind.ANTHROPIC: "https://api.anthropic.com",
    Kind.OLLAMA: "http://127.0.0.1:11434",
    Kind.FASTGPT: "https://api.fastgpt.in/api",
    Kind.DIFY: "https://api.dify.ai/v1",
    Kind.COZE: "https://api.coze.cn",
}
"""By kind: where the vendor is, when nobody says otherwise. A custom one is nowhere in particular, the local model moves."""

MODELS: Mapping[str, str] = {Kind.OPENAI: "gpt-4o-mini", Kind.ANTHROPIC: "claude-haiku-4-5"}
"""By kind: the model that answers when nobody says otherwise. Who sells one app or bot under one key has no choice of models."""

NEED_A_MODEL = frozenset({Kind.OPENAI, Kind.ANTHROPIC, Kind.OLLAMA, Kind.CUSTOM})
LONGEST_TEXT = 200
MOST_TOKENS = 10_000_000

Check = Callable[[Any], str]
"""What is wrong with a value, in a sentence; empty: nothing."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or value != value.strip() or not value.isprintable():
        return _("This is not a name.")
    return _("This is too long.") if len(value) > LONGEST_TEXT else ""


def _temperature(value: Any) -> str:
    number = not isinstance(value, bool) and isinstance(value, int | float)
    return "" if number and 0 <= value <= 2 else _("A number from 0 to 2 is needed.")


def _max_tokens(value: Any) -> str:
    number = not isinstance(value, bool) and isinstance(value, int)
    return "" if number and 1 <= value <= MOST_TOKENS else _("A whole number, 1 or more, is needed.")


_COMMON: Mapping[str, Check] = {"model": _text, "temperature": _temperature, "max_tokens": _max_tokens}
_NEEDED: Mapping[str, Mapping[str, Check]] = {Kind.COZE: {"bot_id": _text}}
"""Beyond the common ones, by kind."""
_ALLOWED: Mapping[str, Mapping[str, Check]] = {Kind.COZE: {"user_id": _text}}
"""The same, of those that may be left out."""


def check_config(config: Any, *, kind: str) -> dict[str, Any]:
    """`config` as it may be kept. Raises InvalidInput whose field names the key: `config.temperature`.

    A key that is null counts as one that is not there.
    """
    needed = _NEEDED.get(kind, {})
    checked = _check(config, {**_COMMON, **needed, **_ALLOWED.get(kind, {})})
    for key in needed:
        if key not in checked:
            raise InvalidInput(field=f"config.{key}", issue=_("This is needed."))
    return checked


def check_agent_config(config: Any) -> dict[str, Any]:
    """As `check_config`, for an agent's."""
    return _check(config, _COMMON)


def _check(config: Any, allowed: Mapping[str, Check]) -> dict[str, Any]:
    if not isinstance(config, Mapping):
        raise InvalidInput(field="config", issue=_("An object is needed."))
    checked: dict[str, Any] = {}
    for key, value in config.items():
        if key not in allowed:
            raise InvalidInput(field=f"config.{str(key)[:50]}", issue=_("There is no such setting."))
        if value is None:
            continue
        if issue := allowed[key](value):
            raise InvalidInput(field=f"config.{key}", issue=issue)
        checked[key] = value
    return checked


def apply_config(provider: Provider, config: Any) -> None:
    """Puts a client's `config` into the row, not saved. The model that it does not name stays. Raises InvalidInput."""
    checked = check_config(config, kind=provider.kind)
    provider.default_model = checked.pop("model", "") or provider.default_model or MODELS.get(provider.kind, "")
    if provider.kind in NEED_A_MODEL and not provider.default_model:
        raise InvalidInput(field="config.model", issue=_("This is needed."))
    provider.config = checked


def shown(provider: Provider) -> dict[str, Any]:
    """The provider's settings as one object, the model first."""
    return ({"model": provider.default_model} if provider.default_model else {}) | provider.config
