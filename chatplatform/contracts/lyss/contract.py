"""The contract "LYSS" as a value. It gives no figures for its limits, and takes those of ChatGPT Backend."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from chatplatform.contracts.contract import INTEGER_FORM, Contract, Paging, Rate, utc
from chatplatform.contracts.lyss.document import DOCUMENT
from chatplatform.contracts.lyss.errors import ERRORS, failure
from chatplatform.contracts.lyss.stream import EventEncoder

AUTH_RATE = Rate("auth", "5/m", by_address=True)
SEND_RATE = Rate("sends", "20/m")
OTHER_RATE = Rate("others", "100/m")


def envelope(data: Any, message: str, now: datetime) -> dict[str, Any]:
    return {"success": True, "data": data, "message": message or _("Done."), "timestamp": utc(now)}


LYSS = Contract(
    name="lyss",
    title="LYSS",
    vendor="lyss",
    base="/lyss/api/v1",
    also_at=("/api/v1",),
    id_form=INTEGER_FORM,
    errors=ERRORS,
    envelope=envelope,
    failure=failure,
    paging=Paging(number="page", size="page_size"),
    stream_encoder=EventEncoder,
    document=DOCUMENT,
)
