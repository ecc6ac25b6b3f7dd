"""A page of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

T = TypeVar("T")
Row = TypeVar("Row", bound=Model)
MAX_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class PageRequest:
    number: int
    """From 1."""
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    number: int
    size: int
    total: int
    """Of all pages together."""

    @property
    def pages(self) -> int:
        return -(-self.total // self.size)


def page_of(rows: QuerySet[Row], page: PageRequest) -> Page[Row]:
    """One page of an ordered query, with the number of all its rows."""
    return Page(items=list(rows[page.offset : page.offset + page.size]), number=page.number, size=page.size, total=rows.count())
