"""What an upload is: its bytes decide, its name must agree, and of the name only what is harmless is shown."""

from __future__ import annotations

import io
import zipfile

import pytest

from retrieval.errors import EmptyFile, FileTypeMismatch, UnsupportedFile
from retrieval.files import LONGEST_NAME, clean_name, identify
from tests.retrieval.files import (
    compound_file,
    make_doc,
    make_docx,
    make_dwg,
    make_dxf,
    make_image,
    make_pdf,
    make_png,
)

PDF, PNG, DOCX = make_pdf(["一"]), make_png(), make_docx(["一"])

FILES = {
    "a.pdf": (PDF, "document", "application/pdf"),
    "A.PDF": (PDF, "document", "application/pdf"),
    "a.docx": (DOCX, "document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    "a.doc": (make_doc("一"), "document", "application/msword"),
    "a.txt": ("一二三".encode("gb18030"), "document", "text/plain"),
    "a.md": (b"<p align=center>\n# One", "document", "text/markdown"),
    "a.png": (PNG, "image", "image/png"),
    "a.jpg": (make_image("JPEG"), "image", "image/jpeg"),
    "a.jpeg": (make_image("JPEG"), "image", "image/jpeg"),
    "a.gif": (make_image("GIF"), "image", "image/gif"),
    "a.webp": (make_image("WEBP"), "image", "image/webp"),
    "a.dxf": (make_dxf(["一"]), "cad", "image/vnd.dxf"),
    "commented.dxf": (b"999\r\nmade by\r\n  0\r\nSECTION\r\n", "cad", "image/vnd.dxf"),
    "binary.dxf": (b"AutoCAD Binary DXF\r\n\x1a\x00\x00SECTION\x00", "cad", "image/vnd.dxf"),
    "a.dwg": (make_dwg(["一"]), "cad", "image/vnd.dwg"),
    "报告.v2.pdf": (PDF, "document", "application/pdf"),
    "trailing.pdf. ": (PDF, "document", "application/pdf"),
}


@pytest.mark.parametrize("name", FILES)
def test_each_type_is_known_by_its_bytes_and_its_name(name: str) -> None:
    content, kind, media_type = FILES[name]
    known = identify(content=content, name=name)
    assert (known.kind, known.media_type) == (kind, media_type)


def test_a_type_has_one_spelling() -> None:
    assert identify(content=make_image("JPEG"), name="a.JPEG").extension == "jpg"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.pdf", PNG),
        ("a.png", PDF),
        ("a.jpg", PNG),
        ("a.txt", PDF),
        ("a.md", PNG),
        ("a.txt", DOCX),
        ("a.txt", b"\x00" * 100),
        ("a.txt", b"\x7fELF\x02\x01\x01" + b"\x00\x01\x02\x03" * 50),
        ("a.docx", PDF),
        ("a.pdf", b"<html><body>%PDF-1.7</body></html>"),
        ("a.pdf", b"GIF89a/*" + PDF),
        ("a.gif", b"<script>GIF89a</script>"),
        ("a.jpg", b"<?php echo 1;"),
        ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.dwg", b"AC"),
        ("a.dxf", b"0\nENDSEC\n"),
        ("a.doc", compound_file({"Workbook": b"x"})),
        ("a.docx", compound_file({"WordDocument": b"x"})),
        ("a.webp", b"RIFF\x00\x00\x00\x00WAVE"),
    ],
)
def test_a_name_that_says_something_else_than_the_bytes_is_refused(name: str, content: bytes) -> None:
    with pytest.raises(FileTypeMismatch):
        identify(content=content, name=name)


@pytest.mark.parametrize("inside", [["a.txt"], ["xl/workbook.xml", "[Content_Types].xml"], ["word/document.xml"]])
def test_an_archive_that_is_no_word_file_is_refused(inside: list[str]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in inside:
            archive.writestr(name, "x")
    with pytest.raises(FileTypeMismatch):
        identify(content=out.getvalue(), name="a.docx")


@pytest.mark.parametrize(
    "name", ["a.exe", "a.svg", "a.html", "a.xhtml", "a.zip", "a.pdf.exe", "pdf", ".", "", "a.", "a.xlsx", "a.jpg.php"]
)
def test_a_type_that_is_not_taken_is_refused_whatever_is_in_it(name: str) -> None:
    with pytest.raises(UnsupportedFile):
        identify(content=PDF, name=name)


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(EmptyFile):
        identify(content=b"", name="a.pdf")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("报告 2024.pdf", "报告 2024.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\x.pdf", "x.pdf"),
        ("C:\\Users\\x.pdf", "x.pdf"),
        ("%2e%2e%2fx.pdf", "x.pdf"),
        ("file:///etc/x.pdf", "x.pdf"),
        ("a\r\nSet-Cookie: b=1.pdf", "a Set-Cookie: b=1.pdf"),
        ("evil\u202efdp.exe", "evilfdp.exe"),
        ("a\x00b\u200b\U000e0041.pdf", "ab.pdf"),
        ("a\ud800b.pdf", "a?b.pdf"),
        ("  a   b.pdf . ", "a b.pdf"),
        ("=cmd|x.txt", "=cmd|x.txt"),
        ("😀.png", "😀.png"),
        ("e\u0301.md", "é.md"),
        ("CON.txt", "CON.txt"),
        ("..", "file"),
        ("/", "file"),
        ("", "file"),
    ],
)
def test_of_a_name_only_what_is_harmless_is_shown(name: str, shown: str) -> None:
    assert clean_name(name) == shown


def test_a_long_name_keeps_its_ending() -> None:
    name = clean_name("长" * 1000 + ".pdf")
    assert len(name) == LONGEST_NAME
    assert name.endswith("长.pdf")
    assert len(clean_name("x." + "y" * 1000)) == LONGEST_NAME
