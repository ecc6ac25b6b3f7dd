"""What the ledger refuses.

QuotaExceeded (core)
└── AllowanceUsedUp     says which period and what of it (period, kind, retry_after)
"""

from __future__ import annotations

from django.utils.translation import gettext

from chatplatform.core.errors import QuotaExceeded


class AllowanceUsedUp(QuotaExceeded):
    """The quota is used up."""

    def __init__(self, *, period: str, kind: str, retry_after: float) -> None:
        super().__init__(retry_after=retry_after)
        self.period = period
        """day or month: the one that makes the person wait longest."""
        self.kind = kind
        """requests or tokens"""

    @property
    def message(self) -> str:
        match self.period, self.kind:
            case "day", "requests":
                return gettext("Today's quota is used up.")
            case "day", _:
                return gettext("Today's token quota is used up.")
            case _, "requests":
                return gettext("This month's quota is used up.")
            case _:
                return gettext("This month's token quota is used up.")
