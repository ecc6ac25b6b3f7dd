"""Marks to JSON, and what they take of the drawing's sheet. All points are in the drawing's coordinates, angles in degrees to the
left. What an entity's own plane is, where it is not the drawing's, `normal` says; `z` is there where it is not 0."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from retrieval.extract.drawing import plain_of
from retrieval.extract.geometry.marks import Mark, Point, whole
from retrieval.extract.geometry.planes import Curve, Plane, arc, bulged

Json = dict[str, Any]
BY_LAYER = 256
_CLOSED, _IN_SPACE = 1, 8
_MLINE_CLOSED = 2
_DIMENSIONS = ("linear", "aligned", "angular", "diameter", "radius", "angular3Point", "ordinate")
_IN_PLANE = {"CIRCLE", "ARC", "LWPOLYLINE", "POLYLINE", "TEXT", "ATTRIB", "ATTDEF", "INSERT", "SOLID", "TRACE", "SHAPE", "HATCH"}
"""Whose points are of their own plane; those of others are the drawing's."""
_KEYS: dict[str, dict[str, str]] = {
    "LINE": {"startPoint": "start", "endPoint": "end"},
    "RAY": {"startPoint": "start", "direction": "unit_vector"},
    "XLINE": {"startPoint": "start", "direction": "unit_vector"},
    "POINT": {"position": "location"},
    "CIRCLE": {"center": "center", "radius": "radius"},
    "ARC": {"center": "center", "radius": "radius"},
    "ELLIPSE": {"center": "center", "majorAxis": "major_axis", "axisRatio": "axis_ratio"}
    | {"startParameter": "start_param", "endParameter": "end_param"},
    "SPLINE": {"degree": "degree", "controlPoints": "control_points", "fitPoints": "fit_points"}
    | {"knots": "knots", "weights": "weights"},
    "TEXT": {"position": "insert", "height": "height", "rotation": "rotation"},
    "ATTRIB": {"tag": "tag", "position": "insert", "height": "height", "rotation": "rotation"},
    "ATTDEF": {"tag": "tag", "position": "insert", "height": "height", "rotation": "rotation"},
    "MTEXT": {"position": "insert", "height": "height", "width": "width"},
    "TOLERANCE": {"position": "insert"},
    "SHAPE": {"name": "name", "position": "insert"},
    "INSERT": {"block": "name", "position": "insert", "rotation": "rotation"},
    "DIMENSION": {"measurement": "actual_measurement", "definitionPoint": "defpoint"},
    "SOLID": {"vertices": "points"},
    "TRACE": {"vertices": "points"},
    "3DFACE": {"vertices": "points"},
    "LEADER": {"vertices": "points"},
    "MLINE": {"vertices": "points"},
    "MULTILEADER": {"lines": "lines"},
    "HATCH": {"pattern": "pattern_name"},
    "IMAGE": {"position": "insert", "uVector": "u_vector", "vVector": "v_vector"},
    "WIPEOUT": {"position": "insert", "uVector": "u_vector", "vVector": "v_vector"},
}
"""What an entity shows, by the attribute that it is. Entities of other types say where they are inserted, if they do."""
_VECTORS = {"direction", "majorAxis", "uVector", "vVector"}
_WRITTEN = {"TEXT", "MTEXT", "ATTRIB", "ATTDEF", "TOLERANCE", "MULTILEADER", "DIMENSION"}


class NoNumber(ValueError):
    """Something of an entity is no number, or none that JSON has."""


def number(value: Any) -> float | int:
    found = float(value)
    if not math.isfinite(found):
        raise NoNumber
    return int(found) if found.is_integer() and abs(found) < 2**53 else found


def point(value: Any) -> Json:
    x, y, z = value
    shown: Json = {"x": number(x), "y": number(y)}
    return shown if not z else shown | {"z": number(z)}


def entity(mark: Mark) -> Json:
    """Raises NoNumber, and TypeError or ValueError for attributes of no sense."""
    plane = plane_of(mark)
    shown: Json = {"type": mark.kind, "layer": mark.layer}
    if mark.color is not None and mark.color != BY_LAYER:
        shown["color"] = abs(mark.color)
    if mark.true_color is not None:
        shown["trueColor"] = hexadecimal(mark.true_color)
    for key, name in _KEYS.get(mark.kind, {"position": "insert"}).items():
        value = mark.at.get(name)
        if value is not None and value != []:
            shown[key] = _value(value, plane if key not in _VECTORS else None)
    if mark.kind in _WRITTEN:
        shown["text"] = plain_of(mark.kind, str(mark.at.get("text") or ""))
    if (more := _MORE.get(mark.kind)) is not None:
        shown |= more(mark, plane)
    if plane.z != (0.0, 0.0, 1.0):
        shown["normal"] = point(plane.z)
    return shown


def hexadecimal(true_color: int) -> str:
    return f"#{true_color & 0xFFFFFF:06x}"


def plane_of(mark: Mark) -> Plane:
    is_flat = mark.kind not in _IN_PLANE or (mark.kind == "POLYLINE" and whole(mark.at.get("flags")) & _IN_SPACE)
    return Plane.looking((0.0, 0.0, 1.0) if is_flat else mark.extrusion)


def _value(value: Any, plane: Plane | None) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return point(plane.point((value[0], value[1], value[2])) if plane else value)
    if isinstance(value, list):
        return [_value(inner, plane) for inner in value]
    return number(value)


# --- What is more than attributes -------------------------------------------------------------------------------------------


def _arc(mark: Mark, plane: Plane) -> Json:
    start, end = mark.at.get("start_angle", 0.0), mark.at.get("end_angle", 360.0)
    if plane.is_mirrored:
        start, end = 180 - end, 180 - start
    # Degrees that were kept as radians come back a little beside what they were.
    return {"startAngle": number(round(start % 360, 9)), "endAngle": number(round(end % 360, 9) or 360)}


def _line(mark: Mark, plane: Plane) -> Json:
    is_closed = bool(whole(mark.at.get("flags")) & (_MLINE_CLOSED | _CLOSED if mark.kind == "MLINE" else _CLOSED))
    return {
        "vertices": _vertices(mark.at.get("points", []), mark.at.get("bulges", []), plane, _height(mark)),
        "closed": is_closed,
    }


def _vertices(points: list[Point], bulges: list[float], plane: Plane, height: float) -> list[Json]:
    shown = [point(plane.point((x, y, z or height))) for x, y, z in points]
    for vertex, bulge in zip(shown, bulges, strict=False):
        if bulge:
            vertex["bulge"] = number(-bulge if plane.is_mirrored else bulge)
    return shown


def _height(mark: Mark) -> float:
    """What a flat line or hatch is lifted by."""
    return float(mark.at.get("elevation") or mark.at.get("base", (0.0, 0.0, 0.0))[2])


def _spline(mark: Mark, _plane: Plane) -> Json:
    return {"closed": bool(whole(mark.at.get("flags")) & _CLOSED)}


def _insert(mark: Mark, _plane: Plane) -> Json:
    at = mark.at
    shown: Json = {"scale": {axis: number(at.get(f"{axis}scale", 1.0)) for axis in ("x", "y", "z")}}
    shown.setdefault("rotation", number(at.get("rotation", 0.0)))
    columns, rows = whole(at.get("column_count")) or 1, whole(at.get("row_count")) or 1
    if (columns, rows) != (1, 1):
        shown |= {"columns": columns, "rows": rows}
        shown |= {"columnSpacing": number(at.get("column_spacing", 0)), "rowSpacing": number(at.get("row_spacing", 0))}
    return shown


def _dimension(mark: Mark, _plane: Plane) -> Json:
    upward = Plane.looking(mark.extrusion)
    shown: Json = {"dimensionType": _DIMENSIONS[min(whole(mark.at.get("flags")) & 7, 6)]}
    if (middle := mark.at.get("text_midpoint")) is not None:
        shown["textPosition"] = point(upward.point((middle[0], middle[1], middle[2])))
    measured = (mark.at.get(name) for name in ("defpoint2", "defpoint3", "defpoint4", "defpoint5"))
    return shown | {"points": [point(found) for found in measured if found is not None]}


def _hatch(mark: Mark, plane: Plane) -> Json:
    height = _height(mark)
    paths: list[Json] = []
    for path in mark.at.get("paths", []):
        if "edges" in path:
            paths.append({"edges": [_edge(edge, plane, height) for edge in path["edges"]]})
        else:
            points, bulges = path["points"], path.get("bulges", [])
            paths.append({"vertices": _vertices(points, bulges, plane, height), "closed": bool(path["closed"])})
    return {"solid": bool(mark.at.get("solid_fill")), "paths": paths}


def _edge(edge: Json, plane: Plane, height: float) -> Json:
    """As the entity of its type, in the plane of its hatch."""
    lifted = {name: _lifted(value, height) if name != "major_axis" else value for name, value in edge.items()}
    keys = {"LINE": _KEYS["LINE"], "SPLINE": _KEYS["SPLINE"]}.get(edge["kind"], {"center": "center", "radius": "radius"})
    shown: Json = {"type": edge["kind"]}
    shown |= {key: _value(lifted[name], plane) for key, name in keys.items() if name in lifted}
    if edge["kind"] == "ELLIPSE" and "major_axis" in edge:
        shown |= {"majorAxis": point(plane.point(edge["major_axis"])), "axisRatio": number(edge.get("axis_ratio", 1))}
    if edge["kind"] in ("ARC", "ELLIPSE"):
        start, end = _ends(edge)
        if plane.is_mirrored:
            start, end = 180 - end, 180 - start
        shown |= {"startAngle": number(start), "endAngle": number(end)}
    return shown


def _ends(edge: Json) -> tuple[float, float]:
    start, end = edge.get("start_angle", 0.0), edge.get("end_angle", 360.0)
    return (start, end) if edge.get("to_the_left", 1) else (-end, -start)  # the angles of one to the right are counted so


def _lifted(value: Any, height: float) -> Any:
    if isinstance(value, tuple):
        return (value[0], value[1], value[2] or height)
    return [_lifted(inner, height) for inner in value] if isinstance(value, list) else value


def _image(mark: Mark, _plane: Plane) -> Json:
    size = mark.at.get("size")
    return {"size": {"width": number(size[0]), "height": number(size[1])}} if size else {}


_MORE: dict[str, Callable[[Mark, Plane], Json]] = {
    "ARC": _arc,
    "LWPOLYLINE": _line,
    "POLYLINE": _line,
    "MLINE": _line,
    "SPLINE": _spline,
    "INSERT": _insert,
    "DIMENSION": _dimension,
    "HATCH": _hatch,
    "IMAGE": _image,
    "WIPEOUT": _image,
}

# --- What it takes of the sheet -----------------------------------------------------------------------------------------------


def outermost(mark: Mark) -> Iterator[tuple[float, float]]:
    """Points that no part of it lies beyond. Of a text where it begins, of a ray where it comes from, of a curve that its control
    points make these; an insert's block is not in it."""
    plane, at = plane_of(mark), mark.at
    match mark.kind:
        case "CIRCLE":
            yield from arc(plane, at["center"], at["radius"]).outermost()
        case "ARC":
            ends = (at.get("start_angle", 0.0), at.get("end_angle", 360.0))
            yield from arc(plane, at["center"], at["radius"], *ends).outermost()
        case "ELLIPSE":
            yield from _ellipse(mark).outermost()
        case "LWPOLYLINE" | "POLYLINE":
            points, bulges = at.get("points", []), at.get("bulges", [])
            bulges = [*bulges, *[0.0] * (len(points) - len(bulges))]
            is_closed = bool(whole(at.get("flags")) & _CLOSED)
            yield from bulged(plane, zip(points, bulges, strict=False), closed=is_closed)
        case "HATCH":
            for path in at.get("paths", []):
                yield from _of_path(path, plane)
        case "IMAGE" | "WIPEOUT":
            yield from _of_image(mark)
        case "RAY" | "XLINE":
            yield at["start"][:2]
        case _:
            yield from _of_points([value for name, value in at.items() if name in _PLACES], plane)


_PLACES = {"start", "end", "location", "points", "insert", "control_points", "fit_points", "lines", "text_midpoint"} | {
    f"defpoint{number}" for number in ("", 2, 3, 4, 5)
}


def _of_points(values: list[Any], plane: Plane) -> Iterator[tuple[float, float]]:
    for value in values:
        if isinstance(value, tuple):
            x, y, _z = plane.point((value[0], value[1], value[2]))
            yield x, y
        elif isinstance(value, list):
            yield from _of_points(value, plane)


def _ellipse(mark: Mark) -> Curve:
    at, up = mark.at, Plane.looking(mark.extrusion).z
    major, ratio = at["major_axis"], float(at.get("axis_ratio", 1.0))
    minor = (
        (up[1] * major[2] - up[2] * major[1]) * ratio,
        (up[2] * major[0] - up[0] * major[2]) * ratio,
        (up[0] * major[1] - up[1] * major[0]) * ratio,
    )
    return Curve(at["center"], major, minor, float(at.get("start_param", 0.0)), float(at.get("end_param", 2 * math.pi)))


def _of_path(path: Json, plane: Plane) -> Iterator[tuple[float, float]]:
    if "edges" not in path:
        points, bulges = path["points"], path.get("bulges", [])
        yield from bulged(plane, zip(points, [*bulges, *[0.0] * (len(points) - len(bulges))], strict=False), closed=True)
        return
    for edge in path["edges"]:
        if edge["kind"] == "ARC" and "center" in edge:
            yield from arc(plane, edge["center"], edge.get("radius", 0.0), *_ends(edge)).outermost()
        elif edge["kind"] == "ELLIPSE" and "center" in edge and "major_axis" in edge:
            yield from _of_points([edge["center"]], plane)
        else:
            yield from _of_points([edge.get("start"), edge.get("end"), edge.get("control_points")], plane)


def _of_image(mark: Mark) -> Iterator[tuple[float, float]]:
    at = mark.at
    (x, y, _z), size = at["insert"], at.get("size", (0.0, 0.0))
    u, v = at.get("u_vector", (0.0, 0.0, 0.0)), at.get("v_vector", (0.0, 0.0, 0.0))
    for right in (0.0, size[0]):
        for up in (0.0, size[1]):
            yield x + u[0] * right + v[0] * up, y + u[1] * right + v[1] * up
