"""The contracts that are spoken, and whose dialect a path is answered in when no view of theirs gets to speak: an unknown path,
a body that is too large, a failure of the machinery itself."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chatplatform.contracts.chatgpt_backend.contract import CHATGPT_BACKEND
from chatplatform.contracts.contract import Contract
from chatplatform.core.errors import InvalidInput

CONTRACTS = (CHATGPT_BACKEND,)

DIALECTS: tuple[tuple[str, Contract], ...] = (
    # The first whose path is the beginning of the request's. A new contract adds its rows above the general ones.
    ("/api/v1", CHATGPT_BACKEND),
    ("", CHATGPT_BACKEND),
)


def contract_for(path: str) -> Contract:
    for base, contract in DIALECTS:
        if path == base or path.startswith(f"{base}/") or not base:
            return contract
    raise AssertionError("the last row of DIALECTS is for every path")


def contract_named(name: str) -> Contract:
    for contract in CONTRACTS:
        if contract.name == name:
            return contract
    raise InvalidInput(field="contract", issue=_("There is no such contract."))
