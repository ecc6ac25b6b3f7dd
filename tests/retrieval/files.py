"""Makers of the files that people upload, from their text: real files of each format, as small as the format allows."""

from __future__ import annotations

import io
import struct
import tempfile
import textwrap
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import docx
import ezdwg
import ezdxf
from PIL import Image, ImageDraw

LINE = 80
"""Columns of a page of `make_pdf`: a Chinese character takes two."""


def make_pdf(pages: Sequence[str], *, title: str = "", author: str = "", written_at: datetime | None = None) -> bytes:
    """A PDF with a page for each text, Chinese or any other script of the basic plane. Long lines are wrapped."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>".encode(),
        b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/Identity-H/ToUnicode 4 0 R/DescendantFonts[<<"
        b"/Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
        b"/Supplement 0>>/DW 1000/W[32[300 300] 34 126 500]/FontDescriptor<</Type/FontDescriptor/FontName/STSong-Light"
        b"/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 800/Descent -200/CapHeight 700/StemV 80>>>>]>>",
        _stream(_TO_UNICODE),
    ]
    for number, text in enumerate(pages):
        lines = list(_wrapped(text))
        height = 100 + 14 * len(lines)
        shown = "".join(f"<{line.encode('utf-16-be').hex()}>Tj T*\n" for line in lines)
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 {height}]/Resources<</Font<</F 3 0 R>>>>"
            f"/Contents {6 + 2 * number} 0 R>>".encode()
        )
        objects.append(_stream(f"BT /F 10 Tf 14 TL 50 {height - 50} Td\n{shown}ET".encode()))
    objects.append(_information(title, author, written_at))
    return pdf_of(objects, trailer=b"/Root 1 0 R/Info %d 0 R" % len(objects))


def pdf_of(objects: Sequence[bytes], *, trailer: bytes = b"/Root 1 0 R") -> bytes:
    """A PDF of these objects, numbered from 1, with a right table of references."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<</Size %d%b>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)
    return bytes(out)


def _stream(content: bytes) -> bytes:
    packed = zlib.compress(content)
    return b"<</Length %d/Filter/FlateDecode>>\nstream\n%b\nendstream" % (len(packed), packed)


def _information(title: str, author: str, written_at: datetime | None) -> bytes:
    def text(value: str) -> bytes:
        return b"<" + ("\ufeff" + value).encode("utf-16-be").hex().encode() + b">"

    date = written_at.strftime("/CreationDate(D:%Y%m%d%H%M%S+00'00')").encode() if written_at else b""
    return b"<</Title" + text(title) + b"/Author" + text(author) + date + b">>"


_TO_UNICODE = (
    b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
    b"/CMapName /Itself def /CMapType 2 def\n1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
    + b"".join(
        b"64 beginbfrange\n"
        + b"".join(b"<%02X00> <%02XFF> <%02X00>\n" % (high, high, high) for high in range(first, first + 64))
        + b"endbfrange\n"
        for first in range(0, 256, 64)
    )
    + b"endcmap end end"
)
"""Every code is its own UTF-16 unit."""


def _wrapped(text: str) -> Iterable[str]:
    for line in text.split("\n"):
        if all(_columns(part) == 1 for part in line):
            yield from textwrap.wrap(line, LINE) or [""]
            continue
        row, width = "", 0
        for part in line:
            if width + _columns(part) > LINE:
                yield row
                row, width = "", 0
            row, width = row + part, width + _columns(part)
        yield row


def _columns(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WFA" else 1


def make_docx(
    paragraphs: Sequence[str | Sequence[Sequence[str]]],
    *,
    title: str = "",
    author: str = "",
    written_at: datetime | None = None,
) -> bytes:
    """A Word file: a text is a paragraph, a list of rows is a table; `# ` before a text makes it a heading."""
    document = docx.Document()
    for part in paragraphs:
        if not isinstance(part, str):
            table = document.add_table(rows=len(part), cols=len(part[0]))
            for row, cells in zip(table.rows, part, strict=True):
                for cell, value in zip(row.cells, cells, strict=True):
                    cell.text = value
        elif part.startswith("# "):
            document.add_heading(part[2:])
        else:
            document.add_paragraph(part)
    properties = document.core_properties
    properties.title, properties.author = title, author
    if written_at:
        properties.created = written_at
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def with_parts(content: bytes, parts: dict[str, bytes]) -> bytes:
    """A Word file with these parts more or instead."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            new.writestr(name, part)
    return out.getvalue()


def make_dxf(texts: Sequence[str], *, layers: Sequence[str] = (), blocks: Sequence[str] = ()) -> bytes:
    """A drawing with a note for each text, these layers, and a block with an attribute for each of `blocks`."""
    drawing = ezdxf.new("R2010")
    space = drawing.modelspace()
    for layer in layers:
        drawing.layers.add(layer)
    for number, text in enumerate(texts):
        attributes = {"layer": layers[number % len(layers)]} if layers else {}
        if number % 2:
            space.add_mtext(text, dxfattribs=attributes)
        else:
            space.add_text(text, dxfattribs=attributes)
    for number, value in enumerate(blocks):
        block = drawing.blocks.new(f"PART{number}")
        block.add_circle((0, 0), 1)
        space.add_blockref(block.name, (number, 0)).add_attrib("NAME", value)
    space.add_line((0, 0), (100, 100))
    out = io.StringIO()
    drawing.write(out)
    return out.getvalue().encode()


def make_dwg(texts: Sequence[str], *, layers: Sequence[str] = ()) -> bytes:
    """The same for AutoCAD's own format, of its version 2000."""
    drawing = ezdwg.new()
    space = drawing.modelspace()
    for layer in layers:
        drawing.layers[layer] = {"color_index": 1}
    for number, text in enumerate(texts):
        (space.add_mtext if number % 2 else space.add_text)(text)
    space.add_line((0, 0), (100, 100))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "drawing.dwg")
        drawing.save(path)
        return path.read_bytes()


def make_doc(text: str, *, encrypted: bool = False) -> bytes:
    """A file of Word 97: a compound file with the text as one piece of UTF-16 in it."""
    letters = text.replace("\n", "\r").encode("utf-16-le")
    start = 0x800
    flags = 0x0200 | (0x0100 if encrypted else 0)
    word = bytearray(start)
    struct.pack_into("<HH", word, 0, 0xA5EC, 0xC1)
    struct.pack_into("<H", word, 0x0A, flags)
    struct.pack_into("<II", word, 0x18, start, start + len(letters))
    pieces = struct.pack("<IIHIH", 0, len(letters) // 2, 0, start, 0)
    table = b"\x02" + struct.pack("<I", len(pieces)) + pieces
    return compound_file({"WordDocument": bytes(word) + letters, "1Table": table})


def compound_file(streams: Mapping[str, bytes]) -> bytes:
    """An OLE compound file of these streams, in sectors of 512 bytes; each is made long enough to need no small ones."""
    free, end, table = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    bodies = [content.ljust(max(4096, -(-len(content) // 512) * 512), b"\x00") for content in streams.values()]
    sectors = [len(body) // 512 for body in bodies]
    directory = -(-(1 + len(streams)) // 4)
    used = directory + sum(sectors)
    tables = next(count for count in range(1, 110) if count * 128 >= used + count)

    chains: list[int] = []
    entries = [_entry("Root Entry", 5, end, 0, child=1)]
    for length in (directory, *sectors):
        first = len(chains)
        chains += [*range(first + 1, first + length), end]
        if first:
            number = len(entries)
            name = list(streams)[number - 1]
            following = number + 1 if number < len(streams) else free
            entries.append(_entry(name, 2, first, len(bodies[number - 1]), following=following))
    chains += [table] * tables
    header = bytearray(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".ljust(512, b"\x00"))
    struct.pack_into("<HHHHH", header, 0x18, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<III", header, 0x2C, tables, 0, 0)
    struct.pack_into("<IIIII", header, 0x38, 4096, end, 0, end, 0)
    struct.pack_into("<109I", header, 0x4C, *range(used, used + tables), *[free] * (109 - tables))
    fat = struct.pack(f"<{len(chains)}I", *chains).ljust(512 * tables, b"\xff")
    return bytes(header) + b"".join(entries).ljust(512 * directory, b"\x00") + b"".join(bodies) + fat


def _entry(name: str, kind: int, first: int, size: int, *, child: int = 0xFFFFFFFF, following: int = 0xFFFFFFFF) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    head = struct.pack("<64sHBBIII", encoded, len(encoded), kind, 1, 0xFFFFFFFF, following, child)
    return head + bytes(36) + struct.pack("<IQ", first, size)


def make_png(text: str = "", *, size: tuple[int, int] = (320, 80)) -> bytes:
    return make_image("PNG", text=text, size=size)


def make_image(form: str, *, text: str = "", size: tuple[int, int] = (320, 80)) -> bytes:
    """A picture with a text drawn on it. `form` as Pillow calls it: PNG, JPEG, GIF, WEBP."""
    picture = Image.new("RGB", size, "white")
    if text:
        ImageDraw.Draw(picture).text((10, 20), text, fill="black", font_size=32)
    out = io.BytesIO()
    picture.save(out, form)
    return out.getvalue()


def make_scan(pages: int = 1) -> bytes:
    """A PDF whose pages are pictures: nothing in it is text."""
    picture = Image.new("RGB", (200, 100), "white")
    out = io.BytesIO()
    picture.save(out, "PDF", save_all=True, append_images=[picture] * (pages - 1))
    return out.getvalue()
