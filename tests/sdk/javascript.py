"""The JavaScript packages as somebody else gets them: built from a checkout by npm and installed into an empty folder, both by
the commands of `sdk/js/README.md`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.running import PROJECT_DIR

SOURCES = PROJECT_DIR / "sdk" / "js"
OLDEST_NODE = 20
MADE = shutil.ignore_patterns("node_modules", "dist", "packed", "*.tsbuildinfo")


@dataclass(frozen=True, slots=True)
class Built:
    checkout: Path
    """A copy of the checkout's `sdk/js/`, so that nothing is made beside the sources."""
    app: Path
    """A project of somebody's that was empty before the packages were installed into it."""


@cache
def missing() -> str:
    """What there is not on this machine; empty: all is there."""
    if not shutil.which("npm"):
        return "there is no npm here"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return "" if int(version.removeprefix("v").split(".")[0]) >= OLDEST_NODE else f"Node.js {version.strip()} is too old"


def build(folder: Path) -> Built:
    checkout, app = folder / "checkout", folder / "app"
    shutil.copytree(SOURCES, checkout / "sdk" / "js", ignore=MADE)
    app.mkdir()
    making, installing = re.findall(r"```sh\n((?:cd sdk/js|npm install).*)\n```", (SOURCES / "README.md").read_text("utf-8"))
    run(["sh", "-c", making], checkout)
    run(["sh", "-c", installing], app, CHECKOUT=str(checkout))
    return Built(checkout / "sdk" / "js", app)


def run(command: list[str], folder: Path, *, seconds: float = 240, **environment: str) -> str:
    """What it writes. Raises AssertionError with it unless it succeeds in time."""
    words = " ".join(command)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise AssertionError(f"{words} was not done after {seconds} s:\n{(late.output or b'').decode()}") from None
    written = done.stdout.decode()
    assert done.returncode == 0, f"{words}:\n{written}"
    return written
