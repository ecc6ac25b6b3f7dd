"""Makes the blocking half of each package from the half that is written by hand, the asynchronous one.

python sdk/python/make_sync.py            writes
python sdk/python/make_sync.py --check    says what is not up to date, with exit code 1
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
MADE = "# Made from {source} by sdk/python/make_sync.py: change that file.\n"

WORDS: tuple[tuple[str, str], ...] = (
    (r"\basync (def|with|for)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\b__a(enter|exit|iter|next)__\b", r"__\1__"),
    (r"\ba(iter|next)\(", r"\1("),
    (r"\ba(read|close)\(", r"\1("),
    (r"\bwebsockets\.asyncio\b", "websockets.sync"),
    (r"\b_async\b", "_sync"),
)


def blocking(text: str) -> str:
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text)
    return text


def sources() -> Iterator[tuple[Path, Path]]:
    """Each file with the one that is made of it. What begins with an underscore is written by hand on both sides."""
    for path in sorted(HERE.glob("*/src/*/_async/*.py")):
        if not path.name.startswith("_"):
            yield path, path.parent.parent / "_sync" / path.name


def formatted(text: str, path: Path) -> str:
    for command in (["check", "--fix-only", "--unsafe-fixes", "--quiet", "--select", "I,UP028"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(path), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout  # noqa: S603
    return text


def main() -> int:
    check, stale = "--check" in sys.argv[1:], []
    for source, target in sources():
        made = formatted(MADE.format(source=source.relative_to(HERE)) + blocking(source.read_text()), target)
        if target.exists() and target.read_text() == made:
            continue
        stale.append(str(target.relative_to(HERE)))
        if not check:
            target.write_text(made)
    if check and stale:
        print("not up to date, run sdk/python/make_sync.py:", *stale, sep="\n  ")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
