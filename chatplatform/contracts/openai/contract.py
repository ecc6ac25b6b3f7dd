"""The OpenAI-compatible contract as a value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings

from chatplatform.contracts.contract import UUID_FORM, Contract, Paging, Rate
from chatplatform.contracts.openai.document import DOCUMENT
from chatplatform.contracts.openai.errors import ERRORS, failure
from chatplatform.contracts.openai.stream import ChunkEncoder

SEND_RATE = Rate("sends", settings.RATE_SENDS)
OTHER_RATE = Rate("others", settings.RATE_OTHERS)


def envelope(data: Any, _message: str, _now: datetime) -> dict[str, Any]:
    """There is none."""
    found: dict[str, Any] = data
    return found


OPENAI = Contract(
    name="openai",
    title="OpenAI-compatible",
    vendor="openai",
    base="/v1",
    id_form=UUID_FORM,
    errors=ERRORS,
    envelope=envelope,
    failure=failure,
    paging=Paging(number="page", size="limit"),
    stream_encoder=ChunkEncoder,
    document=DOCUMENT,
)
