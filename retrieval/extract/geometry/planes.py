"""Points and curves of an entity's own plane in the drawing's coordinates, and boxes around them.

The plane follows from the entity's extrusion, the direction it looks up to, by the rule of the DXF reference ("arbitrary axis
algorithm"), so that a direction alone is enough.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from retrieval.extract.geometry.marks import Point

UP: Point = (0.0, 0.0, 1.0)
_ALMOST_UP = 1 / 64
_TURN = 2 * math.pi


@dataclass(frozen=True, slots=True)
class Plane:
    """Its axes, in the drawing's coordinates."""

    x: Point
    y: Point
    z: Point

    def point(self, point: Point) -> Point:
        if self.z == UP:
            return point
        u, v, w = point
        return (
            self.x[0] * u + self.y[0] * v + self.z[0] * w,
            self.x[1] * u + self.y[1] * v + self.z[1] * w,
            self.x[2] * u + self.y[2] * v + self.z[2] * w,
        )

    @property
    def is_mirrored(self) -> bool:
        """Seen from above it is drawn as in a mirror: what turns to the left in it turns to the right in the drawing."""
        return self.z[2] < 0

    @classmethod
    def looking(cls, direction: Point) -> Plane:
        length = math.hypot(*direction)
        if not length or not math.isfinite(length):
            return FLAT
        z = (direction[0] / length, direction[1] / length, direction[2] / length)
        if z == UP:
            return FLAT
        x = _unit(_cross((0.0, 1.0, 0.0) if abs(z[0]) < _ALMOST_UP and abs(z[1]) < _ALMOST_UP else UP, z))
        return cls(x, _cross(z, x), z)


FLAT = Plane((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), UP)


def _cross(a: Point, b: Point) -> Point:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _unit(a: Point) -> Point:
    length = math.hypot(*a)
    return (a[0] / length, a[1] / length, a[2] / length)


@dataclass(slots=True)
class Box:
    """Around points; nothing before the first."""

    least: tuple[float, float] = (math.inf, math.inf)
    most: tuple[float, float] = (-math.inf, -math.inf)

    def add(self, x: float, y: float) -> None:
        if math.isfinite(x) and math.isfinite(y):  # what is computed may be too large for a number
            self.least = (min(self.least[0], x), min(self.least[1], y))
            self.most = (max(self.most[0], x), max(self.most[1], y))

    def __bool__(self) -> bool:
        return self.least[0] <= self.most[0]

    def corners(self) -> Iterator[tuple[float, float]]:
        for x in (self.least[0], self.most[0]):
            for y in (self.least[1], self.most[1]):
                yield x, y


@dataclass(frozen=True, slots=True)
class Curve:
    """Part of an ellipse: `center` + `major` · cos t + `minor` · sin t for t from `start` to `end`, to the left."""

    center: Point
    major: Point
    minor: Point
    start: float = 0.0
    end: float = _TURN
    extent: float = field(init=False)

    def __post_init__(self) -> None:
        turned = (self.end - self.start) % _TURN
        object.__setattr__(self, "extent", turned if turned > 1e-12 else _TURN)

    def outermost(self) -> Iterator[tuple[float, float]]:
        """Its ends, and where it is farthest out in x and in y."""
        yield self._at(self.start)
        yield self._at(self.start + self.extent)
        for axis in (0, 1):
            farthest = math.atan2(self.minor[axis], self.major[axis])
            for t in (farthest, farthest + math.pi):
                if (t - self.start) % _TURN <= self.extent:
                    yield self._at(t)

    def _at(self, t: float) -> tuple[float, float]:
        cos, sin = math.cos(t), math.sin(t)
        return (
            self.center[0] + self.major[0] * cos + self.minor[0] * sin,
            self.center[1] + self.major[1] * cos + self.minor[1] * sin,
        )


def arc(plane: Plane, center: Point, radius: float, start: float = 0.0, end: float = 360.0) -> Curve:
    """Of a circle in `plane`, with angles in degrees."""
    major = plane.point((radius, 0.0, 0.0))
    minor = plane.point((0.0, radius, 0.0))
    return Curve(plane.point(center), major, minor, math.radians(start), math.radians(end))


def bulged(plane: Plane, points: Iterable[tuple[Point, float]], *, closed: bool) -> Iterator[tuple[float, float]]:
    """The outermost points of a line of points. A bulge is the tangent of a quarter of the angle of the arc to the next point,
    negative for one to the right."""
    line = list(points)
    following = [*line[1:], *(line[:1] if closed else ())]
    for point, _bulge in line:
        x, y, _z = plane.point(point)
        yield x, y
    for (point, bulge), (other, _) in zip(line, following, strict=False):
        if bulge and math.isfinite(bulge):
            yield from _between(plane, point, other, bulge).outermost()


def _between(plane: Plane, point: Point, other: Point, bulge: float) -> Curve:
    width, height = other[0] - point[0], other[1] - point[1]
    aside = (1 - bulge * bulge) / (4 * bulge)
    """Of the middle between the two, in lengths of their distance, to the left."""
    center = ((point[0] + other[0]) / 2 - height * aside, (point[1] + other[1]) / 2 + width * aside, point[2])
    radius = math.hypot(point[0] - center[0], point[1] - center[1])
    start = math.atan2(point[1] - center[1], point[0] - center[0])
    end = math.atan2(other[1] - center[1], other[0] - center[0])
    if bulge < 0:
        start, end = end, start
    return arc(plane, center, radius, math.degrees(start), math.degrees(end))
