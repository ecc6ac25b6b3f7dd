"""Which contract a client asks for in words: `Accept: application/vnd.lyss.v1+json`."""

from __future__ import annotations

import re
from functools import lru_cache

from chatplatform.contracts.contract import Contract
from chatplatform.contracts.registry import CONTRACTS
from chatplatform.core.errors import NotAcceptable

VERSION = "v1"
"""The one that all contracts have."""
_VENDOR_TYPE = re.compile(r"application/vnd\.([a-z0-9-]+)\.(v\d+)\+json")
_BY_VENDOR = {contract.vendor: contract for contract in CONTRACTS}


def contract_asked(accept: str) -> Contract | None:
    """The first contract that `Accept` names; one with a version that is not spoken where there is no other."""
    accept = accept.lower()
    return _asked(accept) if "vnd." in accept else None


@lru_cache(maxsize=256)
def _asked(accept: str) -> Contract | None:
    named = [(_BY_VENDOR[vendor], version) for vendor, version in _VENDOR_TYPE.findall(accept) if vendor in _BY_VENDOR]
    spoken = (contract for contract, version in named if version == VERSION)
    return next(spoken, None) or next((contract for contract, _version in named), None)


def check_version(accept: str) -> None:
    """Raises NotAcceptable when `Accept` names only contracts or versions that nobody here speaks."""
    accept = accept.lower()
    if "vnd." not in accept:
        return
    named = _VENDOR_TYPE.findall(accept)
    spoken = any(vendor in _BY_VENDOR and version == VERSION for vendor, version in named)
    if named and not spoken and "*/*" not in accept and "application/json" not in accept:
        raise NotAcceptable
