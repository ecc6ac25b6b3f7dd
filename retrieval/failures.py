"""Why a document could not be made searchable: a code that is stored, and the sentence that people read."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

FAILURES = {
    "encrypted": _("The file is protected with a password. Remove the password and upload it again."),
    "no_text": _("There is no text in the file. If it is a scan, upload a version with recognised text."),
    "broken": _("The file is damaged or not a valid file of its type."),
    "too_large_inside": _("The file unpacks to more than can be read."),
    "took_too_long": _("Reading the file took too long."),
    "too_much_memory": _("Reading the file needs too much memory."),
    "unsupported": _("This version of the file format is not supported."),
    "embedding_failed": _("The embedding model could not process the text. Please try again later."),
    "storage_lost": _("The stored file could not be read. Please upload it again."),
    "quota_used_up": _("The quota is used up before the document was embedded. Try again when there is a new one."),
    "gave_up": _("Processing was interrupted too often."),
    "no_text_in_picture": _("No text was read from the picture, so it cannot be found by a search. The picture itself is kept."),
}
