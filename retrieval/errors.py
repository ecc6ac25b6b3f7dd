"""What can be refused or go wrong about documents and topics.

InvalidInput (core)
├── EmptyFile               there is nothing in it
├── UnsupportedFile         none of the types that are taken
├── FileTypeMismatch        the name says another type than the content
└── UnreadableDrawing       what is drawn in it cannot be read
NotFound (core)
├── TopicNotFound           none that this person may read
└── DocumentNotFound        the same
Conflict (core)
└── TopicNameTaken          she has one of that name
RetryLater (core)
├── DrawingsBusy            too many drawings are being read
└── RetrievalFailed         a search cannot be answered
    └── EmbeddingFailed     a model that makes vectors did not, or made something else
DomainError (core)
└── StorageFailed           the file cannot be kept: no room, or the storage is away
    └── StorageUsedUp       the person's own share of it is full
"""

from __future__ import annotations

from chatplatform.core.errors import Conflict, DomainError, InvalidInput, NotFound, RetryLater


class EmptyFile(InvalidInput):
    """The file is empty."""


class UnsupportedFile(InvalidInput):
    """Files of this type are not supported."""


class FileTypeMismatch(InvalidInput):
    """The file's content is of another type than its name says."""


class UnreadableDrawing(InvalidInput):
    """The drawing cannot be read."""


class DrawingsBusy(RetryLater):
    """Too many drawings are being read, please try again later."""


class TopicNotFound(NotFound):
    """There is no such topic."""


class DocumentNotFound(NotFound):
    """There is no such document."""


class TopicNameTaken(Conflict):
    """You already have a topic with this name."""


class RetrievalFailed(RetryLater):
    """The documents cannot be searched at the moment."""


class EmbeddingFailed(RetrievalFailed):
    """The embedding model failed to answer."""


class StorageFailed(DomainError):
    """The file cannot be stored at the moment."""


class StorageUsedUp(StorageFailed):
    """Your storage is full. Delete documents to make room."""
