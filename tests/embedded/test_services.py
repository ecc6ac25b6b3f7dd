"""The embedded PostgreSQL and Valkey: started when needed, shared, stopped by the last, alive again after kill -9."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from kombu import Connection

from chatplatform import environment
from chatplatform.embedded import services
from chatplatform.embedded.processes import Identity
from chatplatform.embedded.services import POSTGRES, VALKEY, embedded_services, read_running
from chatplatform.environment import EnvironmentProblem
from tests.embedded.waiting import until

PROJECT_DIR = Path(__file__).resolve().parents[2]

# A process that uses the services of the folder in argv[1] until a line comes on its standard input.
HOLDER = """
import sys
from pathlib import Path
from chatplatform.embedded.services import embedded_services
with embedded_services(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that uses the services of a data folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder)],
            cwd=PROJECT_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"held\n"

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def leave(self) -> None:
        self.process.communicate(b"\n", timeout=40)


@pytest.fixture
def holder(data_dir):
    holders = []

    def start() -> Holder:
        holders.append(Holder(data_dir))
        return holders[-1]

    yield start
    for one in holders:
        one.kill9()
    until(lambda: not services_alive(data_dir), 30)


def connect(folder: Path) -> psycopg.Connection:
    return psycopg.connect(
        host=str(environment.socket_dir(folder)), port=5432, user="chatplatform", dbname="chatplatform", autocommit=True
    )


def valkey_client(folder: Path) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(environment.socket_dir(folder) / "valkey.sock"))


def services_alive(folder: Path) -> list[psutil.Process]:
    home = str(environment.services_dir(folder))
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() in {"postgres", "valkey-server"} and process.cwd().startswith(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_the_database_has_pgvector_and_sorts_and_speaks_unicode(data_dir):
    with embedded_services(data_dir), connect(data_dir) as connection:
        connection.execute("CREATE EXTENSION vector")
        assert connection.execute("SELECT '[1,2]'::vector <-> '[1,5]'::vector").fetchone() == (3.0,)
        assert connection.execute("SELECT lower('ÄÖ 你好')").fetchone() == ("äö 你好",)
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()[0]
            for name in ("server_encoding", "data_checksums", "fsync", "listen_addresses", "TimeZone", "jit")
        }
    assert shown == {
        "server_encoding": "UTF8",
        "data_checksums": "on",
        "fsync": "on",
        "listen_addresses": "",
        "TimeZone": "UTC",
        "jit": "off",
    }


def test_valkey_keeps_its_data_over_a_restart_and_never_evicts(data_dir):
    with embedded_services(data_dir):
        client = valkey_client(data_dir)
        client.set("greeting", "你好")
        assert client.config_get("maxmemory-policy", "appendonly", "appendfsync") == {
            "maxmemory-policy": "noeviction",
            "appendonly": "yes",
            "appendfsync": "everysec",
        }
    with embedded_services(data_dir):
        assert valkey_client(data_dir).get("greeting") == "你好".encode()


def test_only_the_owner_can_come_near_the_sockets_and_no_tcp_port_is_open(data_dir):
    with embedded_services(data_dir):
        folder = environment.socket_dir(data_dir)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((folder / "valkey.sock").stat().st_mode) == 0o700
        for process in services_alive(data_dir):
            assert [one for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN] == []


def test_nothing_runs_as_root(data_dir):
    with embedded_services(data_dir):
        running = services_alive(data_dir)
        assert {process.name() for process in running} == {"postgres", "valkey-server"}
        assert all(process.uids().effective != 0 for process in running)


@pytest.fixture
def folder_named(data_dir):
    """A data folder with a name of its own; its sockets may be outside of it and are removed too."""
    made = []

    def make(name: str) -> Path:
        made.append(data_dir / name)
        return made[-1]

    yield make
    for folder in made:
        shutil.rmtree(environment.socket_dir(folder), ignore_errors=True)


def test_a_long_path_gets_short_sockets(folder_named):
    folder = folder_named("long" * 20)
    with embedded_services(folder), connect(folder) as connection:
        assert len(str(environment.socket_dir(folder))) < 60
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("name", ['it\'s a "数据" 50%41 a\\b #?&=', "one,two"])
def test_an_odd_name_of_the_folder_harms_nothing(folder_named, monkeypatch, name):
    folder = folder_named(name)
    monkeypatch.setenv("DATA_DIR", str(folder))
    with embedded_services():
        with psycopg.connect(environment.database_url()) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert redis.Redis.from_url(environment.redis_url(1)).ping()
        with Connection(environment.celery_broker_url(environment.redis_url(1))) as broker:
            assert broker.channel().client.ping()


def test_the_last_holder_stops_the_services_and_not_the_one_who_started_them(data_dir, holder):
    starter = holder()
    with embedded_services(data_dir):
        starter.leave()
        with connect(data_dir) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert services_alive(data_dir) == []


def test_a_killed_holder_stops_the_services_too(data_dir, holder):
    one = holder()
    assert services_alive(data_dir)
    one.kill9()
    until(lambda: not services_alive(data_dir), 30)


def test_a_killed_starter_leaves_the_services_to_the_others(data_dir, holder):
    starter = holder()
    with embedded_services(data_dir):
        starter.kill9()
        time.sleep(1)
        with connect(data_dir) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_starters_at_the_same_moment_share_one_server(data_dir):
    command = [sys.executable, "-c", HOLDER, str(data_dir)]
    begun = [subprocess.Popen(command, cwd=PROJECT_DIR, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(4)]
    try:
        for process in begun:
            assert process.stdout.readline() == b"held\n"
        servers = [process for process in services_alive(data_dir) if process.name() == "postgres"]
        postmasters = [process for process in servers if process.parent().name() != "postgres"]
        assert len(postmasters) == 1
    finally:
        for process in begun:
            process.communicate(b"\n", timeout=40)
    assert services_alive(data_dir) == []


@pytest.mark.parametrize("name", ["server", "guard"])
def test_after_kill_9_of_postgres_or_its_guard_the_next_start_has_every_committed_row(data_dir, name):
    with embedded_services(data_dir):
        with connect(data_dir) as connection:
            connection.execute("CREATE TABLE notes (body text)")
            connection.execute("INSERT INTO notes VALUES ('kept')")
        running = read_running(POSTGRES, data_dir)
        victim = getattr(running, name)
        os.kill(victim.pid, signal.SIGKILL)
        until(lambda: not running.server.is_alive() and not running.guard.is_alive(), 20)
        with embedded_services(data_dir), connect(data_dir) as connection:
            assert connection.execute("SELECT body FROM notes").fetchall() == [("kept",)]


def test_after_kill_9_of_everything_the_next_start_has_every_committed_row(data_dir, holder):
    one = holder()
    with connect(data_dir) as connection:
        connection.execute("CREATE TABLE notes (body text)")
        connection.execute("INSERT INTO notes VALUES ('kept')")
    guards = [read_running(service, data_dir).guard.pid for service in (POSTGRES, VALKEY)]
    for pid in [one.process.pid, *guards, *(process.pid for process in services_alive(data_dir))]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    one.process.wait(10)
    with embedded_services(data_dir), connect(data_dir) as connection:
        assert connection.execute("SELECT body FROM notes").fetchall() == [("kept",)]


def test_a_stale_pid_file_with_a_reused_process_id_does_not_stop_the_start(data_dir):
    with embedded_services(data_dir):
        pass
    pid_file = environment.services_dir(data_dir) / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{pid_file.parent}\n1\n5432\n")  # this process lives and is not PostgreSQL
    with embedded_services(data_dir), connect(data_dir) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_record_of_a_process_id_that_now_belongs_to_another_is_not_believed(data_dir):
    environment.make_data_dir(data_dir)
    stranger = Identity(pid=os.getpid(), started=1.0)
    services.write_running(POSTGRES, data_dir, services.Running(guard=stranger, server=stranger, started_here=False))
    with embedded_services(data_dir), connect(data_dir) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_socket_file_that_nobody_listens_on_is_replaced(data_dir):
    with embedded_services(data_dir):
        pass
    path = environment.socket_dir(data_dir) / "valkey.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with embedded_services(data_dir):
        assert valkey_client(data_dir).ping()


def test_a_half_written_last_command_in_valkeys_file_is_tolerated(data_dir):
    with embedded_services(data_dir):
        valkey_client(data_dir).set("kept", "1")
    (increment,) = (environment.services_dir(data_dir) / "valkey" / "appendonlydir").glob("*.incr.aof")
    with open(increment, "ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$4\r\nha")
    with embedded_services(data_dir):
        assert valkey_client(data_dir).get("kept") == b"1"


def test_a_damaged_cluster_is_one_clear_line(data_dir):
    with embedded_services(data_dir):
        pass
    version = environment.services_dir(data_dir) / "postgres" / "PG_VERSION"
    for content in (None, "seventeen\n", "12\n", ""):
        version.unlink() if content is None else version.write_text(content)
        with pytest.raises(EnvironmentProblem, match=r"PG_VERSION|PostgreSQL 12") as problem, embedded_services(data_dir):
            pass
        assert "\n" not in str(problem.value)
        assert services_alive(data_dir) == []


def test_a_start_that_was_cut_short_leaves_no_half_made_cluster(data_dir):
    environment.make_data_dir(data_dir)
    with embedded_services(data_dir):
        pass
    cluster = environment.services_dir(data_dir) / "postgres"
    cluster.rename(cluster.with_name("postgres.unfinished"))
    (cluster.with_name("postgres.unfinished") / "PG_VERSION").unlink()
    with embedded_services(data_dir), connect(data_dir) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
