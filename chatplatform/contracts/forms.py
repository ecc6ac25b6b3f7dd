"""A form with files (`multipart/form-data`) for a view that runs in the event loop. The body is in memory already, and so are its
files; reading one of 10 MB takes a thread for some hundredths of a second."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from chatplatform.contracts.incoming import Incoming
from chatplatform.core.errors import MalformedBody, UnsupportedMediaType


def read_form(incoming: Incoming) -> dict[str, Any]:
    """Fields and files by name, of each the last. Blocking. Raises UnsupportedMediaType, MalformedBody."""
    media_type = incoming.headers.get("content-type", "")
    if media_type.partition(";")[0].strip().lower() != "multipart/form-data":
        raise UnsupportedMediaType
    meta = {"CONTENT_TYPE": media_type, "CONTENT_LENGTH": len(incoming.body)}
    try:
        fields, files = MultiPartParser(meta, io.BytesIO(incoming.body), [MemoryFileUploadHandler()]).parse()
    except (MultiPartParserError, TypeError, LookupError) as error:
        # The latter two are Django's: of a name in pieces that do not go together (RFC 2231), of an encoding that nobody knows.
        raise MalformedBody from error
    return fields.dict() | files.dict()
