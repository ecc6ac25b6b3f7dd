"""What npm installs for the JavaScript packages and for the tests that need something of it."""

from __future__ import annotations

import fcntl
import subprocess
from functools import cache
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1] / "sdk" / "js"


@cache
def node_modules() -> Path:
    """The folder, installed as the lock file says if it is not there yet. Two test processes at once wait for each other."""
    installed = PACKAGES / "node_modules"
    with (PACKAGES / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (installed / ".package-lock.json").exists():
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=PACKAGES, check=True, timeout=280, capture_output=True)
    return installed
