"""The contract "Coze chatbot" as a value. It gives no figures for its limits, and takes those of ChatGPT Backend."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.conf import settings

from chatplatform.contracts.contract import Contract, Paging, Rate
from chatplatform.contracts.coze.document import DOCUMENT
from chatplatform.contracts.coze.errors import ERRORS, failure
from chatplatform.contracts.coze.stream import EventEncoder

SEND_RATE = Rate("sends", settings.RATE_SENDS)
OTHER_RATE = Rate("others", settings.RATE_OTHERS)


def envelope(data: Any, message: str, now: datetime) -> dict[str, Any]:
    """None: the data is the answer, and has its message in it."""
    bare: dict[str, Any] = data
    return bare


COZE = Contract(
    name="coze",
    title="Coze chatbot",
    vendor="coze",
    base="",
    id_form=re.compile(r".+"),
    errors=ERRORS,
    envelope=envelope,
    failure=failure,
    paging=Paging(number="page", size="page_size"),
    stream_encoder=EventEncoder,
    document=DOCUMENT,
    guests=True,
)
