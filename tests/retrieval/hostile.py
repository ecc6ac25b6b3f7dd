"""Files made to break who reads them. Small to upload, large or endless to read, or simply broken."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

from tests.retrieval.files import (
    compound_file,
    make_doc,
    make_docx,
    make_dwg,
    make_dxf,
    make_image,
    make_pdf,
    make_png,
    pdf_of,
    with_parts,
)

READ = "read"
"""It is read like any other file of its type."""

MANY = 1_000_000


def _word(body: bytes, *, prolog: bytes = b"", parts: dict[str, bytes] | None = None) -> bytes:
    """A Word file with this inside its body, and these parts more or instead."""
    names = b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    names += b' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    document = prolog + b"<w:document %b><w:body>%b</w:body></w:document>" % (names, body)
    return with_parts(make_docx([""]), {"word/document.xml": document, **(parts or {})})


def _paragraph(text: bytes) -> bytes:
    return b"<w:p><w:r><w:t>%b</w:t></w:r></w:p>" % text


def _lying_about_its_size() -> bytes:
    """100 MB of spaces, declared as 10 bytes in both places."""
    real = with_parts(make_docx(["x"]), {"word/document.xml": b" " * 100_000_000})
    return real.replace(struct.pack("<I", 100_000_000), struct.pack("<I", 10))


def _relationships(target: bytes) -> bytes:
    return (
        b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="%b" '
        b'TargetMode="External"/></Relationships>' % target
    )


_ENTITIES = b"".join(b'<!ENTITY l%d "%b">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10))

WORD: dict[str, tuple[set[str], Callable[[], bytes]]] = {
    "zip bomb": ({"too_large_inside"}, lambda: with_parts(make_docx(["x"]), {"word/x.xml": b" " * 256 * 1024 * 1024})),
    "bomb in the text": ({"broken", "too_large_inside"}, lambda: _word(_paragraph(b" " * 100_000_000))),
    "lying about its size": ({"broken"}, _lying_about_its_size),
    "10,000 parts": ({"too_large_inside"}, lambda: with_parts(make_docx(["x"]), {f"word/{n}": b"" for n in range(10_000)})),
    "a zip in the zip": ({READ}, lambda: with_parts(make_docx(["x"]), {"word/x.docx": make_docx(["inner"])})),
    "billion laughs": (
        {"broken", "no_text"},
        lambda: _word(_paragraph(b"&l9;"), prolog=b'<!DOCTYPE w [<!ENTITY l0 "laugh">%b]>' % _ENTITIES),
    ),
    "an entity of the machine's file": (
        {"broken", "no_text"},
        lambda: _word(_paragraph(b"&e;"), prolog=b'<!DOCTYPE w [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
    ),
    "a document type from outside": (
        {READ},
        lambda: _word(_paragraph(b"x"), prolog=b'<!DOCTYPE w SYSTEM "http://127.0.0.1:9/evil.dtd">'),
    ),
    "a picture from outside": (
        {READ, "broken"},
        lambda: _word(_paragraph(b"x"), parts={"word/_rels/document.xml.rels": _relationships(b"http://127.0.0.1:9/x")}),
    ),
    "a million paragraphs": ({"no_text", "too_much_memory", "took_too_long"}, lambda: _word(b"<w:p/>" * MANY)),
    "100,000 nested tables": (
        {"broken"},
        lambda: _word(b"<w:tbl><w:tr><w:tc>" * 100_000 + b"</w:tc></w:tr></w:tbl>" * 100_000),
    ),
    "80 nested tables": (
        {READ},
        lambda: _word(b"<w:tbl><w:tr><w:tc>" * 80 + _paragraph(b"x") + b"</w:tc></w:tr></w:tbl>" * 80),
    ),
    "a cell over a billion columns": (
        {READ},
        lambda: _word(
            b'<w:tbl><w:tr><w:tc><w:tcPr><w:gridSpan w:val="1000000000"/></w:tcPr>%b</w:tc></w:tr></w:tbl>' % _paragraph(b"x")
        ),
    ),
    "macros": ({READ}, lambda: with_parts(make_docx(["x"]), {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0" * 99})),
    "HTML as a part": ({READ}, lambda: _word(_paragraph(b"x") + b'<w:altChunk r:id="a"/>')),
    "no main part": (
        {"broken"},
        lambda: with_parts(make_docx(["x"]), {"word/document.xml": b"", "[Content_Types].xml": b"<x/>"}),
    ),
    "a part up the tree": ({READ}, lambda: with_parts(make_docx(["x"]), {"../../../../tmp/evil.xml": b"<x/>"})),
}


def _packed(content: bytes, times: int = 1) -> bytes:
    for _ in range(times):
        content = zlib.compress(content, 9)
    filters = b"/FlateDecode" * times
    return b"<</Length %d/Filter[%b]>>\nstream\n%b\nendstream" % (len(content), filters, content)


def _pdf(*objects: bytes, pages: bytes = b"<</Type/Pages/Count 1/Kids[3 0 R]>>", trailer: bytes = b"/Root 1 0 R") -> bytes:
    """Object 3 is its page, object 4 the page's content, unless `objects` say otherwise."""
    return pdf_of([b"<</Type/Catalog/Pages 2 0 R>>", pages, *objects], trailer=trailer)


_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F<</Type/Font/Subtype/Type1"
_PAGE += b"/BaseFont/Helvetica>>>>>>>>"
_SHOWN = b"BT /F 10 Tf 50 50 Td (x) Tj ET"


def _looping_tables() -> bytes:
    good = make_pdf(["x"])
    start = good.rindex(b"startxref\n") + 10
    place = good[start : good.index(b"\n", start)]
    return good.replace(b"trailer\n<<", b"trailer\n<</Prev %b " % place)


def _many_pages(count: int) -> bytes:
    kids = b" ".join(b"3 0 R" for _ in range(count))
    return _pdf(_PAGE, _packed(_SHOWN), pages=b"<</Type/Pages/Count %d/Kids[%b]>>" % (count, kids))


def showing_itself(times: int) -> bytes:
    """Each of the times takes some ten milliseconds."""
    return _pdf(
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>",
        _packed(b"/X Do " * times),
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>/Length 11>>\n"
        b"stream\n/X Do /X Do\nendstream",
    )


def _encrypted(length: int, revision: int) -> bytes:
    key = b"<</Filter/Standard/V 5/R %d/Length %d/P -4/O<%b>/U<%b>" % (revision, length, b"41" * 48, b"42" * 48)
    key += b"/OE<%b>/UE<%b>/Perms<%b>/CF<</StdCF<</CFM/AESV3/Length 999999999>>>>/StmF/StdCF/StrF/StdCF>>" % (
        b"43" * 32,
        b"44" * 32,
        b"45" * 16,
    )
    return _pdf(_PAGE, _packed(_SHOWN), key, trailer=b"/Root 1 0 R/Encrypt 5 0 R/ID[<00><00>]")


_BAD_PDF = {"broken", "no_text"}

PDF: dict[str, tuple[set[str], Callable[[], bytes]]] = {
    "a stream longer than the file": (
        {READ, *_BAD_PDF},
        lambda: _pdf(_PAGE, b"<</Length 999999999>>\nstream\n" + _SHOWN + b"\nendstream"),
    ),
    "tables of references in a loop": ({READ, *_BAD_PDF}, _looping_tables),
    "no root and a huge size": (_BAD_PDF, lambda: make_pdf(["x"]).replace(b"/Root 1 0 R", b"/Size 99999999")),
    "a page that is its own parent": (
        {"too_large_inside", *_BAD_PDF},
        lambda: _pdf(_PAGE, pages=b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R]/Parent 2 0 R>>"),
    ),
    "two billion pages": (
        {READ, "too_large_inside", *_BAD_PDF},
        lambda: _pdf(_PAGE, _packed(_SHOWN), pages=b"<</Type/Pages/Count 2000000000/Kids[3 0 R]>>"),
    ),
    "100,000 pages": ({"too_large_inside"}, lambda: _many_pages(100_000)),
    "5,000 times one page": ({READ}, lambda: _many_pages(5_000)),
    "a bomb in three layers": (
        {READ, "took_too_long", "too_much_memory", *_BAD_PDF},
        lambda: _pdf(_PAGE, _packed(b" " * 100_000_000, times=3)),
    ),
    "run lengths": (
        {READ, "took_too_long", "too_much_memory", *_BAD_PDF},
        lambda: _pdf(
            _PAGE,
            b"<</Length %d/Filter[/RunLengthDecode/RunLengthDecode]>>\nstream\n%b\nendstream" % (200_000, b"\x81\x81" * 100_000),
        ),
    ),
    "an object stream in itself": (
        {READ, *_BAD_PDF},
        lambda: _pdf(_PAGE, b"<</Type/ObjStm/N 1/First 4/Extends 4 0 R/Length 20>>\nstream\n4 0 <</Length 4 0 R>>\nendstream"),
    ),
    "a form that shows itself": ({READ, "took_too_long", *_BAD_PDF}, lambda: showing_itself(20)),
    "entities in its XMP": (
        {READ, *_BAD_PDF},
        lambda: pdf_of(
            [
                b"<</Type/Catalog/Pages 2 0 R/Metadata 5 0 R>>",
                b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
                _PAGE,
                _packed(_SHOWN),
                _packed(b'<!DOCTYPE x [<!ENTITY l0 "laugh">%b]><x>&l9;</x>' % _ENTITIES),
            ]
        ),
    ),
    "a key of a gigabyte": ({"encrypted", "unsupported", "broken"}, lambda: _encrypted(8_000_000_000, 6)),
    "an unknown way to encrypt": ({"encrypted", "unsupported", "broken"}, lambda: _encrypted(256, 99)),
    "a script, a program to start and a file in it": (
        {READ},
        lambda: pdf_of(
            [
                b"<</Type/Catalog/Pages 2 0 R/OpenAction<</S/Launch/F(/bin/sh)>>/AA<</WC<</S/JavaScript/JS(app.alert\\(1\\))>>>>"
                b"/Names<</EmbeddedFiles<</Names[(x) 5 0 R]>>>>>>",
                b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
                _PAGE,
                _packed(_SHOWN),
                b"<</Type/Filespec/F(evil.exe)/EF<</F 4 0 R>>>>",
            ]
        ),
    ),
    "an archive behind it": ({READ}, lambda: make_pdf(["x"]) + make_docx(["y"])),
    "50,000 brackets": (_BAD_PDF | {READ}, lambda: _pdf(b"[" * 50_000, _packed(_SHOWN))),
}


def _picture_of(width: int, height: int) -> bytes:
    """A PNG whose header promises this size and that has no more than one byte of it."""

    def part(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"\0")) + part(b"IEND", b"")


def _frames(form: str, count: int) -> bytes:
    frames = [Image.new("L", (1, 1), number % 256) for number in range(count)]
    out = io.BytesIO()
    frames[0].save(out, form, save_all=True, append_images=frames[1:])
    return out.getvalue()


PICTURES: dict[str, tuple[str, set[str], Callable[[], bytes]]] = {
    "65,535 pixels each way": ("png", {"too_large_inside"}, lambda: _picture_of(65_535, 65_535)),
    "2 billion pixels wide": ("png", {"too_large_inside", "broken"}, lambda: _picture_of(2**31 - 1, 1)),
    "no pixels": ("png", {"broken", READ}, lambda: _picture_of(0, 0)),
    "a large one without its pixels": ("png", {"broken"}, lambda: _picture_of(5_000, 5_000)),
    "5,000 frames": ("gif", {READ}, lambda: _frames("GIF", 5_000)),
    "1,000 animated frames": ("png", {READ}, lambda: _frames("PNG", 1_000)),
    "300 frames": ("webp", {READ}, lambda: _frames("WEBP", 300)),
    "a script behind it": ("gif", {READ}, lambda: make_image("GIF") + b"<script>alert(1)</script>"),
    "PHP behind it": ("jpg", {READ}, lambda: make_image("JPEG") + b"<?php system($_GET['c']); ?>"),
    "Photoshop": ("png", {"broken"}, lambda: b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 30_000, 30_000, 8, 3)),
    "PostScript": ("png", {"broken"}, lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run\n"),
    "FITS": ("png", {"broken"}, lambda: b"SIMPLE  =                    T".ljust(2880)),
}


def _section(name: str, body: str) -> str:
    return f"0\nSECTION\n2\n{name}\n{body}0\nENDSEC\n"


def _block(name: str, body: str) -> str:
    return f"0\nBLOCK\n2\n{name}\n{body}0\nENDBLK\n"


_NOTE = "0\nTEXT\n8\n0\n1\nx\n"

DRAWINGS: dict[str, tuple[set[str], Callable[[], bytes]]] = {
    "a block in itself": (
        {READ},
        lambda: (
            _section("BLOCKS", _block("A", "0\nINSERT\n2\nA\n")) + _section("ENTITIES", "0\nINSERT\n2\nA\n" + _NOTE)
        ).encode(),
    ),
    "10,000 nested blocks": (
        {READ},
        lambda: (
            _section("BLOCKS", "".join(_block(f"B{n}", f"0\nINSERT\n2\nB{n + 1}\n") for n in range(10_000)))
            + _section("ENTITIES", _NOTE)
        ).encode(),
    ),
    "a block a billion times": (
        {READ},
        lambda: (
            _section("BLOCKS", _block("A", _NOTE)) + _section("ENTITIES", "0\nINSERT\n2\nA\n70\n30000\n71\n30000\n")
        ).encode(),
    ),
    "300,000 entities": ({READ}, lambda: _section("ENTITIES", _NOTE + "0\nPOINT\n8\n0\n10\n1.0\n" * 300_000).encode()),
    "no end": ({READ}, lambda: ("0\nSECTION\n2\nENTITIES\n" + _NOTE).encode()),
    "one value of 10 MB": ({READ}, lambda: _section("ENTITIES", _NOTE + f"0\nTEXT\n1\n{'y' * 10_000_000}\n").encode()),
    "bad handles": ({READ}, lambda: _section("ENTITIES", _NOTE + "5\nXYZ\n330\n-1\n360\n" + "F" * 999 + "\n").encode()),
    "bad group codes": ({READ}, lambda: _section("ENTITIES", _NOTE + "abc\ndef\n-99999\n1\n9" + "9" * 5_000 + "\n1\n").encode()),
    "numbers that are none": (
        {READ},
        lambda: _section("ENTITIES", _NOTE + "10\nNaN\n20\ninf\n30\n1e999999\n70\n" + "9" * 5_000 + "\n").encode(),
    ),
    "brackets in a text": (
        {READ},
        lambda: _section("ENTITIES", "0\nMTEXT\n100\nAcDbMText\n1\n" + "{\\H" * 50_000 + "x" + "}" * 50_000 + "\n").encode(),
    ),
    "a truncated binary one": ({"broken", "no_text"}, lambda: b"AutoCAD Binary DXF\r\n\x1a\x00\x00\x00SECTION\x00\x02\x00HEA"),
    "an unknown encoding": (
        {READ},
        lambda: (
            _section("HEADER", "9\n$ACADVER\n1\nAC1015\n9\n$DWGCODEPAGE\n3\nrot13\n") + _section("ENTITIES", _NOTE)
        ).encode(),
    ),
}


def _noise(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


DWG: dict[str, tuple[set[str], Callable[[], bytes]]] = {
    "noise": ({"broken", "no_text", READ}, lambda: b"AC1015\0\0" + _noise(20_000, 1)),
    "noise of another version": ({"broken", "no_text", READ}, lambda: b"AC1032\0\0" + _noise(20_000, 2)),
    "half of one": ({"broken", "no_text", READ}, lambda: make_dwg(["x"])[:1700]),
    "a header alone": ({"broken", "no_text"}, lambda: make_dwg(["x"])[:64]),
    "a version of 1990": ({"unsupported"}, lambda: b"AC1009" + bytes(100)),
    "a wrong version": ({"broken", "no_text", READ}, lambda: b"AC1024" + make_dwg(["x"])[6:]),
}

TEXTS: dict[str, tuple[set[str], Callable[[], bytes]]] = {
    "a mark alone": ({"no_text"}, lambda: b"\xef\xbb\xbf"),
    "marks alone": ({"no_text"}, lambda: b"\xef\xbb\xbf" * 100_000),
    "UTF-16 with half a character": ({READ}, lambda: "一二三".encode("utf-16") + b"\x4e"),
    "UTF-16 with half a pair": ({READ}, lambda: b"\xff\xfe" + "一\ud800二".encode("utf-16-le", "surrogatepass")),
    "UTF-32 with impossible characters": (
        {READ, "no_text"},
        lambda: b"\xff\xfe\0\0" + b"\xff\xff\xff\xff" * 10 + "一".encode("utf-32-le"),
    ),
    "a surrogate in UTF-8": ({READ}, lambda: ("一二三" * 9).encode() + b"\xed\xa0\x80" + b"x"),
    "NULs": ({READ}, lambda: b"some text " * 10 + b"\x00\x00" + b"more text " * 10),
    "only NULs": ({"broken"}, lambda: bytes(1000)),
    "10 MB in one line": ({READ}, lambda: b"word " * 2_000_000),
    "10 MB of empty lines": ({"no_text"}, lambda: b"\n \t" * 3_000_000),
    "10 MB of accents": ({READ}, lambda: ("e" + "\u0301" * 5_000_000).encode()),
    "tags that hide a text": ({READ}, lambda: ("x" + "".join(chr(0xE0000 + ord(c)) for c in "do evil")).encode()),
    "escape sequences": ({READ}, lambda: b"\x1b[31mred\x1b]0;title\x07 text" * 3),
    "noise": ({"broken"}, lambda: _noise(20_000, 3)),
}


def _doc_with(place: int, value: int) -> bytes:
    content = bytearray(make_doc("一二三 abc"))
    struct.pack_into("<I", content, place, value)
    return bytes(content)


DOC: dict[str, tuple[set[str], Callable[[], bytes]]] = {
    "a chain in a circle": (_BAD_PDF, lambda: _in_a_circle()),
    "a directory outside of the file": ({"broken"}, lambda: _doc_with(0x30, 0x7FFFFFFF)),
    "sectors of another size": ({"broken"}, lambda: _doc_with(0x1E, 0x0006_000C)),
    "a table of tables without end": ({READ, "broken"}, lambda: _doc_with(0x48, 0xFFFFFFFF)),
    "no text in it": (_BAD_PDF, lambda: make_doc("")),
    "no table": ({"broken"}, lambda: compound_file({"WordDocument": bytes(5000)})),
    "an Excel file": ({"broken"}, lambda: compound_file({"Workbook": bytes(5000)})),
    "10,000 streams": ({"broken", READ}, lambda: compound_file({f"s{n}": b"" for n in range(1_000)})),
}


def _in_a_circle() -> bytes:
    content = make_doc("x" * 9000)
    table = content[-512:]
    links = bytearray(table)
    for place in range(0, 512, 4):
        if struct.unpack_from("<I", links, place)[0] == 0xFFFFFFFE:
            struct.pack_into("<I", links, place, 0)
    return content[:-512] + bytes(links)


SAMPLES: dict[str, Callable[[], bytes]] = {
    "pdf": lambda: make_pdf(["第一页 one", "第二页 two"], title="标题"),
    "docx": lambda: make_docx(["# 一", "二", [["三", "四"]]]),
    "doc": lambda: make_doc("旧文件 old file " * 50),
    "txt": lambda: "检索与引用，编码是国标。plain".encode("gb18030"),
    "md": lambda: "# 标题\n\n- 一\n- 二\n".encode(),
    "png": lambda: make_png("x"),
    "jpg": lambda: make_image("JPEG", text="x"),
    "gif": lambda: make_image("GIF", text="x"),
    "webp": lambda: make_image("WEBP", text="x"),
    "dxf": lambda: make_dxf(["一", "二"], layers=["墙"]),
    "dwg": lambda: make_dwg(["一", "二"], layers=["墙"]),
}


def mutations(content: bytes, count: int, *, seed: str) -> Iterator[bytes]:
    """`content` with bytes changed, taken out, doubled, or cut off at the end; the first 8 stay, so that its type does."""
    chance = random.Random(seed)
    for number in range(count):
        changed = bytearray(content)
        for _ in range(chance.choice((1, 5, 40))):
            place = chance.randrange(8, len(changed)) if len(changed) > 9 else 8
            match (number + chance.randrange(2)) % 5:
                case 0 | 1:
                    changed[place : place + 1] = chance.randbytes(1)
                case 2:
                    changed[place : place + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)))
                case 3:
                    del changed[place : place + chance.randrange(1, 60)]
                case 4:
                    changed[place:place] = changed[place : place + chance.randrange(1, 200)]
        yield bytes(changed[: chance.randrange(9, len(changed))] if number % 7 == 6 and len(changed) > 9 else changed)
