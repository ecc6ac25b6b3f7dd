"""Parameters that routes of several contracts have."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter

from chatplatform.contracts.incoming import LONGEST_IDEMPOTENCY_KEY


def idempotency_key(
    description: str = "The same key attaches to the same turn. (Or `client_message_id` in the body.)",
) -> OpenApiParameter:
    """The header, as `incoming.client_key` reads it."""
    schema = {"type": "string", "maxLength": LONGEST_IDEMPOTENCY_KEY}
    return OpenApiParameter("Idempotency-Key", schema, OpenApiParameter.HEADER, description=description)
