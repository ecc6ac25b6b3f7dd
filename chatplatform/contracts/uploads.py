"""Uploaded files themselves, to those who may read them.

Nothing in them is ever shown by a browser as a page of ours: they come as attachments, without a right to run or load anything,
under the type that their content had when it was looked at. There are no ranges: a file has at most 10 MB, and comes whole.
"""

from __future__ import annotations

import structlog
from django.http import HttpRequest, HttpResponse
from django.utils.http import content_disposition_header

from chatplatform.contracts.errors import as_domain_error, is_unexpected
from chatplatform.contracts.http import error_response
from chatplatform.contracts.incoming import Incoming, admit, in_language
from chatplatform.contracts.llmchat.contract import LLMCHAT, RATE
from chatplatform.contracts.routing import dialect_for
from chatplatform.core.errors import MethodNotAllowed, NotSignedIn
from chatplatform.core.ids import parse_uuid
from retrieval import selectors, storage
from retrieval.errors import DocumentNotFound, RetrievalFailed, StorageFailed
from retrieval.models import Document

log = structlog.get_logger(__name__)
POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


def download(request: HttpRequest, name: str) -> HttpResponse:
    """`/uploads/{uuid}.{extension}`, as LLMChat's answers name it, and counted as its requests."""
    incoming = Incoming.from_django(request)
    with in_language(incoming.headers):
        try:
            return _file(incoming, name)
        except Exception as raised:
            error = as_domain_error(raised)
            if is_unexpected(error):
                log.error("request_failed", exc_info=raised, path=incoming.path)
            return error_response(error, dialect_for(incoming.path, incoming.headers.get("accept", "")))


def _file(incoming: Incoming, name: str) -> HttpResponse:
    if incoming.method not in ("GET", "HEAD"):
        raise MethodNotAllowed
    principal = admit(incoming=incoming, contract=LLMCHAT, rate=RATE, public=False)
    if principal is None:
        raise NotSignedIn
    document_id = parse_uuid(name.partition(".")[0])
    if document_id is None:
        raise DocumentNotFound
    document = selectors.get_document(principal=principal, document_id=document_id)
    if name != document.public_name:
        raise DocumentNotFound
    content = b"" if incoming.method == "HEAD" else _content(document)
    response = HttpResponse(content, content_type=document.media_type)
    response["Content-Length"] = str(document.size)
    response["Content-Disposition"] = content_disposition_header(True, document.original_name)
    response["Content-Security-Policy"] = POLICY
    response["Cache-Control"] = "private, no-store"
    response["Accept-Ranges"] = "none"
    return response


def _content(document: Document) -> bytes:
    try:
        return storage.read(document.file)
    except StorageFailed as error:
        log.error("file_lost", document_id=str(document.uuid), file=document.file)
        raise RetrievalFailed from error
