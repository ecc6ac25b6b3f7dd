"""The contract "ChatGPT Backend" as a value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chatplatform.contracts.chatgpt_backend.document import DOCUMENT
from chatplatform.contracts.chatgpt_backend.errors import ERRORS, failure
from chatplatform.contracts.chatgpt_backend.stream import EventEncoder
from chatplatform.contracts.contract import UUID_FORM, Contract, Paging, Rate, utc

AUTH_RATE = Rate("auth", settings.RATE_AUTH, by_address=True)
SEND_RATE = Rate("sends", settings.RATE_SENDS)
OTHER_RATE = Rate("others", settings.RATE_OTHERS)


def envelope(data: Any, message: str, now: datetime) -> dict[str, Any]:
    return {"success": True, "data": data, "message": message or _("Done."), "timestamp": utc(now)}


CHATGPT_BACKEND = Contract(
    name="chatgpt_backend",
    title="ChatGPT Backend",
    vendor="chatgpt",
    base="/api/v1",
    id_form=UUID_FORM,
    errors=ERRORS,
    envelope=envelope,
    failure=failure,
    paging=Paging(number="page", size="size"),
    stream_encoder=EventEncoder,
    document=DOCUMENT,
)
