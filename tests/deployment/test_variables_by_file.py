"""`NAME_FILE`: a variable's value from a file, so that secrets stand in no environment."""

import os
import subprocess
import sys

import pytest

from chatplatform import environment, variables
from chatplatform.environment import EnvironmentProblem
from tests.running import PROJECT_DIR, clean_environment


@pytest.fixture
def given(monkeypatch, tmp_path):
    """Writes `content` into a file and names it by NAME_FILE."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)

    def give(name: str, content: str | bytes) -> None:
        path = tmp_path / name.lower()
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setenv(f"{name}_FILE", str(path))

    return give


def test_every_kind_of_variable_can_be_given_by_a_file(given):
    given("DATABASE_URL", "postgresql://alice:word@db.example:5432/chat\n")
    given("SECRET_KEY", "s" * 40 + "\r\n")
    given("WEB_THREADS", "7\n")
    given("CORS_ALLOWED_ORIGINS", "https://a.example, https://b.example\n")
    assert environment.database_url() == "postgresql://alice:word@db.example:5432/chat"
    assert not environment.is_embedded()
    assert environment.secret("SECRET_KEY") == "s" * 40
    assert variables.integer("WEB_THREADS", 3) == 7
    assert variables.items("CORS_ALLOWED_ORIGINS") == ["https://a.example", "https://b.example"]


def test_a_set_variable_wins_over_its_file_and_an_empty_file_is_an_empty_variable(given, monkeypatch):
    given("REDIS_URL", "redis://from.file:6379/0")
    monkeypatch.setenv("REDIS_URL", "redis://from.variable:6379/0")
    assert environment.redis_url() == "redis://from.variable:6379/0"
    given("OPENAI_API_KEY", "\n")
    assert environment.read("OPENAI_API_KEY") == ""


def test_spaces_inside_a_secret_are_kept(given):
    given("EMAIL_HOST_PASSWORD", " two words \n")
    assert environment.read("EMAIL_HOST_PASSWORD") == " two words "


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_file_that_cannot_be_read_stops_the_start_and_is_no_default(given, monkeypatch, content, tmp_path):
    if content is None:
        monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "missing"))
    else:
        given("SECRET_KEY", content)
    with pytest.raises(EnvironmentProblem, match="SECRET_KEY_FILE"):
        environment.secret("SECRET_KEY")
    env = clean_environment() | {"SECRET_KEY_FILE": os.environ["SECRET_KEY_FILE"], "DATA_DIR": str(tmp_path / "data")}
    ended = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=PROJECT_DIR, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("manage.py: SECRET_KEY_FILE")
    assert len(ended.stderr.splitlines()) == 1
