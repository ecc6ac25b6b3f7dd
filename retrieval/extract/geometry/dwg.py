"""DWG: what ezdwg reads as marks, one kind of entity at a time, so that a damaged kind does not take the others with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ezdwg import raw
from ezdwg.document import SUPPORTED_ENTITY_TYPES, SUPPORTED_VERSIONS, Document
from ezdwg.entity import Entity

from retrieval.extract import ExtractionFailed
from retrieval.extract.geometry.marks import MODEL, Layer, Mark

_KINDS = {"POLYLINE_2D": "POLYLINE", "POLYLINE_3D": "POLYLINE", "POLYLINE_MESH": "POLYLINE", "POLYLINE_PFACE": "POLYLINE"} | {
    "MINSERT": "INSERT"
}
_NOT_DRAWN = {"BLOCK", "ENDBLK", "SEQEND", "VIEWPORT", "VERTEX_2D", "VERTEX_3D", "VERTEX_MESH", "VERTEX_PFACE"} | {
    "VERTEX_PFACE_FACE",
    "LONG_TRANSACTION",
}
_RENAMED = {
    "char_height": "height",
    "rect_width": "width",
    "vertices": "points",
}
_ON_PAPER = "*PAPER_SPACE"
_IN_MODEL = ("*MODEL_SPACE", "MODEL_SPACE")
_MODEL, _PAPER, _OWNED = 2, 1, 0
"""How an entity says where it is."""
LONGEST_CHAIN = 8
"""Of owners, from an attribute to its insert to its block."""


class DwgDrawing:
    """Raises ExtractionFailed for a version that is not read."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            version = file.read(6).decode("ascii", "replace")
        if version not in SUPPORTED_VERSIONS:
            raise ExtractionFailed("unsupported", version)
        self._path = str(path)
        self._document = Document(path=self._path, version=version)
        self.error = ""
        self.units: int | None = None
        self.layers: list[Layer] = []
        self._layer_names = {row[0]: row[1] for row in self._rows(raw.decode_layer_names)}
        self._placements = {row[0]: (row[1], row[2]) for row in self._rows(raw.decode_entity_placements)}
        self._blocks = {row[0]: str(row[1]) for row in self._rows(raw.decode_block_header_names)}

    def marks(self) -> Iterator[Mark]:
        """Those of blocks first: what stands in the drawing is kept until then."""
        self.units = self._document.insunits
        self.layers = [
            Layer(name or "0", *self._colors.get(handle, (0, None)), visible=self._visible.get(handle, True))
            for handle, name in self._layer_names.items()
        ]
        drawn: list[Mark] = []
        for kind in SUPPORTED_ENTITY_TYPES:
            if kind not in _NOT_DRAWN:
                for mark in self._of_kind(kind):
                    if mark.owner == MODEL:
                        drawn.append(mark)
                    else:
                        yield mark
        yield from drawn

    @property
    def _colors(self) -> dict[int, tuple[int, int | None]]:
        return {handle: (color, true_color) for handle, color, true_color in self._rows(raw.decode_layer_colors)}

    @property
    def _visible(self) -> dict[int, bool]:
        return {row[0]: not row[1] and not row[2] for row in self._rows(raw.decode_layer_states)}

    def _rows(self, decode: Callable[[str], Iterable[Any]]) -> list[Any]:
        try:
            return list(decode(self._path))
        except (ValueError, OSError, RuntimeError) as error:
            self.error = str(error)
            return []

    def _of_kind(self, kind: str) -> Iterator[Mark]:
        try:
            for entity in self._document.entities().query(kind):
                owner = self._owner_of(entity.handle)
                if owner is not None:
                    yield self._mark(entity, owner)
        except Exception as error:  # ezdwg's own code on top of its decoder raises what it stumbles over
            self.error = f"{kind}: {error}"

    def _owner_of(self, handle: int) -> str | None:
        """The name of its block, `MODEL`, or None for what is on paper."""
        for _step in range(LONGEST_CHAIN):
            mode, owner = self._placements.get(handle, (_MODEL, 0))
            if mode == _PAPER:
                return None
            if mode != _OWNED or not owner:
                return MODEL
            if owner in self._blocks:
                name = self._blocks[owner].strip()
                return MODEL if name.upper() in _IN_MODEL else None if name.upper().startswith(_ON_PAPER) else name
            handle = owner
        return MODEL

    def _mark(self, entity: Entity, owner: str) -> Mark:
        at = entity.dxf
        layer = self._layer_names.get(at.get("layer_handle")) or "0"
        extrusion = tuple(at.get("extrusion") or (0.0, 0.0, 1.0))
        mark = Mark(_KINDS.get(entity.dxftype, entity.dxftype), layer, owner, at.get("color_index"), at.get("true_color"))
        mark.extrusion = (extrusion[0], extrusion[1], extrusion[2])
        mark.at = {_RENAMED.get(str(name), str(name)): value for name, value in at.items()}
        _fit(mark, entity.dxftype)
        return mark


def _fit(mark: Mark, kind: str) -> None:
    """What ezdwg calls or counts in another way than DXF does."""
    at = mark.at
    if kind == "ELLIPSE":
        at["start_param"], at["end_param"] = at.get("start_angle", 0.0), at.get("end_angle", 2 * math.pi)
    elif kind == "DIMENSION":
        at["flags"] = {"LINEAR": 0, "ALIGNED": 1, "ANG2LN": 2, "DIAMETER": 3, "RADIUS": 4, "ANG3PT": 5, "ORDINATE": 6}.get(
            str(at.get("dimtype")), 0
        )
    elif kind == "POLYLINE_3D":
        mark.extrusion = (0.0, 0.0, 1.0)
    elif kind == "SHAPE":
        at.pop("name", None)
    elif kind == "MTEXT":
        at["text"] = at.get("raw_text", at.get("text"))
    if kind in ("LWPOLYLINE", "POLYLINE_2D", "POLYLINE_3D", "POLYLINE_MESH", "SPLINE", "MLINE"):
        at["flags"] = 1 if at.get("closed") else 0
    for name in ("column_count", "row_count"):
        if name in at:
            at[name] = float(at[name])
