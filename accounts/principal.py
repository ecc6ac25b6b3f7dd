"""Who is asking, as a plain value. Every domain call takes one."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Principal:
    user_id: int
    user_uuid: UUID
    username: str
    role: str
    """user, operator or admin"""
    tier: str
    session_id: UUID | None
    """Of the log-in that the access token comes from; None with an API key."""
    api_key_id: int | None
    expires_at: float | None = None
    """When the token or key stops working, in seconds since 1970; None for a key without an end."""

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def is_vip(self) -> bool:
        return self.tier != "standard"
