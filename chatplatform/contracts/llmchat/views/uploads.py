"""Files: uploading documents, how far they are, deleting them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request

from chatplatform.contracts.http import ContractViewSet
from chatplatform.contracts.incoming import validate
from chatplatform.contracts.llmchat import requests, responses, schemas
from chatplatform.contracts.llmchat.views.agents import PAGING
from chatplatform.contracts.openapi.describing import described
from chatplatform.core.errors import MalformedBody, NotAllowed
from chatplatform.core.ids import parse_uuid
from retrieval import selectors, services
from retrieval.errors import (
    DocumentNotFound,
    EmptyFile,
    FileTypeMismatch,
    StorageFailed,
    StorageUsedUp,
    TopicNotFound,
    UnsupportedFile,
)


def document_uuid(text: str) -> UUID:
    found = parse_uuid(text)
    if found is None:
        raise DocumentNotFound
    return found


class FormParser(MultiPartParser):
    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except TypeError as error:  # Django's, of a part whose file name comes in pieces that do not go together (RFC 2231)
            raise MalformedBody from error


class UploadViewSet(ContractViewSet):
    tag = "Files"
    parser_classes = (FormParser,)

    @described(
        "upload_file",
        "Upload a document",
        request=requests.Upload,
        data=schemas.File,
        status=201,
        errors=(EmptyFile, UnsupportedFile, FileTypeMismatch, TopicNotFound, NotAllowed, StorageFailed, StorageUsedUp),
    )
    def upload(self, request: Request) -> HttpResponse:
        """At most 10 MB: pdf, doc, docx, txt, md; jpg, jpeg, png, gif, webp; dxf, dwg. The content decides what it is.

        The answer comes before the document is read: `status` and `progress` say how far it is. The same content uploaded twice
        is one document.
        """
        form = validate(requests.Upload, cast(Mapping[str, Any], request.data))
        file = form["file"]
        document = services.upload_document(
            principal=self.person,
            name=file.name,
            content=file.read(),
            kind=form["type"] or None,
            description=form["description"],
            topic_id=form["topic_id"],
            origin=self.incoming.origin,
        )
        return self.answer(responses.file(document), _("The file was uploaded."), status=201)

    @described(
        "list_files",
        "List uploaded documents",
        data=schemas.Files,
        parameters=(*PAGING, requests.FileFilter),
        errors=(TopicNotFound,),
    )
    def list(self, request: Request) -> HttpResponse:
        """One's own, newest first; with `topicId` all in that topic, whoever uploaded them."""
        asked = self.parse_query(requests.FileFilter)
        page = selectors.documents_of(principal=self.person, page=self.page(), topic_id=asked["topic_id"])
        return self.answer(responses.paged(page, responses.file), _("The files."))

    @described("get_file", "A document", data=schemas.File)
    def retrieve(self, request: Request, file_id: str) -> HttpResponse:
        """One's own, or one in a topic that one may read."""
        document = selectors.get_document(principal=self.person, document_id=document_uuid(file_id))
        return self.answer(responses.file(document), _("The file."))

    @described("delete_file", "Delete a document", errors=(NotAllowed,))
    def destroy(self, request: Request, file_id: str) -> HttpResponse:
        """The file, its text and all that it was found by. What answers have quoted from it stays with them."""
        services.delete_document(principal=self.person, document_id=document_uuid(file_id), origin=self.incoming.origin)
        return self.answer(None, _("The file was deleted."))
