"""What a start puts into the providers' tables: what the environment configures, and the packaged table of prices.

Called at every start. A fingerprint of what was seeded last makes a start that changes nothing cost one query; it also means that
what operators changed by hand stays as they left it until the environment itself says something else.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from chatplatform import environment
from providers import keys
from providers.catalogue import vendor_of
from providers.config import ADDRESSES, MODELS, apply_config
from providers.models import Agent, Kind, ManagedBy, Model, ModelAlias, ModelPrice, PriceSource, Provider, SeedState
from providers.writing import wait_for_other_writers

DOCUMENT_NAMES = ("gpt-4", "gpt-4-turbo", "gpt-3.5-turbo")
"""The names that the contracts' documents use in their examples: they must be answered by somebody."""

_LOCK = 0x70726F76  # one start at a time
_FORMAT = 2  # raise it when what is seeded changes with the program
_LISTED = {
    "gpt-4": ("GPT-4", ["text", "code", "reasoning"]),
    "gpt-4-turbo": ("GPT-4 Turbo", ["text", "code", "reasoning"]),
    "gpt-3.5-turbo": ("GPT-3.5 Turbo", ["text", "code"]),
}


def seed(*, today: date | None = None) -> list[str]:
    """Idempotent. Returns a line for each thing that was done; nothing when nothing was to do."""
    today = today or datetime.now(UTC).date()
    done = {state.name: state for state in SeedState.objects.all()}
    prices, providers = _prices_fingerprint(), _providers_fingerprint()
    if _holds(done.get("prices"), prices, today) and _holds(done.get("providers"), providers, today):
        return []
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        wait_for_other_writers()
        done = {state.name: state for state in SeedState.objects.all()}
        lines: list[str] = []
        if not _holds(done.get("prices"), prices, today):
            lines.append(_seed_prices(prices, today))
        if not _holds(done.get("providers"), providers, today):
            lines += _seed_providers()
            SeedState.objects.update_or_create(name="providers", defaults={"fingerprint": providers})
    return lines


def _holds(state: SeedState | None, fingerprint: str, today: date) -> bool:
    return state is not None and state.fingerprint == fingerprint and (state.valid_until is None or today < state.valid_until)


# Providers


def _configured() -> dict[str, str] | None:
    key, url = environment.read("OPENAI_API_KEY").strip(), environment.read("OPENAI_BASE_URL").strip()
    if not key and not url:
        return None
    model = environment.read("OPENAI_MODEL").strip()
    return {"key": key, "url": (url or ADDRESSES[Kind.OPENAI]).rstrip("/"), "model": model or MODELS[Kind.OPENAI]}


NOBODY_IN_PARTICULAR = "default_user"
"""`COZE_USER_ID` as the contract's document prints it. It counts as none: with one name for all, people would share what a bot
remembers of its user."""


def _coze_configured() -> dict[str, str] | None:
    key, bot = environment.read("COZE_API_TOKEN").strip(), environment.read("COZE_BOT_ID").strip()
    if not key or not bot:
        return None
    url = environment.read("COZE_BASE_URL").strip() or ADDRESSES[Kind.COZE]
    user = environment.read("COZE_USER_ID").strip()
    # The document's address ends in the version that our requests name themselves.
    return {
        "key": key,
        "bot": bot,
        "url": url.rstrip("/").removesuffix("/v3"),
        "user": "" if user == NOBODY_IN_PARTICULAR else user,
    }


def _local_wanted() -> bool:
    return environment.local_model_wanted() or bool(environment.read("LOCAL_MODEL_URL"))


def _providers_fingerprint() -> str:
    newest_key = settings.ENCRYPTION_KEYS.partition(":")[0]
    said = json.dumps([_FORMAT, _configured(), _coze_configured(), _local_wanted(), newest_key], sort_keys=True)
    return salted_hmac("providers.seed", said, algorithm="sha256").hexdigest()


def _seed_providers() -> list[str]:
    lines: list[str] = []
    first: Provider | None = None
    if configured := _configured():
        first = _seed_openai(configured)
        lines.append(f"provider openai answers, with {first.default_model}")
    else:
        _switch_off("openai")
    if _local_wanted():
        local = _from_environment("local", kind=Kind.LOCAL, position=20)
        local.save()
        first = first or local
        lines.append("provider local answers")
    else:
        _switch_off("local")
    if bot := _coze_configured():
        coze = _seed_coze(bot)
        first = first or coze
        lines.append("provider coze answers, with its bot")
    else:
        _switch_off("coze")
    if first is not None:
        _seed_aliases(first)
        _seed_agent(first)
    return lines


def _from_environment(name: str, *, kind: Kind, position: int) -> Provider:
    provider = Provider.objects.filter(name=name, managed_by=ManagedBy.ENVIRONMENT).first()
    if provider is None:
        provider = Provider(name=name, managed_by=ManagedBy.ENVIRONMENT, position=position)
    provider.kind, provider.is_active, provider.is_default = kind, True, True
    return provider


def _switch_off(name: str) -> None:
    """What the environment no longer configures keeps its row, for the conversations that it answered."""
    Provider.objects.filter(name=name, managed_by=ManagedBy.ENVIRONMENT, is_active=True).update(is_active=False)


def _seed_openai(configured: dict[str, str]) -> Provider:
    vendor = vendor_of(configured["url"])
    provider = _from_environment("openai", kind=Kind.OPENAI if vendor == "openai" else Kind.CUSTOM, position=10)
    provider.base_url, provider.price_vendor = configured["url"], vendor
    provider.default_model = configured["model"]
    keys.set_key(provider=provider, key=configured["key"])
    if vendor == "openai":
        for name, (display_name, capabilities) in _LISTED.items():
            Model.objects.get_or_create(
                provider=provider, name=name, defaults={"display_name": display_name, "capabilities": capabilities}
            )
    return provider


def _seed_coze(configured: dict[str, str]) -> Provider:
    provider = _from_environment("coze", kind=Kind.COZE, position=30)
    provider.base_url = configured["url"]
    apply_config(provider, {"bot_id": configured["bot"], "user_id": configured["user"] or None})
    keys.set_key(provider=provider, key=configured["key"])
    return provider


def _seed_aliases(provider: Provider) -> None:
    """The documents' names lead to `provider`, but for those that it serves itself and those that an operator took over."""
    served = {provider.default_model, *provider.models.values_list("name", flat=True)}
    ModelAlias.objects.filter(is_seeded=True, alias__in=served).delete()
    for name in DOCUMENT_NAMES:
        if name not in served:
            alias, created = ModelAlias.objects.get_or_create(alias=name, defaults={"provider": provider, "is_seeded": True})
            if not created and alias.is_seeded:
                ModelAlias.objects.filter(pk=alias.pk).update(provider=provider, model="")


def _seed_agent(provider: Provider) -> None:
    """One agent to begin with, on whoever answers by default. An operator who gave it another provider is left to it."""
    agent = Agent.objects.select_related("provider").filter(managed_by=ManagedBy.ENVIRONMENT).first()
    if agent is None:
        Agent.objects.create(
            name=_("Assistant"),
            description=_("Answers questions, explains and writes."),
            category=_("General"),
            provider=provider,
            capabilities=["text_generation"],
            config={"temperature": 0.7, "max_tokens": 1_024},
            managed_by=ManagedBy.ENVIRONMENT,
        )
    elif agent.provider is None or agent.provider.managed_by == ManagedBy.ENVIRONMENT:
        Agent.objects.filter(pk=agent.pk).update(provider=provider)


# Prices


def _prices_fingerprint() -> str:
    return f"genai-prices {version('genai-prices')}, format {_FORMAT}"


def _seed_prices(fingerprint: str, today: date) -> str:
    """Replaces the catalogue's rows; an operator's are rows of their own and stay."""
    from genai_prices.data import providers

    rows, changes = [], []
    for vendor in providers:
        seen: set[str] = set()
        for position, model in enumerate(vendor.models):
            changes += [day for day in _price_changes(model) if day > today]
            row = _price_row(vendor.id, model, position, today)
            if row is not None and row.name not in seen:
                seen.add(row.name)
                rows.append(row)
    ModelPrice.objects.filter(source=PriceSource.CATALOGUE).delete()
    ModelPrice.objects.bulk_create(rows, batch_size=1_000)
    SeedState.objects.update_or_create(
        name="prices", defaults={"fingerprint": fingerprint, "valid_until": min(changes, default=None)}
    )
    return f"{len(rows)} model prices from {fingerprint.partition(',')[0]}"


def _price_changes(model: Any) -> Iterator[date]:
    """The days on which a model's price changes."""
    if isinstance(model.prices, list):
        for conditional in model.prices:
            if (start := getattr(conditional.constraint, "start_date", None)) is not None:
                yield start


def _price_row(vendor: str, model: Any, position: int, today: date) -> ModelPrice | None:
    prices = _prices_on(model, today)
    prompt, answer = _micros(prices.input_mtok), _micros(prices.output_mtok)
    if prompt is None or answer is None:
        return None  # no text in, text out: speech, pictures, embeddings
    pattern = _pattern(model.match)
    return ModelPrice(
        vendor=vendor,
        name=model.id[:200],
        # A pattern that says no more than the name does is left out.
        pattern=pattern if pattern != f"^{re.escape(model.id)}$" else "",
        display_name=(model.name or "")[:200],
        description=model.description or "",
        context_window=model.context_window,
        input_micros_per_million=prompt,
        output_micros_per_million=answer,
        cached_input_micros_per_million=_micros(prices.cache_read_mtok),
        as_of=today,
        source=PriceSource.CATALOGUE,
        position=position,
    )


def _prices_on(model: Any, today: date) -> Any:
    """The standard price of a day. Hours of the day (night rates) are left out: a price must not depend on when we start."""
    if not isinstance(model.prices, list):
        return model.prices
    chosen = model.prices[0].prices
    for conditional in model.prices:
        start = getattr(conditional.constraint, "start_date", None)
        if conditional.constraint is None or (start is not None and start <= today):
            chosen = conditional.prices  # the last one that holds, as the package has it
    return chosen


def _micros(price: Any) -> int | None:
    """Micro-USD for a million tokens. Of tiered prices the first tier: what long prompts cost more is not charged."""
    if price is None:
        return None
    amount = Decimal(getattr(price, "base", price)) * 1_000_000
    return int(amount.to_integral_value())


def _pattern(clause: Any) -> str:
    """A match clause of the package as one regular expression, so that looking a price up needs neither it nor pydantic."""
    kind = type(clause).__name__
    if kind == "ClauseEquals":
        return f"^{re.escape(clause.equals)}$"
    if kind == "ClauseStartsWith":
        return f"^{re.escape(clause.starts_with)}"
    if kind == "ClauseEndsWith":
        return f"{re.escape(clause.ends_with)}$"
    if kind == "ClauseContains":
        return re.escape(clause.contains)
    if kind == "ClauseRegex":
        return f"(?:{clause.regex})"
    if kind == "ClauseOr":
        return "|".join(f"(?:{_pattern(part)})" for part in clause.or_)
    if kind == "ClauseAnd":
        return "^" + "".join(f"(?=.*?(?:{_pattern(part)}))" for part in clause.and_)
    raise TypeError(f"genai-prices has a new kind of match: {kind}")
