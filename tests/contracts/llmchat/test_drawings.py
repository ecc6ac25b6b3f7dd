"""What is drawn in a drawing, as LLMChat's document has it. At both of its bases."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.contracts.llmchat.conftest import ask
from tests.contracts.llmchat.test_uploads import NAME_IN_PIECES, form_of, post
from tests.contracts.test_documented_examples import agrees
from tests.retrieval.files import make_dwg, make_dxf, make_pdf

PARSED = json.loads("""{
  "code": "SUCCESS",
  "message": "解析成功",
  "data": {
    "entities": [
      {
        "type": "LINE",
        "startPoint": { "x": 0, "y": 0 },
        "endPoint": { "x": 100, "y": 0 },
        "layer": "0"
      }
    ],
    "layers": [
      {
        "name": "0",
        "color": 0,
        "visible": true
      }
    ],
    "bounds": {
      "minX": 0,
      "minY": 0,
      "maxX": 100,
      "maxY": 100
    }
  }
}""")
LINE = "0\nLINE\n8\n0\n10\n0\n20\n0\n11\n100\n21\n0\n"
POINT = "0\nPOINT\n8\n0\n10\n0\n20\n100\n"


def section(name: str, body: str) -> str:
    return f"0\nSECTION\n2\n{name}\n{body}0\nENDSEC\n"


DRAWN = (section("ENTITIES", LINE + POINT) + "0\nEOF\n").encode()
IN_ITSELF = section("BLOCKS", "0\nBLOCK\n2\nA\n0\nINSERT\n2\nA\n10\n1\n20\n1\n0\nENDBLK\n") + section(
    "ENTITIES", LINE + "0\nINSERT\n2\nA\n10\n0\n20\n0\n70\n30000\n71\n30000\n"
)


async def test_the_documented_drawing(alice, base):
    status, answer = await post(alice, f"{base}/cad/parse", form_of(DRAWN, "图纸.dxf"))
    assert status == 200, answer
    agrees(PARSED, answer)
    assert answer["message"] == PARSED["message"]
    data, expected = answer["data"], PARSED["data"]
    assert (data["entities"][0], data["layers"], data["bounds"]) == (
        expected["entities"][0],
        expected["layers"],
        expected["bounds"],
    )


async def test_a_drawing_of_autocad_s_own_format(alice):
    status, answer = await post(alice, "/api/cad/parse", form_of(make_dwg(["Flange"], layers=["Wall"]), "d.dwg"))
    assert (status, {layer["name"] for layer in answer["data"]["layers"]}) == (200, {"0", "Wall"})
    assert {entity["type"] for entity in answer["data"]["entities"]} == {"TEXT", "LINE"}


async def test_blocks_that_nest_for_ever_are_answered_as_any_drawing(alice):
    status, answer = await post(alice, "/api/cad/parse", form_of(IN_ITSELF.encode(), "d.dxf"))
    assert (status, [entity["type"] for entity in answer["data"]["entities"]]) == (200, ["LINE", "INSERT"])


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"", "d.dxf", 400),
        (make_dxf(["x"]), "d.dwg", 400),
        (make_dwg(["x"]), "d.dxf", 400),
        (make_pdf(["x"]), "d.pdf", 400),
        (b"plain text", "d.txt", 400),
        (b"0\nSECTION\n2\nENTITIES\n", "d.dxf", 400),
        (b"AC1015\0\0" + bytes(range(256)) * 50, "d.dwg", 400),
        (b"AC1009" + bytes(100), "d.dwg", 400),
        (DRAWN.ljust(10 * 1024 * 1024 + 1), "d.dxf", 413),
        (DRAWN.ljust(12_000_000), "d.dxf", 413),
    ],
)
async def test_what_is_no_drawing_is_refused_with_a_reason(alice, content, name, status):
    answered, answer = await post(alice, "/api/cad/parse", form_of(content, name))
    assert answered == status, answer
    if status == 400:
        assert (answer["code"], answer["error"]["field"]) == ("VALIDATION_ERROR", "file")
        assert not answer["error"]["details"].isascii()


async def test_what_is_no_form_is_refused(alice):
    for data, kind, status in (
        (b'{"file": "a"}', "application/json", 415),
        (b"file=a", "application/x-www-form-urlencoded", 415),
        (b"nothing like it", "multipart/form-data; boundary=x", 400),
        (b"nothing like it", "multipart/form-data", 400),
        (b"", "multipart/form-data; boundary=x", 400),
        (b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\ntext\r\n--x--\r\n', "multipart/form-data; boundary=x", 400),
        (NAME_IN_PIECES, "multipart/form-data; boundary=x", 400),
        (NAME_IN_PIECES, "multipart/form-data; boundary=x; charset=hex", 400),
    ):
        answered, answer = await post(alice, "/api/cad/parse", data, **{"Content-Type": kind})
        assert (answered, answer["code"] != "SUCCESS") == (status, True), (data, kind, answer)
    assert (await ask(alice, "GET", "/api/cad/parse"))[0] == 405


async def test_drawings_are_read_for_people_who_are_signed_in_and_kept_for_nobody(alice):
    status, answer = await post(alice, "/api/cad/parse", form_of(DRAWN, "d.dxf"), Authorization="Bearer nobody")
    assert (status, answer["code"]) == (401, "UNAUTHORIZED")
    await post(alice, "/api/cad/parse", form_of(DRAWN, "d.dxf"))
    assert (await ask(alice, "GET", "/api/upload"))[1]["data"]["items"] == []


async def test_one_person_s_drawings_wait_in_line_and_beyond_it_she_is_told_to_come_back(alice, bob):
    """While they do, a list is answered: nothing that others need waits with them."""
    ten = [asyncio.create_task(post(alice, "/api/cad/parse", form_of(DRAWN, "d.dxf"))) for _ in range(10)]
    listed = await ask(bob, "GET", "/api/agents")
    answers = await asyncio.gather(*ten)
    assert listed[0] == 200
    refused = [answer for status, answer in answers if status == 503]
    assert len([status for status, _ in answers if status == 200]) + len(refused) == 10
    assert refused
    assert all(answer["error"]["retryAfter"] >= 1 for answer in refused)
    assert (await post(alice, "/api/cad/parse", form_of(DRAWN, "d.dxf")))[0] == 200
