"""The outline of a hatch in DXF: paths, each a line of points or a list of edges. What they mean depends on where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrieval.extract.geometry.marks import whole

_IS_A_LINE = 2
_EDGES = {1: "LINE", 2: "ARC", 3: "ELLIPSE", 4: "SPLINE"}
_OF_EDGES: dict[str, dict[int, str]] = {
    "LINE": {},
    "ARC": {40: "radius", 50: "start_angle", 51: "end_angle", 73: "to_the_left"},
    "ELLIPSE": {40: "axis_ratio", 50: "start_angle", 51: "end_angle", 73: "to_the_left"},
    "SPLINE": {94: "degree"},
}
"""The numbers of an edge by their codes."""
_POINTS: dict[str, dict[int, str]] = {
    "LINE": {10: "start", 11: "end"},
    "ARC": {10: "center"},
    "ELLIPSE": {10: "center", 11: "major_axis"},
    "SPLINE": {10: "control_points"},
}


def read_paths(tags: Sequence[tuple[int, float]]) -> list[dict[str, Any]]:
    """Each `{closed, points, bulges}` or `{edges: [{kind, ...}]}`, in the hatch's own plane."""
    paths: list[list[tuple[int, float]]] = []
    for code, value in tags:
        if code == 92:
            paths.append([(code, value)])
        elif code == 75:  # the style: the paths are over
            break
        elif paths:
            paths[-1].append((code, value))
    return [_line(path) if whole(path[0][1]) & _IS_A_LINE else _edged(path) for path in paths]


def _line(path: Sequence[tuple[int, float]]) -> dict[str, Any]:
    points: list[tuple[float, float, float]] = []
    bulges: list[float] = []
    closed = True
    for code, value in path:
        if code == 10:
            points.append((value, 0.0, 0.0))
            bulges.append(0.0)
        elif code == 20 and points:
            points[-1] = (points[-1][0], value, 0.0)
        elif code == 42 and bulges:
            bulges[-1] = value
        elif code == 73:
            closed = bool(value)
    return {"closed": closed, "points": points, "bulges": bulges}


def _edged(path: Sequence[tuple[int, float]]) -> dict[str, Any]:
    edges: list[dict[str, Any]] = []
    for code, value in path:
        if code == 72:
            edges.append({"kind": _EDGES.get(whole(value), "LINE")})
        elif edges:
            _take(edges[-1], code, value)
    return {"edges": edges}


def _take(edge: dict[str, Any], code: int, value: float) -> None:
    points, first = _POINTS[edge["kind"]], 10 + code % 10
    if code in _OF_EDGES[edge["kind"]]:
        edge[_OF_EDGES[edge["kind"]][code]] = value
    elif code < 30 and first in points:
        name = points[first]
        if name == "control_points":
            line = edge.setdefault(name, [])
            if code == first:
                line.append((value, 0.0, 0.0))
            elif line:
                line[-1] = (line[-1][0], value, 0.0)
        else:
            edge[name] = (value, 0.0, 0.0) if code == first else (edge.get(name, (0.0,))[0], value, 0.0)
