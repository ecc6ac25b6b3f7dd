"""Drawings: what is in one, without keeping it."""

from __future__ import annotations

from typing import Any

import orjson
from django.utils.translation import gettext as _

from chatplatform.contracts.forms import read_form
from chatplatform.contracts.http import ContractViewSet, native
from chatplatform.contracts.incoming import validate
from chatplatform.contracts.llmchat import requests, schemas
from chatplatform.contracts.llmchat.views.uploads import FormParser
from chatplatform.contracts.native import NativeAnswer, NativeCall
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.aio import in_search_thread
from retrieval.drawings import read_drawing
from retrieval.errors import DrawingsBusy, EmptyFile, FileTypeMismatch, UnreadableDrawing, UnsupportedFile


class DrawingViewSet(ContractViewSet):
    tag = "Drawings"
    parser_classes = (FormParser,)

    @described(
        "parse_drawing",
        "Read a drawing",
        request=requests.DrawingFile,
        data=schemas.Drawing,
        errors=(EmptyFile, UnsupportedFile, FileTypeMismatch, UnreadableDrawing, DrawingsBusy),
    )
    @native
    async def parse(self, call: NativeCall) -> NativeAnswer:  # type: ignore[override]
        """A DXF file, text or binary, or a DWG file of R14 to 2018; at most 10 MB. Nothing is stored.

        `entities` are those of the model space, with their points in the drawing's coordinates: blocks are not expanded, an
        `INSERT` says which block stands where. `bounds` surround all of them, with what inserted blocks draw; they are null where
        nothing is drawn. A drawing of more than 100,000 entities or 8 MB of them is cut off: `truncated` says so. `leftOut`
        counts entities whose coordinates are no numbers.
        """
        file = (await in_search_thread(_drawing_of, call))["file"]
        drawing = await read_drawing(principal=call.person, content=file.read(), name=file.name)
        return call.answer(orjson.Fragment(drawing.json), _("The drawing was read."))


def _drawing_of(call: NativeCall) -> dict[str, Any]:
    return validate(requests.DrawingFile, read_form(call.incoming))
