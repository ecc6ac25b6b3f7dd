"""What is drawn in a drawing: entities of every common type with their points, layers, bounds."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ezdwg
import ezdxf
import pytest
from ezdxf.document import Drawing

from retrieval.extract import PROJECT, ExtractionFailed, Limits, run_child
from retrieval.extract.geometry.sheet import read_dwg, read_dxf
from retrieval.failures import FAILURES
from tests.retrieval import hostile

ROOM = 2_000_000


def read(content: bytes, extension: str = "dxf", room: int = ROOM) -> dict[str, Any]:
    """In this process: what a reader makes of a file, not how it is bounded."""
    reader = {"dxf": read_dxf, "dwg": read_dwg}[extension]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "drawing")
        path.write_bytes(content)
        return json.loads(reader(path, room))


def written(drawing: Drawing, *, binary: bool = False) -> bytes:
    if binary:
        out = io.BytesIO()
        drawing.write(out, fmt="bin")
        return out.getvalue()
    text = io.StringIO()
    drawing.write(text)
    return text.getvalue().encode()


def saved(drawing: Any) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.dwg")
        drawing.save(path)
        return path.read_bytes()


@pytest.fixture(scope="module")
def everything() -> Drawing:
    """One of each, on layers of their own."""
    drawing = ezdxf.new("R2010", setup=True)
    drawing.header["$INSUNITS"] = 4
    drawing.layers.add("Wall", color=3)
    drawing.layers.add("Off", color=5).off()
    drawing.layers.add("Frozen", true_color=0x102030).freeze()
    space = drawing.modelspace()
    space.add_line((0, 0), (100, 0, 5))
    space.add_circle((1, 2), 3, dxfattribs={"layer": "Wall", "color": 1, "true_color": 0xFF8000})
    space.add_arc((0, 0), 10, 30, 90)
    space.add_lwpolyline([(0, 0, 0, 0, 1), (4, 0), (4, 4)], close=True)
    space.add_polyline3d([(0, 0, 1), (1, 1, 2)])
    space.add_ellipse((0, 0), (2, 0), 0.5)
    space.add_spline([(0, 0), (1, 1), (2, 0)])
    space.add_open_spline([(0, 0), (1, 1), (2, 0), (3, 3)])
    space.add_text("DN50 %%c5", height=2).set_placement((1, 1))
    space.add_mtext("第一行\\P第二行", dxfattribs={"insert": (7, 8), "char_height": 3})
    space.add_point((1, 2, 3))
    block = drawing.blocks.new("PART")
    block.add_circle((0, 0), 5)
    attributes = {"rotation": 90, "xscale": 2, "column_count": 3, "column_spacing": 20}
    space.add_blockref("PART", (200, 200), dxfattribs=attributes).add_attrib("NAME", "P-7", (201, 201))
    hatch = space.add_hatch()
    hatch.paths.add_polyline_path([(0, 0), (1, 0), (1, 1, 0.5)])
    edges = hatch.paths.add_edge_path()
    edges.add_line((0, 0), (1, 1))
    edges.add_arc((0, 0), 1, 0, 90)
    space.add_linear_dim((0, 2), (0, 0), (10, 0)).render()
    space.add_leader([(0, 0), (5, 5)])
    space.add_solid([(0, 0), (1, 0), (0, 1), (1, 1)])
    space.add_3dface([(0, 0, 1), (1, 0, 1), (0, 1, 1)])
    space.add_ray((0, 0), (0, 1))
    drawing.layout("Layout1").add_line((9_000, 9_000), (9_999, 9_999))
    return drawing


def of(read_: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(entity for entity in read_["entities"] if entity["type"] == kind)


def test_every_common_entity_has_its_points(everything: Drawing) -> None:
    found = read(written(everything))
    assert of(found, "LINE") == {
        "type": "LINE",
        "layer": "0",
        "startPoint": {"x": 0, "y": 0},
        "endPoint": {"x": 100, "y": 0, "z": 5},
    }
    circle = {"type": "CIRCLE", "layer": "Wall", "color": 1, "trueColor": "#ff8000", "center": {"x": 1, "y": 2}, "radius": 3}
    assert of(found, "CIRCLE") == circle
    assert (of(found, "ARC")["startAngle"], of(found, "ARC")["endAngle"]) == (30, 90)
    polyline = of(found, "LWPOLYLINE")
    assert polyline["vertices"] == [{"x": 0, "y": 0, "bulge": 1}, {"x": 4, "y": 0}, {"x": 4, "y": 4}]
    assert polyline["closed"] is True
    assert of(found, "POLYLINE")["vertices"] == [{"x": 0, "y": 0, "z": 1}, {"x": 1, "y": 1, "z": 2}]
    assert of(found, "ELLIPSE")["majorAxis"] == {"x": 2, "y": 0}
    by_fit, by_control = (entity for entity in found["entities"] if entity["type"] == "SPLINE")
    assert by_fit["fitPoints"] == [{"x": 0, "y": 0}, {"x": 1, "y": 1}, {"x": 2, "y": 0}]
    assert (len(by_control["controlPoints"]), by_control["degree"], len(by_control["knots"])) == (4, 3, 8)
    assert (of(found, "TEXT")["text"], of(found, "TEXT")["position"]) == ("DN50 Ø5", {"x": 1, "y": 1})
    assert (of(found, "MTEXT")["text"], of(found, "MTEXT")["height"]) == ("第一行\n第二行", 3)
    assert of(found, "POINT")["position"] == {"x": 1, "y": 2, "z": 3}
    insert = of(found, "INSERT")
    assert (insert["block"], insert["position"], insert["rotation"]) == ("PART", {"x": 200, "y": 200}, 90)
    assert (insert["scale"], insert["columns"], insert["columnSpacing"]) == ({"x": 2, "y": 1, "z": 1}, 3, 20)
    assert (of(found, "ATTRIB")["tag"], of(found, "ATTRIB")["text"]) == ("NAME", "P-7")
    outline, edged = of(found, "HATCH")["paths"]
    assert outline["vertices"][2] == {"x": 1, "y": 1, "bulge": 0.5}
    assert [edge["type"] for edge in edged["edges"]] == ["LINE", "ARC"]
    assert edged["edges"][1]["endAngle"] == 90
    assert of(found, "DIMENSION")["dimensionType"] == "linear"
    assert of(found, "DIMENSION")["points"] == [{"x": 0, "y": 0}, {"x": 10, "y": 0}]
    assert of(found, "LEADER")["vertices"] == [{"x": 0, "y": 0}, {"x": 5, "y": 5}]
    assert len(of(found, "SOLID")["vertices"]) == 4
    assert of(found, "3DFACE")["vertices"][0] == {"x": 0, "y": 0, "z": 1}
    assert of(found, "RAY")["direction"] == {"x": 0, "y": 1}
    assert (found["units"], found["truncated"], found["leftOut"]) == ("millimeters", False, 0)


def test_layers_have_colours_and_say_whether_they_are_shown(everything: Drawing) -> None:
    layers = {layer["name"]: layer for layer in read(written(everything))["layers"]}
    assert layers["Wall"] == {"name": "Wall", "color": 3, "visible": True}
    assert layers["Off"] == {"name": "Off", "color": 5, "visible": False}
    assert (layers["Frozen"]["visible"], layers["Frozen"]["trueColor"]) == (False, "#102030")


def test_a_binary_drawing_says_the_same(everything: Drawing) -> None:
    assert read(written(everything, binary=True)) == read(written(everything))


def bounds_of(draw: Callable[[Any], object], blocks: dict[str, Callable[[Any], object]] | None = None) -> Any:
    drawing = ezdxf.new()
    for name, draw_block in (blocks or {}).items():
        draw_block(drawing.blocks.new(name))
    draw(drawing.modelspace())
    bounds = read(written(drawing))["bounds"]
    return bounds and tuple(round(bounds[name], 6) for name in ("minX", "minY", "maxX", "maxY"))


DOWN = {"extrusion": (0, 0, -1)}
BOUNDS: dict[str, tuple[Callable[[Any], object], tuple[float, ...]]] = {
    "a circle": (lambda space: space.add_circle((1, 2), 3), (-2, -1, 4, 5)),
    "an arc of a quarter": (lambda space: space.add_arc((0, 0), 10, 0, 90), (0, 0, 10, 10)),
    "an arc over the top": (lambda space: space.add_arc((0, 0), 10, 60, 180), (-10, 0, 5, 10)),
    "an ellipse on its side": (lambda space: space.add_ellipse((0, 0), (0, 4), 0.5), (-2, -4, 2, 4)),
    "a bulge to the right": (lambda space: space.add_lwpolyline([(0, 0, 0, 0, 1), (4, 0)]), (0, -2, 4, 0)),
    "a bulge to the left": (lambda space: space.add_lwpolyline([(0, 0, 0, 0, -1), (4, 0)]), (0, 0, 4, 2)),
    "an arc from below": (lambda space: space.add_arc((10, 0), 5, 0, 90, dxfattribs=DOWN), (-15, 0, -10, 5)),
    "a line of points from below": (lambda space: space.add_lwpolyline([(1, 0), (4, 2)], dxfattribs=DOWN), (-4, 0, -1, 2)),
    "a ray": (lambda space: space.add_ray((3, 4), (1, 1)), (3, 4, 3, 4)),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_bounds_are_of_what_is_drawn(name: str) -> None:
    draw, expected = BOUNDS[name]
    assert bounds_of(draw) == pytest.approx(expected, abs=1e-6)


def test_bounds_hold_what_inserted_blocks_draw_also_in_blocks() -> None:
    blocks: dict[str, Callable[[Any], object]] = {
        "BOLT": lambda block: block.add_line((0, 0), (2, 1)),
        "PLATE": lambda block: block.add_blockref("BOLT", (10, 0)),
        "UNUSED": lambda block: block.add_line((-999, -999), (999, 999)),
    }
    turned = {"rotation": 90, "xscale": 2}
    assert bounds_of(lambda space: space.add_blockref("PLATE", (100, 100), dxfattribs=turned), blocks) == (99, 100, 100, 124)
    rows = {"row_count": 3, "row_spacing": 10}
    assert bounds_of(lambda space: space.add_blockref("BOLT", (0, 0), dxfattribs=rows), blocks) == (0, 0, 2, 21)


def test_a_drawing_of_nothing_has_layers_and_no_bounds() -> None:
    found = read(written(ezdxf.new()))
    assert (found["entities"], found["bounds"]) == ([], None)
    assert "0" in {layer["name"] for layer in found["layers"]}


def test_dwg_says_what_dxf_says() -> None:
    drawing = ezdwg.new()
    drawing.layers["Wall"] = {"color_index": 3}
    space = drawing.modelspace()
    space.add_line((0, 0), (100, 50), layer="Wall", color_index=1)
    space.add_circle((1, 2), 3)
    space.add_arc((0, 0), 10, 30, 90)
    space.add_lwpolyline([(0, 0), (4, 0), (4, 4)], closed=True)
    space.add_ellipse((0, 0, 0), (2, 0, 0), 0.5)
    space.add_text("DN50", (1, 1))
    space.add_mtext("第一行\\P第二行", (7, 8))
    block = drawing.blocks.new("PART")
    block.add_line((0, 0), (500, 0))
    space.add_blockref("PART", (200, 200))
    found = read(saved(drawing), "dwg")
    line = {"type": "LINE", "layer": "Wall", "color": 1, "startPoint": {"x": 0, "y": 0}, "endPoint": {"x": 100, "y": 50}}
    assert of(found, "LINE") == line
    assert of(found, "CIRCLE")["radius"] == 3
    assert (of(found, "ARC")["startAngle"], of(found, "ARC")["endAngle"]) == (30, 90)
    assert of(found, "LWPOLYLINE")["closed"] is True
    assert of(found, "ELLIPSE")["axisRatio"] == 0.5
    assert of(found, "MTEXT")["text"] == "第一行\n第二行"
    assert (of(found, "INSERT")["block"], of(found, "INSERT")["position"]) == ("PART", {"x": 200, "y": 200})
    assert {"name": "Wall", "color": 3, "visible": True} in found["layers"]
    assert len([entity for entity in found["entities"] if entity["type"] == "LINE"]) == 1  # the block's own is the block's
    assert found["bounds"]["maxX"] == 700


# --- Drawings made to break their reader ------------------------------------------------------------------------------------


def section(name: str, body: str) -> str:
    return f"0\nSECTION\n2\n{name}\n{body}0\nENDSEC\n"


LINE = "0\nLINE\n8\n0\n10\n0\n20\n0\n11\n100\n21\n0\n"
BIG: dict[str, Callable[[], str]] = {
    "more entities than are shown": lambda: section("ENTITIES", "0\nPOINT\n8\n0\n10\n1.0\n20\n2\n" * 110_000),
    "entities of more bytes than are shown": lambda: section(
        "ENTITIES", ("0\nTEXT\n8\n0\n10\n1\n20\n1\n1\n" + "y" * 9_000 + "\n") * 500
    ),
}


@pytest.mark.parametrize("name", BIG)
def test_a_large_drawing_is_cut_off_and_says_so(name: str) -> None:
    found = read(BIG[name]().encode(), room=8_000_000 if "more entities" in name else ROOM)
    assert found["truncated"] is True
    assert 100 < len(found["entities"]) <= 100_000
    assert found["bounds"]["maxX"] == 1


ODD: dict[str, tuple[str, int, Any]] = {
    # how many entities are left out, and the bounds of the rest
    "numbers that are none": ("0\nCIRCLE\n8\n0\n10\nNaN\n20\n1\n40\n2\n0\nLINE\n10\ninf\n20\n0\n11\n1e999\n21\n0\n", 2, 100),
    "an endless value": ("0\nCIRCLE\n8\n0\n10\n" + "9" * 100_000 + "\n20\n1\n40\n2\n", 1, 100),
    "a circle without a centre": ("0\nCIRCLE\n8\n0\n40\n2\n", 1, 100),
    "values where no code is": ("abc\ndef\n-99999\n1\n" + LINE, 0, 100),
    "a hatch of odd edges": ("0\nHATCH\n8\n0\n91\n9\n92\n0\n72\n77\n10\n1\n20\n1\n72\n2\n10\n5\n", 0, 100),
    "a polyline without an end": ("0\nPOLYLINE\n8\n0\n0\nVERTEX\n10\n5\n20\n5\n0\nVERTEX\n10\n6\n20\n6\n", 0, 100),
    "the largest coordinates": ("0\nLINE\n8\n0\n10\n-1e308\n20\n0\n11\n1e308\n21\n0\n", 0, 1e308),
    "a circle beyond all numbers": ("0\nCIRCLE\n8\n0\n10\n1e308\n20\n0\n40\n1e308\n", 0, 1e308),
    "a direction of no length": ("0\nARC\n8\n0\n10\n1\n20\n0\n40\n1\n50\n0\n51\n90\n210\n0\n220\n0\n230\n0\n", 0, 100),
    "an empty insert a billion times": ("0\nINSERT\n2\nNOWHERE\n10\n0\n20\n0\n70\n30000\n71\n30000\n44\n9\n45\n9\n", 0, 100),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_entities_neither_break_nor_spoil_the_rest(name: str) -> None:
    body, left_out, largest = ODD[name]
    found = read(section("ENTITIES", LINE + body).encode())
    assert of(found, "LINE")["endPoint"] == {"x": 100, "y": 0}
    assert (found["leftOut"], found["bounds"]["maxX"]) == (left_out, largest)


def nested(count: int, *, in_itself: bool = False) -> bytes:
    blocks = "".join(
        f"0\nBLOCK\n2\nB{n}\n0\nINSERT\n2\nB{0 if in_itself else n + 1}\n10\n1\n20\n1\n{LINE}0\nENDBLK\n" for n in range(count)
    )
    return (section("BLOCKS", blocks) + section("ENTITIES", "0\nINSERT\n2\nB0\n10\n0\n20\n0\n")).encode()


@pytest.mark.parametrize("content", [nested(1, in_itself=True), nested(10_000)], ids=["in itself", "10,000 deep"])
def test_blocks_that_nest_for_ever_cost_nothing(content: bytes) -> None:
    found = read(content)
    assert [entity["type"] for entity in found["entities"]] == ["INSERT"]
    assert found["bounds"]["maxX"] >= 100


@pytest.mark.parametrize("content", [b"", b"0\nSECTION\n2\nENTITIES\n", b"noise" * 1000], ids=["empty", "a beginning", "noise"])
def test_what_holds_nothing_is_broken(content: bytes) -> None:
    with pytest.raises(ExtractionFailed) as failed:
        read(content)
    assert failed.value.failure == "broken"


@pytest.mark.parametrize("extension", ["dxf", "dwg"])
def test_what_is_made_to_break_a_reader_is_read_or_has_a_reason_or_ends_its_reader_alone(extension: str, tmp_path: Path) -> None:
    named = {"dxf": hostile.DRAWINGS, "dwg": hostile.DWG}[extension]
    damaged = hostile.mutations(hostile.SAMPLES[extension](), 40, seed=f"{extension} drawn")
    contents = [*(make() for _allowed, make in named.values()), *damaged]
    for number, content in enumerate(contents):
        (tmp_path / str(number)).write_bytes(content)
    command = [sys.executable, "-m", "tests.retrieval.many", "drawing", extension, str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, timeout=280, check=True, capture_output=True)
    answers = [json.loads(answer.read_bytes() or "null", parse_constant=pytest.fail) for answer in tmp_path.glob("*.json")]
    assert len(answers) == len(contents)
    assert sum(answer is not None for answer in answers) >= len(contents) / 2
    for answer in filter(None, answers):
        if "failure" in answer:
            assert answer["failure"] in FAILURES
        else:
            assert {"entities", "layers", "bounds"} <= answer.keys()


def test_the_child_that_reads_a_drawing_finds_it_open(tmp_path: Path) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(section("ENTITIES", LINE).encode())
        file.flush()
        answer = run_child(task="drawing", path=Path("/dev/stdin"), extension="dxf", limits=Limits(), content=file)
    assert of(json.loads(answer), "LINE")["endPoint"] == {"x": 100, "y": 0}
