"""DXF: from tags to marks. The flat list is read once, so that a damaged drawing is read as far as it goes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ezdxf.lldxf.const import DXFError

from retrieval.extract.geometry.hatches import read_paths
from retrieval.extract.geometry.marks import MODEL, Layer, Mark, whole
from retrieval.extract.tags import Tags

Tag = tuple[int, bytes]

_LISTS = {"points", "control_points", "fit_points"}
_CORNERS = {10: "points", 11: "points", 12: "points", 13: "points"}
_INSERTED = {10: "insert"}
_POINTS: dict[str, dict[int, str]] = {
    "LINE": {10: "start", 11: "end"},
    "RAY": {10: "start", 11: "unit_vector"},
    "XLINE": {10: "start", 11: "unit_vector"},
    "POINT": {10: "location"},
    "VERTEX": {10: "location"},
    "CIRCLE": {10: "center"},
    "ARC": {10: "center"},
    "ELLIPSE": {10: "center", 11: "major_axis"},
    "LWPOLYLINE": {10: "points"},
    "SPLINE": {10: "control_points", 11: "fit_points"},
    "LEADER": {10: "points"},
    "MLINE": {11: "points"},
    "SOLID": _CORNERS,
    "TRACE": _CORNERS,
    "3DFACE": _CORNERS,
    "DIMENSION": {10: "defpoint", 11: "text_midpoint", 13: "defpoint2", 14: "defpoint3", 15: "defpoint4", 16: "defpoint5"},
    "IMAGE": {10: "insert", 11: "u_vector", 12: "v_vector", 13: "size"},
    "WIPEOUT": {10: "insert", 11: "u_vector", 12: "v_vector", 13: "size"},
    "MTEXT": {10: "insert", 11: "text_direction"},
    "POLYLINE": {10: "base"},  # its z is how high all of it is
    "HATCH": {10: "base"},
    "MULTILEADER": {},
}
"""Which attribute a point is, by the code of its x. Those of y and z are 10 and 20 more."""
_NUMBERS: dict[str, dict[int, str]] = {
    "CIRCLE": {40: "radius"},
    "ARC": {40: "radius", 50: "start_angle", 51: "end_angle"},
    "ELLIPSE": {40: "axis_ratio", 41: "start_param", 42: "end_param"},
    "LWPOLYLINE": {38: "elevation", 70: "flags"},
    "POLYLINE": {70: "flags"},
    "VERTEX": {42: "bulge", 70: "flags"},
    "SPLINE": {70: "flags", 71: "degree"},
    "TEXT": {40: "height", 50: "rotation"},
    "ATTRIB": {40: "height", 50: "rotation"},
    "ATTDEF": {40: "height", 50: "rotation"},
    "MTEXT": {40: "height", 41: "width", 50: "rotation"},
    "INSERT": {41: "xscale", 42: "yscale", 43: "zscale", 44: "column_spacing", 45: "row_spacing", 50: "rotation"}
    | {70: "column_count", 71: "row_count"},
    "DIMENSION": {42: "actual_measurement", 70: "flags"},
    "MLINE": {71: "flags"},
    "HATCH": {70: "solid_fill"},
}
_SERIES: dict[str, dict[int, str]] = {"SPLINE": {40: "knots", 41: "weights"}}
"""Numbers that come one by one to a list."""
_TEXTS: dict[str, dict[int, str]] = {
    "TEXT": {1: "text"},
    "ATTRIB": {1: "text", 2: "tag"},
    "ATTDEF": {1: "text", 2: "tag"},
    "MTEXT": {1: "text", 3: "text"},
    "INSERT": {2: "name"},
    "DIMENSION": {1: "text"},
    "HATCH": {2: "pattern_name"},
    "TOLERANCE": {1: "text"},
    "SHAPE": {2: "name"},
}
_RENAMED = {"MLEADER": "MULTILEADER"}
_NOT_DRAWN = {"ENDSEC", "EOF", "SEQEND", "VERTEX", "VIEWPORT"}
_ON_PAPER = 67
_UPWARD = {210, 220, 230}
_OF_A_MESH, _IS_A_POINT = 128, 64
"""Flags of a vertex."""
LONGEST_NUMBER = 400
"""Bytes."""


class DxfDrawing:
    def __init__(self, path: Path) -> None:
        self._tags = Tags(path)
        self.layers: list[Layer] = []
        self.units: int | None = None
        self.error = ""

    def marks(self) -> Iterator[Mark]:
        section, block = "", MODEL
        polyline: Mark | None = None
        for kind, tags in self._groups():
            if polyline is not None and kind == "VERTEX":
                self._take_vertex(polyline, tags)
                continue
            if polyline is not None:  # its vertices are other entities, up to another kind
                yield polyline
                polyline = None
            if kind == "SECTION":
                section, block = self._text(tags, 2), MODEL
                self.units = _units(tags) if section == "HEADER" else self.units
            elif kind == "BLOCK":
                block = self._text(tags, 2)
            elif kind == "ENDBLK":
                block = MODEL
            elif kind == "LAYER" and section == "TABLES":
                self._take_layer(tags)
            elif (section == "ENTITIES" or block) and kind not in _NOT_DRAWN:
                mark = self._mark(kind, tags, block)
                if kind == "POLYLINE":
                    polyline = mark
                elif mark is not None:
                    yield mark
        if polyline is not None:
            yield polyline

    def _groups(self) -> Iterator[tuple[str, list[Tag]]]:
        """Each thing with its tags. The variables of the header are tags of its section."""
        kind = ""
        tags: list[Tag] = []
        try:
            for code, raw in self._tags:
                if code == 0:
                    if kind:
                        yield kind, tags
                    kind, tags = raw.strip()[:64].decode("ascii", "replace").upper(), []
                else:
                    tags.append((code, raw))
        except DXFError as error:
            self.error = str(error)
        if kind:
            yield kind, tags

    def _take_layer(self, tags: list[Tag]) -> None:
        color = _whole(_first(tags, 62)) or 0
        is_frozen = (_whole(_first(tags, 70)) or 0) & 1
        if name := self._text(tags, 2):
            true_color = _whole(_first(tags, 420))
            self.layers.append(Layer(name, abs(color), true_color, visible=color >= 0 and not is_frozen))

    def _take_vertex(self, polyline: Mark, tags: list[Tag]) -> None:
        found = self._mark("VERTEX", tags, polyline.owner)
        vertex = found.at if found else {}
        flags = whole(vertex.get("flags"))
        if "location" in vertex and (not flags & _OF_A_MESH or flags & _IS_A_POINT):  # else it is a face, made of others
            polyline.at.setdefault("points", []).append(vertex["location"])
            polyline.at.setdefault("bulges", []).append(vertex.get("bulge", 0.0))

    def _mark(self, kind: str, tags: list[Tag], owner: str) -> Mark | None:
        """None for what is on paper."""
        first = dict(reversed(tags))
        if first.get(_ON_PAPER, b"").strip() == b"1":
            return None
        kind = _RENAMED.get(kind, kind)
        mark = Mark(kind, self._tags.text(first.get(8, b"")).strip() or "0", owner)
        mark.color, mark.true_color = _whole(first.get(62)), _whole(first.get(420))
        if kind == "HATCH":
            start = next((place for place, (code, _raw) in enumerate(tags) if code == 91), len(tags))
            mark.at["paths"] = read_paths([(code, number(raw)) for code, raw in tags[start:]])
            tags = [*tags[:start], *(tag for tag in tags[start:] if tag[0] in _UPWARD)]
        elif kind == "MULTILEADER":
            mark.at |= self._multileader(tags)
        self._read(mark, tags)
        return mark

    def _read(self, mark: Mark, tags: Sequence[Tag]) -> None:
        points, numbers = _POINTS.get(mark.kind, _INSERTED), _NUMBERS.get(mark.kind, {})
        texts, series = _TEXTS.get(mark.kind, {}), _SERIES.get(mark.kind, {})
        growing: dict[int, list[float]] = {}
        """The latest point by the code of its x."""
        found: dict[str, Any] = {}
        lists: dict[str, list[list[float]]] = {}
        bulges: dict[int, float] = {}
        for code, raw in tags:
            first = 10 + code % 10 if 10 <= code < 40 else 210 if code in _UPWARD else 0
            if first in points or first == 210:
                if code == first:
                    point = growing[first] = [number(raw), 0.0, 0.0]
                    name = points.get(first, "extrusion")
                    if name in _LISTS:
                        lists.setdefault(name, []).append(point)
                    else:
                        found[name] = point
                elif first in growing:
                    growing[first][(code - first) // 10] = number(raw)
            elif code in numbers:
                found[numbers[code]] = number(raw)
            elif code in series:
                found.setdefault(series[code], []).append(number(raw))
            elif code in texts:
                found[texts[code]] = self._tags.text(raw)
            elif code == 42 and mark.kind == "LWPOLYLINE":
                bulges[len(lists.get("points", ())) - 1] = number(raw)
        listed = {name: [tuple(point) for point in line] for name, line in lists.items()}
        mark.extrusion = tuple(found.pop("extrusion", mark.extrusion))
        single = {name: tuple(value) if name in points.values() else value for name, value in found.items()}
        mark.at |= single | listed
        if bulges:
            mark.at["bulges"] = [bulges.get(place, 0.0) for place in range(len(listed.get("points", ())))]

    def _multileader(self, tags: Sequence[Tag]) -> dict[str, Any]:
        """Its text, and the points of its lines, which stand in brackets of their own."""
        text = ""
        lines: list[list[list[float]]] = []
        is_inside = False
        for code, raw in tags:
            if code == 304 and raw.strip() == b"LEADER_LINE{":
                is_inside = True
                lines.append([])
            elif code == 305:
                is_inside = False
            elif code == 304:
                text = text or self._tags.text(raw)
            elif is_inside and code == 10:
                lines[-1].append([number(raw), 0.0, 0.0])
            elif is_inside and code in (20, 30) and lines[-1]:
                lines[-1][-1][code // 10 - 1] = number(raw)
        return {"text": text, "lines": [[tuple(point) for point in line] for line in lines if line]}

    def _text(self, tags: list[Tag], code: int) -> str:
        return self._tags.text(_first(tags, code)).strip()


def _first(tags: list[Tag], code: int) -> bytes:
    return next((raw for found, raw in tags if found == code), b"")


def _units(tags: list[Tag]) -> int | None:
    variable = b""
    for code, raw in tags:
        if code == 9:
            variable = raw.strip()
        elif variable == b"$INSUNITS" and code == 70:
            return _whole(raw)
    return None


def number(raw: bytes) -> float:
    """NaN for what is none."""
    try:
        return float(raw) if len(raw) < LONGEST_NUMBER else math.nan
    except ValueError:
        return math.nan


def _whole(raw: bytes | None) -> int | None:
    value = number(raw) if raw else math.nan
    return int(value) if abs(value) < 2**32 else None  # NaN is not
