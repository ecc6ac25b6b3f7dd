"""What Schemathesis leaves out. It loads this file by itself (schemathesis.toml)."""

from typing import Any

import schemathesis

LARGEST = 2**63


@schemathesis.hook
def filter_body(_context: Any, body: Any) -> bool:
    """A number beyond 64 bits is malformed wherever it stands, which no schema can say of names that it does not know."""
    return not _holds_a_huge_number(body)


def _holds_a_huge_number(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_holds_a_huge_number(inner) for inner in value.values())
    if isinstance(value, list):
        return any(_holds_a_huge_number(inner) for inner in value)
    return isinstance(value, int | float) and abs(value) >= LARGEST
