"""Uploaded files, in Django's storage `documents`: a folder of ours, or a bucket by configuration. Names are ours too."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage, storages
from django.db import transaction
from django.utils import timezone

from retrieval.errors import StorageFailed
from retrieval.models import Document

log = structlog.get_logger(__name__)
FORGOTTEN_AFTER = timedelta(hours=24)
"""A file that no document has is somebody's upload of this moment, or was left by a process that died."""


class PrivateFolder(FileSystemStorage):
    """Files that nobody else on the machine reads. What `save` returned survives a power failure; what failed leaves nothing."""

    def __init__(self, location: str | Path) -> None:
        super().__init__(location=location, file_permissions_mode=0o600, directory_permissions_mode=0o700)

    def _save(self, name: str, content: File) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                for piece in content.chunks():
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return name


def keep(*, content: bytes, extension: str) -> str:
    """Stores a file and returns its name in the storage. Raises StorageFailed; then nothing is left of it."""
    uuid = uuid4().hex
    name = f"{uuid[:2]}/{uuid}.{extension}"
    try:
        return _store().save(name, ContentFile(content))
    except _trouble() as error:
        log.error("document_not_stored", error=type(error).__name__, reason=str(error)[:300])
        discard(name)
        raise StorageFailed from error


def discard(name: str) -> None:
    """Deletes a file. One that is gone already, or cannot be reached now, is no error: `tidy` comes for it."""
    try:
        _store().delete(name)
    except _trouble() as error:
        log.warning("file_not_deleted", file=name, error=type(error).__name__)


def discard_with_document(*, instance: Document, **_signal: Any) -> None:
    """When the row is gone for good."""
    transaction.on_commit(lambda: discard(instance.file))


def read(name: str) -> bytes:
    """Raises StorageFailed."""
    try:
        with _store().open(name) as file:
            return bytes(file.read())
    except _trouble() as error:
        raise StorageFailed from error


@contextmanager
def local_copy(name: str) -> Iterator[Path]:
    """A path where the file can be read: its own in a folder, a temporary one of what a bucket holds. Raises StorageFailed."""
    store = _store()
    if isinstance(store, FileSystemStorage):
        path = Path(store.path(name))
        if not path.is_file():
            raise StorageFailed
        yield path
        return
    content = read(name)
    with tempfile.TemporaryDirectory(prefix="document-") as folder:
        path = Path(folder) / Path(name).name
        path.write_bytes(content)
        yield path


def tidy(*, now: datetime | None = None) -> int:
    """Deletes files that no document has had for a day. Returns how many."""
    before = (now or timezone.now()) - FORGOTTEN_AFTER
    store, deleted = _store(), 0
    with suppress(FileNotFoundError):  # nothing was ever uploaded
        for folder in store.listdir("")[0]:
            names = [f"{folder}/{file}" for file in store.listdir(folder)[1]]
            known = set(Document.objects.filter(file__in=names).values_list("file", flat=True))
            for name in names:
                if name not in known and store.get_modified_time(name) < before:
                    discard(name)
                    deleted += 1
    return deleted


def _store() -> Storage:
    return storages["documents"]


def _trouble() -> tuple[type[Exception], ...]:
    """What a storage raises when it cannot: OSError is every trouble with a disk; a bucket has errors of its own."""
    if isinstance(_store(), FileSystemStorage):
        return (OSError,)
    from botocore.exceptions import BotoCoreError, ClientError

    return (OSError, BotoCoreError, ClientError)
