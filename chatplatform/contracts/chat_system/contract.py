"""The contract "Chat System" as a value."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.contracts.chat_system.document import DOCUMENT
from chatplatform.contracts.chat_system.errors import ERRORS, failure, meta
from chatplatform.contracts.chat_system.stream import EventEncoder
from chatplatform.contracts.contract import Contract, Paging, Rate

SEND_RATE = Rate("sends", settings.RATE_SESSION_MESSAGES)
SESSION_RATE = Rate("sessions", settings.RATE_NEW_SESSIONS)
SEARCH_RATE = Rate("searches", settings.RATE_SEARCHES)
OTHER_RATE = Rate("others", settings.RATE_OTHERS)


def envelope(data: Any, message: str, now: datetime) -> dict[str, Any]:
    return {"success": True, "data": data, "message": message or _("Done."), "error": None, "meta": meta(now)}


CHAT_SYSTEM = Contract(
    name="chat_system",
    title="Chat System",
    vendor="chat-system",
    base="/api/v1",
    id_form=re.compile(r"(?:sess|msg)_[0-9a-f]{32}"),
    errors=ERRORS,
    envelope=envelope,
    failure=failure,
    paging=Paging(number="page", size="page_size"),
    stream_encoder=EventEncoder,
    document=DOCUMENT,
)
