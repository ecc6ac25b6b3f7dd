"""Where the platform is, and who asks."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Credentials:
    """A signed-in person's tokens, which change as they are renewed; or an API key, which does not."""

    token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)

    def headers(self) -> dict[str, str]:
        if self.token:
            return {"Authorization": f"Bearer {self.token}"}
        return {"X-API-Key": self.api_key} if self.api_key else {}


def root_of(base_url: str) -> str:
    """The platform's own address, whichever of its contracts' bases is given: `https://chat.example.org/api/v1` is
    `https://chat.example.org`."""
    url = base_url.rstrip("/")
    for base in ("/lyss/api/v1", "/api/v1", "/api"):
        if url.endswith(base):
            return url.removesuffix(base)
    return url
