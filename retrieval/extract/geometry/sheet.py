"""A whole drawing as JSON: its entities as far as there is room, its layers, and the bounds of what was shown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from retrieval.extract import ExtractionFailed
from retrieval.extract.geometry import shapes
from retrieval.extract.geometry.dwg import DwgDrawing
from retrieval.extract.geometry.dxf import DxfDrawing
from retrieval.extract.geometry.marks import MODEL, Drawing, Layer, Mark
from retrieval.extract.geometry.marks import whole as whole_number
from retrieval.extract.geometry.planes import Box

MOST_ENTITIES = 100_000
MOST_LAYERS = 10_000
DEEPEST = 16
"""Blocks within blocks whose boxes are looked for."""
UNITS = {1: "inches", 2: "feet", 3: "miles", 4: "millimeters", 5: "centimeters", 6: "meters", 7: "kilometers"} | {
    8: "microinches",
    9: "mils",
    10: "yards",
    13: "microns",
    14: "decimeters",
    21: "surveyFeet",
}
"""By the number in the header. A drawing without has null."""


def read_dxf(path: Path, most_bytes: int) -> bytes:
    return _read(DxfDrawing(path), most_bytes)


def read_dwg(path: Path, most_bytes: int) -> bytes:
    return _read(DwgDrawing(path), most_bytes)


def _read(drawing: Drawing, most_bytes: int) -> bytes:
    sheet = _Sheet(most_bytes)
    for mark in drawing.marks():
        if not sheet.take(mark):
            break
    if drawing.error and not sheet.entities and not drawing.layers:
        raise ExtractionFailed("broken", drawing.error)
    if not sheet.entities and not drawing.layers and not sheet.left_out:
        raise ExtractionFailed("broken", "nothing drawn and no layers")
    whole = {
        "entities": sheet.entities,
        "layers": [_layer(layer) for layer in _all_layers(drawing.layers, sheet.layers)],
        "bounds": _bounds(sheet.box),
        "units": UNITS.get(drawing.units or 0),
        "truncated": sheet.is_full,
        "leftOut": sheet.left_out,
    }
    return orjson.dumps(whole)


class _Sheet:
    def __init__(self, most_bytes: int) -> None:
        self._room = most_bytes
        self.entities: list[orjson.Fragment] = []
        self.layers: dict[str, None] = {}
        self.box = Box()
        self.left_out = 0
        """Entities whose numbers are none."""
        self.is_full = False
        self._blocks: dict[str, list[Mark]] = {}
        self._boxes: dict[str, Box] = {}

    def take(self, mark: Mark) -> bool:
        """Whether there is room for more."""
        if mark.owner != MODEL:
            self._blocks.setdefault(mark.owner.upper(), []).append(mark)
            return True
        try:
            shown = orjson.dumps(shapes.entity(mark))
            outermost = list(self._outermost(mark))
        except (ValueError, TypeError, KeyError, IndexError, OverflowError, ZeroDivisionError):
            self.left_out += 1
            return True
        self._room -= len(shown) + 1
        self.is_full = self._room < 0 or len(self.entities) >= MOST_ENTITIES
        if not self.is_full:
            self.entities.append(orjson.Fragment(shown))
            if len(self.layers) < MOST_LAYERS:
                self.layers[mark.layer] = None
            for x, y in outermost:
                self.box.add(x, y)
        return not self.is_full

    def _outermost(self, mark: Mark, depth: int = 0) -> Iterator[tuple[float, float]]:
        yield from shapes.outermost(mark)
        if mark.kind == "INSERT" and depth < DEEPEST:
            yield from _placed(mark, self._box_of(str(mark.at.get("name", "")).strip().upper(), depth + 1))

    def _box_of(self, block: str, depth: int) -> Box:
        """Each block's once. One that is asked for while it is being looked at, because it is in itself, adds nothing."""
        if block not in self._boxes:
            box = self._boxes[block] = Box()
            for mark in self._blocks.get(block, ()):
                try:
                    for x, y in self._outermost(mark, depth):
                        box.add(x, y)
                except (ValueError, TypeError, KeyError, IndexError, OverflowError, ZeroDivisionError):
                    continue
        return self._boxes[block]


def _placed(insert: Mark, box: Box) -> Iterator[tuple[float, float]]:
    """The corners of a block's box where the insert, and the last of its rows and columns, puts them."""
    if not box:
        return
    at, plane = insert.at, shapes.plane_of(insert)
    angle = math.radians(at.get("rotation", 0.0))
    across = (max(1, whole_number(at.get("column_count"))) - 1) * at.get("column_spacing", 0.0)
    up = (max(1, whole_number(at.get("row_count"))) - 1) * at.get("row_spacing", 0.0)
    for corner_x, corner_y in box.corners():
        for more_x in (0.0, across):
            for more_y in (0.0, up):
                x, y = corner_x * at.get("xscale", 1.0) + more_x, corner_y * at.get("yscale", 1.0) + more_y
                turned = (x * math.cos(angle) - y * math.sin(angle), x * math.sin(angle) + y * math.cos(angle))
                origin = at["insert"]
                placed = plane.point((origin[0] + turned[0], origin[1] + turned[1], origin[2]))
                yield placed[0], placed[1]


def _all_layers(named: list[Layer], used: dict[str, None]) -> list[Layer]:
    """Those that the drawing declares, then those that are only drawn on."""
    declared = {layer.name: layer for layer in named[:MOST_LAYERS]}
    return [*declared.values(), *(Layer(name) for name in used if name not in declared)]


def _layer(layer: Layer) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": layer.name, "color": layer.color, "visible": layer.visible}
    return shown if layer.true_color is None else shown | {"trueColor": shapes.hexadecimal(layer.true_color)}


def _bounds(box: Box) -> dict[str, Any] | None:
    if not box:
        return None
    least, most = box.least, box.most
    numbers = zip(("minX", "minY", "maxX", "maxY"), (*least, *most), strict=True)
    return {name: shapes.number(value) for name, value in numbers}
