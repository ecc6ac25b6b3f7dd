"""Who is asking, as a plain value. Every domain call takes one."""

from dataclasses import dataclass
from uuid import UUID

GUEST = UUID("6f8b7f0e-52f3-4c3c-9b8e-0d2a5e6c7a10")
"""The public id of the account that everybody is who comes without one: see `guests.py`. No other account can have it."""


@dataclass(frozen=True, slots=True)
class Principal:
    user_id: int
    user_uuid: UUID
    username: str
    role: str
    """user, operator or admin"""
    tier: str
    session_id: UUID | None
    """Of the log-in that the access token comes from; None with an API key, and for a guest."""
    api_key_id: int | None
    expires_at: float | None = None
    """When the token or key stops working, in seconds since 1970; None for a key without an end."""

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def is_vip(self) -> bool:
        return self.tier not in ("standard", "guest")

    @property
    def is_guest(self) -> bool:
        return self.user_uuid == GUEST
