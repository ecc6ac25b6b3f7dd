"""What is drawn in a drawing, for who sends one and wants to see it: nothing is stored.

A drawing is read as an uploaded document is, in a child process with bounds (`extract/`). The children are few and wait their
turn here, so that neither a search nor a login waits for a drawing, and nobody's drawings fill all the places.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import structlog
from django.conf import settings

from accounts.principal import Principal
from chatplatform.core.errors import BodyTooLarge
from retrieval.errors import DrawingsBusy, UnreadableDrawing, UnsupportedFile
from retrieval.extract import ExtractionFailed, Limits, run_child
from retrieval.failures import FAILURES
from retrieval.files import identify
from retrieval.models import Document

log = structlog.get_logger(__name__)

AT_ONCE = 2
MOST_WAITING = 12
MOST_OF_ONE = 4
"""How many are read at once, how many are read or wait in a process, and how many of these are one person's."""
PATIENCE = 3
"""By how much the clock may be ahead of the processor: a machine that is busy does not make a drawing a bad one."""
MOST_BYTES = 8_000_000
"""Of the entities as JSON: beyond it the answer says that it is not all."""
_STANDING = Path("/dev/stdin")


@dataclass(frozen=True, slots=True)
class Drawing:
    """`json` is an object: `entities`, `layers`, `bounds`, `units`, `truncated`, `leftOut` (see `extract/geometry/sheet.py`)."""

    json: bytes


_under_way: Counter[int] = Counter()
"""By user. Of one process, and used from its event loop only."""


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="drawing")


async def read_drawing(*, principal: Principal, content: bytes, name: str) -> Drawing:
    """Reads a DXF or DWG file of this name.

    Raises BodyTooLarge, EmptyFile, UnsupportedFile (no drawing), FileTypeMismatch, UnreadableDrawing (damaged, or too much for
    the bounds), DrawingsBusy.
    """
    if len(content) > settings.MAX_FILE:
        raise BodyTooLarge
    file = identify(content=content, name=name)
    if file.kind != Document.Kind.CAD:
        raise UnsupportedFile(field="file")
    user = principal.user_id
    if _under_way.total() >= MOST_WAITING or _under_way[user] >= MOST_OF_ONE:
        raise DrawingsBusy(retry_after=settings.DRAWING_CPU_SECONDS)
    _under_way[user] += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads(), _read, content, file.extension)
    finally:
        _under_way[user] -= 1
        if not _under_way[user]:
            del _under_way[user]


def _read(content: bytes, extension: str) -> Drawing:
    limits = Limits(
        memory=settings.EXTRACT_MEMORY_MB * 1_000_000,
        cpu_seconds=settings.DRAWING_CPU_SECONDS,
        wall_seconds=settings.DRAWING_CPU_SECONDS * PATIENCE,
        characters=MOST_BYTES,
    )
    try:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.flush()
            answer = run_child(task="drawing", path=_STANDING, extension=extension, limits=limits, content=file)
    except ExtractionFailed as failed:
        # What a child says is a file's doing: it may be any word.
        failure = failed.failure if failed.failure in FAILURES else "broken"
        log.info("drawing_not_read", failure=failure)
        raise UnreadableDrawing(field="file", issue=str(FAILURES[failure])) from failed
    return Drawing(answer)
