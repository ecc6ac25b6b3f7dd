"""Pages as clients ask for them."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from chatplatform.contracts.contract import Paging
from chatplatform.core.errors import InvalidInput
from chatplatform.core.pages import MAX_PAGE_SIZE, Page, PageRequest

LAST_PAGE = 2**31 - 1
"""Beyond it lies nothing: a larger number is taken for this one, and the answer says so."""


def read_page(query: QueryDict, paging: Paging, default_size: int | None = None) -> PageRequest:
    """Raises InvalidInput below 1 or for what is not a number; a size above the maximum is cut to it."""
    number = _positive(query.get(paging.number), 1, paging.number)
    size = _positive(query.get(paging.size), default_size or paging.default_size, paging.size)
    return PageRequest(number=min(number, LAST_PAGE), size=min(size, MAX_PAGE_SIZE))


def place_in_pages(page: Page[Any]) -> dict[str, Any]:
    """Which page it is, as the contracts say that call its size `page_size`."""
    return {
        "page": page.number,
        "page_size": page.size,
        "total": page.total,
        "total_pages": page.pages,
        "has_next": page.number < page.pages,
        "has_prev": page.number > 1,
    }


def _positive(text: str | None, default: int, name: str) -> int:
    if text is None or text == "":
        return default
    digits = text.lstrip("0")
    if not (text.isascii() and text.isdigit() and digits):
        raise InvalidInput(field=name, issue=_("Must be a whole number of at least 1."))
    return int(digits) if len(digits) <= 10 else LAST_PAGE  # however long: Python itself refuses thousands of digits
