"""What `pip install ./sdk/python/...` installs. (`.ci/check-sdks` does it for real, in a fresh environment.)"""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.running import PROJECT_DIR

PYTHON = PROJECT_DIR / "sdk" / "python"
PACKAGES = {"chatplatform-client": "chatplatform_client", "llmchat-client": "llmchat", "lyss-ai-client": "lyss_ai_client"}


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-build-isolation", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([*command, *(str(PYTHON / name) for name in PACKAGES)], check=True, timeout=120)
    return {name: next(folder.glob(f"{name.replace('-', '_')}-*.whl")) for name in PACKAGES}


def project(name: str) -> dict:
    return tomllib.loads((PYTHON / name / "pyproject.toml").read_text())["project"]


def test_the_wheels_hold_the_modules_that_the_documents_name_with_their_types(wheels):
    for name, module in PACKAGES.items():
        files = set(zipfile.ZipFile(wheels[name]).namelist())
        assert {f"{module}/__init__.py", f"{module}/py.typed", f"{module}/_sync/client.py", f"{module}/_async/client.py"} <= files
        assert {Path(file).parts[0] for file in files} == {
            module,
            f"{module}-1.0.0.dist-info".replace(module, name.replace("-", "_")),
        }


def test_they_work_as_they_are_installed(wheels, tmp_path):
    for wheel in wheels.values():
        zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        "import chatplatform_client, llmchat, lyss_ai_client as lyss;"
        "print(*(one.__version__ for one in (chatplatform_client, llmchat, lyss)));"
        "llmchat.LLMChatClient('http://localhost/api', token='t'); lyss.LyssClient('http://localhost/api/v1', api_key='t')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout.split(), done.stderr) == (["1.0.0"] * 3, "")


def test_all_have_one_version_and_the_facades_ask_for_it():
    versions = {project(name)["version"] for name in PACKAGES}
    assert versions == {"1.0.0"}
    for facade in ("llmchat-client", "lyss-ai-client"):
        assert project(facade)["dependencies"] == ["chatplatform-client==1.0.0"]


def test_the_blocking_halves_are_what_is_made_of_the_others():
    done = subprocess.run(
        [sys.executable, str(PYTHON / "make_sync.py"), "--check"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
