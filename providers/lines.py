"""On which line of a TOML text something stands: `tomllib` tells only for what it cannot read. Best effort: None is no answer."""

import re
import tomllib
from typing import Any

_KEY = re.compile(r"""\s*(?P<quote>["']?)(?P<key>[^"'=\s]+)(?P=quote)\s*(=|\.)""")


class Lines:
    def __init__(self, text: str) -> None:
        self._found: dict[tuple[str, ...], int] = {}
        table: tuple[str, ...] = ()
        open_quotes = ""
        for number, line in enumerate(text.splitlines(), start=1):
            if not open_quotes:
                if line.lstrip().startswith("["):
                    table = _path_of(line) or table
                    self._found.setdefault(table, number)
                elif key := _KEY.match(line):
                    self._found.setdefault((*table, key["key"]), number)
            open_quotes = _still_open(line, open_quotes)

    def line_of(self, path: tuple[str, ...]) -> int | None:
        """The line of a key (`("providers", "acme", "kind")`), else of the nearest table around it."""
        while path:
            if path in self._found:
                return self._found[path]
            path = path[:-1]
        return None


def _path_of(header: str) -> tuple[str, ...]:
    """`[a."b c"]` as ("a", "b c"); empty when it is no header of a table."""
    try:
        node: Any = tomllib.loads(header)
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(node, dict) and node:
        key, node = next(iter(node.items()))
        path.append(key)
    return tuple(path)


def _still_open(line: str, quotes: str) -> str:
    """The quotes of a text over several lines that is open at the line's end."""
    for found in re.findall(r'"""|\'\'\'', line):
        if not quotes:
            quotes = found
        elif quotes == found:
            quotes = ""
    return quotes
