"""What an uploaded file is: its bytes decide, and its name must agree."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from retrieval.errors import EmptyFile, FileTypeMismatch, UnsupportedFile
from retrieval.extract.encodings import encoding_of

LONGEST_NAME = 255
"""Characters."""
HEAD = 8 * 1024
"""Bytes in which a signature begins and ends."""


@dataclass(frozen=True, slots=True)
class FileType:
    """`kind` is a `Document.Kind`; `extension` has no dot, and one spelling for each type (jpg, never jpeg)."""

    kind: str
    extension: str
    media_type: str


_TYPES = {
    known.extension: known
    for known in (
        FileType("document", "pdf", "application/pdf"),
        FileType("document", "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        FileType("document", "doc", "application/msword"),
        FileType("document", "txt", "text/plain"),
        FileType("document", "md", "text/markdown"),
        FileType("image", "jpg", "image/jpeg"),
        FileType("image", "png", "image/png"),
        FileType("image", "gif", "image/gif"),
        FileType("image", "webp", "image/webp"),
        FileType("cad", "dxf", "image/vnd.dxf"),
        FileType("cad", "dwg", "image/vnd.dwg"),
    )
}
_SPELLINGS = {"jpeg": "jpg"}
_TEXTS = {"txt", "md"}

_WORD_PARTS = (b"[Content_Types].xml", b"word/document.xml")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SIGNATURES = {
    "pdf": re.compile(rb"(?:\xef\xbb\xbf)?\s{0,64}%PDF-\d"),
    "jpg": re.compile(rb"\xff\xd8\xff"),
    "png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "gif": re.compile(rb"GIF8[79]a"),
    "webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
    "dwg": re.compile(rb"AC1[0-9.]{3}\x00|AC10\d\d"),
    "dxf": re.compile(
        rb"AutoCAD Binary DXF\r\n\x1a\x00"
        rb"|(?:\xef\xbb\xbf)?\s{0,64}(?:999[ \t]*\r?\n[^\n]*\n[ \t]*)*0[ \t]*\r?\n[ \t]*SECTION\s"  # after comments
    ),
}


def identify(*, content: bytes, name: str) -> FileType:
    """The type that both the bytes and the name say.

    Raises EmptyFile, UnsupportedFile (the name's type is not taken), FileTypeMismatch (the bytes are something else).
    """
    if not content:
        raise EmptyFile(field="file")
    _stem, dot, extension = clean_name(name).rpartition(".")
    extension = extension.lower()
    expected = _TYPES.get(_SPELLINGS.get(extension, extension)) if dot else None
    if expected is None:
        raise UnsupportedFile(field="file")
    if expected.extension in _TEXTS:
        agrees = _signature(content) in (None, "dxf") and encoding_of(content) is not None
    elif expected.extension == "docx" and content.startswith(_OLE):
        agrees = _is_encrypted_package(content)  # a docx with a password looks so: reading it will say what is wrong
    else:
        agrees = _signature(content) == expected.extension
    if not agrees:
        raise FileTypeMismatch(field="file")
    return expected


def clean_name(name: str) -> str:
    """What is shown of an uploaded file's name: its last part, without what cannot be seen or turns the writing round.

    At most 255 characters, the extension among them. It is never used as a path.
    """
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    name = re.split(r"[/\\]", name.replace("%2f", "/").replace("%2F", "/").replace("%5c", "/").replace("%5C", "/"))[-1]
    name = "".join(" " if part.isspace() else part for part in name if part.isspace() or not _is_hidden(part))
    name = re.sub(" +", " ", name).strip(". ")
    if len(name) > LONGEST_NAME:
        stem, dot, extension = name.rpartition(".")
        ending = dot + extension if len(extension) <= 8 else ""
        name = (stem if ending else name)[: LONGEST_NAME - len(ending)] + ending
    return name or "file"


def _is_hidden(character: str) -> bool:
    """Controls, formats (bidi overrides, zero widths, tags), surrogates, private and unassigned code points."""
    return unicodedata.category(character)[0] == "C"


def _signature(content: bytes) -> str | None:
    head = content[:HEAD]
    for extension, signature in _SIGNATURES.items():
        if signature.match(head):
            return extension
    if content.startswith(b"PK\x03\x04"):
        return "docx" if _is_word(content) else "zip"
    if content.startswith(_OLE):
        return "doc" if "WordDocument".encode("utf-16-le") in content else "ole"
    return None


def _is_word(content: bytes) -> bool:
    """By the names of its parts, which no archive packs. Its directory is left to the child: it may have 200,000 entries."""
    return all(name in content for name in _WORD_PARTS)


def _is_encrypted_package(content: bytes) -> bool:
    return "EncryptedPackage".encode("utf-16-le") in content
