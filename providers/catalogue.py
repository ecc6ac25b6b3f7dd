"""What is known of a model: its context, the longest answer, its price. Pure; the rows come from `ModelPrice`."""

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass

DEFAULT_CONTEXT_WINDOW = 8_192
"""Tokens, for a model that nobody knows anything about."""
DEFAULT_MAX_OUTPUT = 16_384
MOST_REMEMBERED = 10_000

# The longest answer that OpenAI's models accept to be asked for; more is refused with 400, and the price table does not have it.
# Each model's page under https://platform.openai.com/docs/models has its figure; a family that came later than this list may
# allow more. `Model.max_output` is the operator's word against it.
_MAX_OUTPUT = (
    (re.compile(r"^gpt-3\.5-turbo|^gpt-4-turbo|^gpt-4-(1106|0125|vision)"), 4_096),
    (re.compile(r"^gpt-4(-0613|-0314|-32k.*)?$"), 8_192),
    (re.compile(r"^gpt-4\.1"), 32_768),
    (re.compile(r"^(chatgpt-|gpt-)4o"), 16_384),
    (re.compile(r"^o[134]"), 100_000),
    (re.compile(r"^gpt-[56]"), 128_000),
)


@dataclass(frozen=True, slots=True)
class Price:
    """Integer micro-USD for a million tokens. Zero is a price; an unknown price is no `Price` at all."""

    input_micros_per_million: int
    output_micros_per_million: int
    cached_input_micros_per_million: int | None = None
    """None: cached tokens cost what others do."""
    currency: str = "USD"


FREE = Price(0, 0, 0)


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A row of the catalogue."""

    vendor: str
    """Empty: any vendor."""
    name: str
    pattern: str
    context_window: int | None
    price: Price
    display_name: str = ""
    description: str = ""
    by_operator: bool = False


@dataclass(frozen=True, slots=True)
class ModelFacts:
    context_window: int | None = None
    price: Price | None = None
    display_name: str = ""
    description: str = ""


class PriceTable:
    """Finds the row for a name, once for each name."""

    def __init__(self, rows: Iterable[PriceRow], *, vendors: Iterable[str] = ()) -> None:
        """`rows` are all those of `vendors`; other vendors' may be learnt later."""
        self._rows = tuple(rows)
        self._known: dict[tuple[str, str], ModelFacts] = {}
        self._learning = threading.Lock()
        self.vendors = frozenset(vendors)

    def learn(self, vendor: str, rows: Iterable[PriceRow]) -> None:
        """Takes up all rows of a vendor that it did not know."""
        with self._learning:
            if vendor not in self.vendors:
                self._rows, self.vendors = (*self._rows, *rows), self.vendors | {vendor}

    def facts(self, *, vendor: str, model: str) -> ModelFacts:
        """What the rows say of a vendor's model. An empty `vendor` knows only rows for any vendor."""
        key = (vendor, model)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MOST_REMEMBERED:  # people name the models of their own providers
                self._known.clear()
            found = self._known[key] = self._look_up(vendor, model)
        return found

    def _look_up(self, vendor: str, model: str) -> ModelFacts:
        name = model.lower()
        matches = [
            row
            for row in self._rows
            if row.vendor in {"", vendor} and (row.name.lower() == name or (row.pattern and _matches(row.pattern, name)))
        ]
        # Operators before the catalogue, the very name before a pattern; sorting keeps the table's own order beyond that.
        matches.sort(key=lambda row: (not row.by_operator, row.name.lower() != name))
        # Each fact from the first row that has it: an operator's price often comes without a context window.
        return ModelFacts(
            context_window=next((row.context_window for row in matches if row.context_window), None),
            price=matches[0].price if matches else None,
            display_name=next((row.display_name for row in matches if row.display_name), ""),
            description=next((row.description for row in matches if row.description), ""),
        )


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.search(pattern, name, re.IGNORECASE) is not None
    except re.error:
        return False  # an operator's slip must not stop anybody's message


def longest_answer(*, model: str, context_window: int) -> int:
    """Tokens that a vendor accepts as the limit of one answer, as far as known; never more than the context."""
    for pattern, tokens in _MAX_OUTPUT:
        if pattern.search(model.lower()):
            return min(tokens, context_window)
    return min(DEFAULT_MAX_OUTPUT, max(context_window // 2, 16))


def vendor_of(base_url: str) -> str:
    """Whose prices apply at an address: the id that the price table gives the vendor, or empty. Slow the first time (0.2 s)."""
    from genai_prices.data import providers

    for vendor in providers:
        # `re.match`, as the package itself has it: the pattern begins with the scheme.
        if vendor.models and re.match(vendor.api_pattern, base_url):
            return str(vendor.id)
    return ""
