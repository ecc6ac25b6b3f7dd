"""Pictures. Their text is read where the optional `rapidocr` is installed; elsewhere they have none, which is no failure."""

from __future__ import annotations

import importlib.util
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from PIL.ExifTags import Base

from retrieval.extract import Extracted, ExtractionFailed
from retrieval.extract.normal import normalise

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
"""Pillow knows many more, each with its own holes."""
MOST_PIXELS = 50_000_000

_DATES = (Base.DateTimeOriginal, Base.DateTime)


def read_picture(path: Path) -> Extracted:
    Image.MAX_IMAGE_PIXELS = None  # our own bound is asked before anything is decoded
    try:
        with Image.open(path, formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise ExtractionFailed("too_large_inside", f"{picture.width} × {picture.height}")
            picture.load()  # the first frame, whole: a damaged one is refused
            about = picture.getexif()
            return Extracted(
                text=_text_in(picture),
                title=str(about.get(Base.ImageDescription, "")),
                author=str(about.get(Base.Artist, "")),
                written_at=next((moment for tag in _DATES if (moment := _moment(about.get(tag)))), None),
            )
    except UnidentifiedImageError as error:
        raise ExtractionFailed("broken", str(error)) from error


def _text_in(picture: Image.Image) -> str:
    if importlib.util.find_spec("rapidocr") is None:
        return ""
    import numpy
    from rapidocr import RapidOCR  # type: ignore[import-not-found, unused-ignore]

    found: Any = RapidOCR()(numpy.asarray(picture.convert("RGB")))
    return normalise("\n".join(found.txts or ()))


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.strptime(str(value), "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
