"""`manage.py up` uses a PostgreSQL and a Redis that are configured, and starts none of its own."""

import psycopg
import pytest

from chatplatform import environment
from tests.running import RunningPlatform

NAME = "configured_for_up"


@pytest.fixture
def other_database():
    """A second database on the server of this test run, as an operator would configure it."""
    url = environment.database_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {NAME}")
        yield url.replace("/chatplatform?", f"/{NAME}?")
        connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def test_configured_services_are_used_and_none_are_started(other_database, data_dir):
    env = {"DATABASE_URL": other_database, "REDIS_URL": environment.redis_url(9)}
    with RunningPlatform(data_dir=data_dir, env=env, web_workers=1) as running:
        assert {"postgres", "valkey"} & set(running.children) == set()
        assert not (data_dir / "services").exists()
        assert (data_dir / "secrets.json").exists()
        with psycopg.connect(other_database) as connection:
            assert connection.execute("SELECT count(*) FROM django_migrations").fetchone()[0] > 10
        assert running.terminate(30) == 0


def test_wrong_settings_stop_the_start_with_the_checks_id_and_hint(data_dir):
    running = RunningPlatform(data_dir=data_dir, env={"ENCRYPTION_KEYS": "not-a-key"})
    try:
        running.begin()
        assert running.wait(60) == 2
        assert "chatplatform.E002" in running.output
        assert "HINT" in running.output
        assert running.processes() == []
    finally:
        running.close()
