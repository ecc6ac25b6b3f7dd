"""Imports go downward only, as `pyproject.toml` says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_imports_go_downward_only():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    linted = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_no_domain_app_knows_http_or_a_contract():
    """Wire code stays in `contracts`: a domain app reads without knowing that any contract exists."""
    for app in ("accounts", "providers", "quotas", "conversations", "retrieval"):
        for file in (PROJECT / app).rglob("*.py"):
            if file.name in ("admin.py", "backends.py", "forms.py", "signals.py") or "migrations" in file.parts:
                continue
            for line in file.read_text().splitlines():
                if line.lstrip().startswith(("import ", "from ")):
                    assert "rest_framework." not in line.replace("rest_framework_simplejwt", ""), f"{file}: {line}"
                    assert "django.http" not in line, f"{file}: {line}"
                    assert "chatplatform.contracts" not in line, f"{file}: {line}"
