"""The whole run uses one embedded PostgreSQL and one embedded Valkey, in a data folder of its own, started here.

Django's settings read their addresses from the environment, so this happens before they are loaded: the settings module
is named here and not in pyproject.toml, where pytest-django would load it first.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_django

PROJECT_DIR = Path(__file__).resolve().parent.parent

# What a developer's shell or .env file configures must not reach the tests.
for name in (
    "DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "ANTHROPIC_API_KEY",
    "SECRET_KEY", "JWT_SIGNING_KEY", "ENCRYPTION_KEYS", "LOCAL_MODEL_PATH", "LOCAL_MODEL_URL", "RATE_LIMITS",
    "RATE_AUTH", "RATE_SENDS", "RATE_OTHERS", "DOCUMENTS_DIR", "DOCUMENTS_S3_BUCKET", "GUEST_ACCESS", "WEB_HOST", "WEB_PORT",
    "SERVER_HOST", "SERVER_PORT", "COZE_API_TOKEN", "COZE_BOT_ID", "COZE_USER_ID", "COZE_BASE_URL",
):  # fmt: skip
    os.environ.pop(name, None)
    os.environ.pop(f"{name}_FILE", None)
os.environ["ENV_FILE"] = ""
os.environ["LOCAL_MODEL"] = "off"

_services = contextlib.ExitStack()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Start the services and set Django up. Workers of pytest-xdist (`-n 2`) have services of their own; the process that hands
    the tests out to them needs none, and must not name the settings: they would inherit the name, and load them too early."""
    hands_out = config.getoption("numprocesses", default=None) and not hasattr(config, "workerinput")
    if config.getoption("help") or config.getoption("version") or hands_out:
        return
    folder = Path(tempfile.mkdtemp(prefix="chatplatform-tests-"))
    folder.chmod(0o711)  # as root the database runs as another user and must pass through
    _services.callback(shutil.rmtree, folder, ignore_errors=True)
    os.environ["DATA_DIR"] = str(folder)
    os.environ["PROVIDERS_FILE"] = str(folder / "providers.toml")
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatplatform.settings"

    from chatplatform.embedded.services import embedded_services

    _services.enter_context(embedded_services())

    import django

    django.setup()


def pytest_unconfigure() -> None:
    """Stop them: the last one out does."""
    _services.close()


_skipped: list[str] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In CI a test that does not run is a failure, but for those that `.ci/allowed-skips` names with a reason."""
    if report.skipped and os.environ.get("CI"):
        allowed = (PROJECT_DIR / ".ci" / "allowed-skips").read_text().splitlines()
        names = {line.split("#")[0].strip() for line in allowed}
        if report.nodeid not in names:
            _skipped.append(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if _skipped:
        print("\nSkipped in CI without being named in .ci/allowed-skips:", *_skipped, sep="\n  ")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A fresh data folder for tests that start services or the whole platform themselves. Its path is short."""
    folder = Path(tempfile.mkdtemp(prefix="chatplatform-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    """Tests that commit are cleaned up by TRUNCATE, which append-only tables refuse: only the transaction that does it may.

    (As a replica it fires no ordinary triggers.)
    """
    from django.db import connection
    from django.db.backends.postgresql.operations import DatabaseOperations

    plain_flush = DatabaseOperations.sql_flush

    def flush_as_replica(self: DatabaseOperations, *args: Any, **kwargs: Any) -> list[str]:
        return ["SET LOCAL session_replication_role = replica", *plain_flush(self, *args, **kwargs)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", flush_as_replica)
        yield

    # Connections of threads would keep the test database from being dropped.
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
