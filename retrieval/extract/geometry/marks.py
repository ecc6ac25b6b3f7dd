"""An entity, a layer and a drawing as a reader finds them. Attributes have the names that ezdwg gives them.

A value is a number, a text, a point (a tuple of three numbers), or a list of numbers or points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

Point = tuple[float, float, float]
MODEL = ""
"""The owner of what is drawn in the drawing itself."""


@dataclass(slots=True)
class Mark:
    """`owner` is the name of the block that it is part of, or `MODEL`. `color` is AutoCAD's index, `true_color` 0xRRGGBB."""

    kind: str
    layer: str = "0"
    owner: str = MODEL
    color: int | None = None
    true_color: int | None = None
    extrusion: Point = (0.0, 0.0, 1.0)
    at: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layer:
    name: str
    color: int = 0
    """AutoCAD's index, 0 where the drawing says none."""
    true_color: int | None = None
    visible: bool = True


class Drawing(Protocol):
    """`layers`, `units` and `error` are whole when all marks have been taken. `error` says what of it could not be read."""

    layers: list[Layer]
    units: int | None
    error: str

    def marks(self) -> Iterator[Mark]:
        """Those of the blocks before those of the drawing itself."""


def whole(value: Any) -> int:
    """0 for what is none."""
    return int(value) if isinstance(value, (int, float)) and abs(value) < 2**32 else 0
