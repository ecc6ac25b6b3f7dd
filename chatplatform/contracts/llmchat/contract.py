"""The contract "LLMChat" as a value."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from chatplatform.contracts.contract import UUID_FORM, Contract, Paging, Rate
from chatplatform.contracts.llmchat.document import DOCUMENT
from chatplatform.contracts.llmchat.errors import ERRORS, failure, moment
from chatplatform.contracts.llmchat.stream import EventEncoder
from quotas.models import ENTERPRISE

RATE = Rate("requests", "2000/m", by_tier=((ENTERPRISE, "5000/m"),))
"""Of people who are signed in."""
STRANGERS_RATE = Rate("strangers", "1000/m", by_address=True)


def envelope(data: Any, message: str, now: datetime) -> dict[str, Any]:
    return {"code": "SUCCESS", "message": message or _("Done."), "data": data, "timestamp": moment(now.astimezone(UTC))}


LLMCHAT = Contract(
    name="llmchat",
    title="LLMChat",
    vendor="llmchat",
    base="/api",
    also_at=("/api/v1",),
    id_form=UUID_FORM,
    errors=ERRORS,
    envelope=envelope,
    failure=failure,
    paging=Paging(number="page", size="limit"),
    stream_encoder=EventEncoder,
    document=DOCUMENT,
)
