"""`manage.py up` from outside: it starts, says where it is, recovers from kill -9, refuses clearly, leaves nothing behind."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest

from chatplatform import environment
from chatplatform.embedded.services import embedded_services
from tests.embedded.waiting import until
from tests.ports import free_port
from tests.running import PROJECT_DIR, RunningPlatform


@pytest.fixture(scope="module")
def platform():
    """One running platform for the tests that do it no lasting harm."""
    with RunningPlatform() as running:
        yield running


def status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def status_or_none(url: str) -> int | None:
    try:
        return status_of(url)
    except OSError:
        return None


def up(folder: Path | str, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """`manage.py up` that is expected to refuse."""
    return subprocess.run(
        [sys.executable, "manage.py", "up", "--port", "0", "--data-dir", str(folder), *arguments],
        cwd=PROJECT_DIR,
        env={key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL"}}
        | {"LOCAL_MODEL": "off", "ENV_FILE": ""}
        | env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def assert_refused(answer: subprocess.CompletedProcess[str], *words: str) -> None:
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr
    for word in words:
        assert word in answer.stderr


def test_the_pages_it_names_answer_and_stand_alone_on_their_lines(platform):
    lines = platform.output.splitlines()
    for path in ("/", "/admin/", "/docs"):
        assert f"  {platform.url}{path}" in lines
        assert status_of(platform.url + path) == 200


def test_it_prints_the_operators_password_once(platform):
    assert platform.output.count("    password   ") == 1


def test_the_readiness_file_names_living_processes(platform):
    assert len(platform.web_pids) == 2
    assert {"web-1", "web-2", "worker", "documents", "beat", "postgres", "valkey"} <= set(platform.children)
    for pid in [platform.pid, *platform.children.values()]:
        assert psutil.pid_exists(pid)


def test_secrets_are_readable_by_their_owner_only(platform):
    for name in ("secrets.json", "run/ready.json", "logs/postgres.log"):
        assert stat.S_IMODE((platform.data_dir / name).stat().st_mode) == 0o600
    assert set(json.loads((platform.data_dir / "secrets.json").read_text())) == set(environment.SECRET_NAMES)


def test_no_part_shows_a_secret_on_its_command_line(platform):
    kept = json.loads((platform.data_dir / "secrets.json").read_text()).values()
    for process in platform.processes():
        line = " ".join(process.cmdline())
        assert not any(secret in line for secret in kept)


def test_another_command_works_beside_it_on_the_same_data(platform):
    answer = platform.manage("showmigrations", "auth")
    assert answer.returncode == 0, answer.stderr
    assert "[X] 0001_initial" in answer.stdout
    assert status_of(platform.url + "/") == 200


def test_a_superuser_made_beside_it_can_use_the_administration(platform):
    answer = platform.manage(
        "createsuperuser",
        "--noinput",
        DJANGO_SUPERUSER_USERNAME="alice",
        DJANGO_SUPERUSER_EMAIL="alice@example.org",
        DJANGO_SUPERUSER_PASSWORD="correct horse battery",
    )
    assert answer.returncode == 0, answer.stderr
    ask = "from accounts.models import User; print(User.objects.get(username='alice').role)"
    assert platform.manage("shell", "-v", "0", "-c", ask).stdout.strip() == "admin"


def test_a_web_process_alone_serves_and_ends_in_order(platform, data_dir):
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "web", "--port", str(port)],
        cwd=PROJECT_DIR,
        env=platform.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        until(lambda: status_or_none(f"http://127.0.0.1:{port}/") == 200, 30)
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_second_up_on_the_same_data_is_refused(platform):
    assert_refused(up(platform.data_dir), "Another", str(platform.pid))
    assert status_of(platform.url + "/") == 200


def test_a_port_in_use_is_refused_in_one_line(platform, data_dir):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert_refused(up(data_dir, "--port", str(port)), str(port), "in use")


def test_the_port_of_another_platform_is_refused_too(platform, data_dir):
    port = platform.url.rpartition(":")[2]
    assert_refused(up(data_dir, "--port", port), port, "in use")


def test_web_processes_that_are_killed_come_back_and_no_connection_is_refused(platform):
    before = platform.web_pids
    platform.kill9_web()
    assert status_of(platform.url + "/") == 200  # it waited for a new process
    until(lambda: len(platform.web_pids) == 2 and not set(before) & set(platform.web_pids), 30)
    assert "ended unexpectedly (signal SIGKILL)" in platform.output


@pytest.mark.parametrize("name", ["worker", "documents", "beat", "valkey", "postgres", "postgres-guard"])
def test_a_part_that_is_killed_comes_back(platform, name):
    before = platform.children[name]
    os.kill(before, signal.SIGKILL)
    service = name.removesuffix("-guard")
    until(lambda: platform.children.get(name, before) != before, 60)
    until(lambda: status_of(platform.url + "/admin/login/") == 200, 30)
    assert f"{service}" in platform.output


def test_sigterm_stops_everything_and_leaves_no_process(data_dir):
    with RunningPlatform(data_dir=data_dir) as running:
        everything = running.processes()
        assert len(everything) >= 9
        assert running.terminate(seconds=30) == 0
        until(lambda: not any(process.is_running() for process in everything), 2)
        assert running.processes() == []
        assert not (data_dir / "run" / "ready.json").exists()


def test_a_second_signal_does_not_wait_for_a_request_that_never_ends(data_dir):
    with RunningPlatform(data_dir=data_dir) as running, socket.socket() as client:
        client.connect(("127.0.0.1", int(running.url.rpartition(":")[2])))
        client.sendall(b"POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        until(lambda: any(process.net_connections() for process in map(psutil.Process, running.web_pids)), 10)
        running.process.terminate()
        time.sleep(1)
        assert running.process.poll() is None  # it waits for the request
        running.process.terminate()
        assert running.wait(10) == 0
        assert running.processes() == []


def test_under_nohup_a_closed_terminal_does_not_stop_it(data_dir):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with RunningPlatform(data_dir=data_dir, web_workers=1) as running:
            running.process.send_signal(signal.SIGHUP)
            time.sleep(1)
            assert status_of(running.url + "/") == 200
    finally:
        signal.signal(signal.SIGHUP, before)


def test_ctrl_c_during_the_start_stops_it_too(data_dir):
    running = RunningPlatform(data_dir=data_dir)
    try:
        running.begin()
        until(lambda: "prepare" in running.output, 60)
        running.process.send_signal(signal.SIGINT)
        assert running.wait(30) == 0
        until(lambda: running.processes() == [], 5)
    finally:
        running.close()


def test_after_kill_9_of_the_supervisor_its_parts_end_and_up_starts_again(data_dir):
    with RunningPlatform(data_dir=data_dir) as running:
        running.kill9_supervisor()
        running.start()  # at once, while the others are still ending
        assert status_of(running.url + "/") == 200
        assert "operator" not in running.output.partition("ready (")[2]  # the account was kept, none was made
        running.kill9_supervisor()
        until(lambda: running.processes() == [], 40)


def test_after_kill_9_of_everything_up_starts_again(data_dir):
    with RunningPlatform(data_dir=data_dir) as running:
        running.kill9_all()
        assert running.processes() == []
        running.start()
        assert status_of(running.url + "/admin/login/") == 200
        assert running.output.count("    password   ") == 1


def test_a_command_alone_starts_the_database_and_stops_it(data_dir):
    running = RunningPlatform(data_dir=data_dir)
    try:
        assert running.manage("migrate", "--verbosity", "0").returncode == 0
        assert running.processes() == []
        answer = running.manage("showmigrations", "auth")
        assert "[X] 0001_initial" in answer.stdout
    finally:
        running.close()


def test_a_database_that_a_command_started_is_taken_over_by_up(data_dir):
    running = RunningPlatform(data_dir=data_dir)
    command = subprocess.Popen(
        [sys.executable, "manage.py", "dbshell", "--", "-c", "SELECT pg_sleep(600)"],
        cwd=PROJECT_DIR,
        env=running.environment | {"PATH": os.environ["PATH"]},
        stdin=subprocess.DEVNULL,
    ) if shutil.which("psql") else subprocess.Popen(
        [sys.executable, "manage.py", "shell", "-c", "import time; time.sleep(600)"],
        cwd=PROJECT_DIR, env=running.environment, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until(lambda: (data_dir / "run" / "valkey.json").exists(), 60)
        running.start()
        postgres = running.children["postgres"]
        command.kill()
        command.wait(10)
        time.sleep(1)
        assert running.children["postgres"] == postgres
        assert status_of(running.url + "/admin/login/") == 200
    finally:
        command.kill()
        command.wait(10)
        running.close()


@pytest.mark.parametrize("path", ["/proc/chatplatform", "/dev/null/data"])
def test_a_data_folder_that_cannot_be_written_is_refused(path):
    assert_refused(up(path), path, "cannot be written")


def test_damaged_secrets_are_refused(data_dir):
    (data_dir / "secrets.json").write_text("not json")
    assert_refused(up(data_dir), "secrets.json", "damaged")
    assert (data_dir / "secrets.json").read_text() == "not json"


def test_a_damaged_database_folder_is_refused(data_dir):
    with embedded_services(data_dir):
        pass
    (environment.services_dir(data_dir) / "postgres" / "PG_VERSION").write_text("garbled")
    assert_refused(up(data_dir), "damaged", "PG_VERSION")


def test_a_model_path_that_is_no_model_is_refused(data_dir):
    file = data_dir / "model.gguf"
    file.write_bytes(b"nothing")
    assert_refused(up(data_dir, LOCAL_MODEL="auto", LOCAL_MODEL_PATH=str(file)), "LOCAL_MODEL_PATH", "not a GGUF")


def test_connections_wait_while_the_platform_is_still_starting(data_dir):
    port = free_port()
    running = RunningPlatform(data_dir=data_dir, arguments=("--port", str(port)))
    answers: list[int] = []
    try:
        running.begin()
        until(lambda: "postgres" in running.output, 30)  # the port is opened before
        asking = threading.Thread(target=lambda: answers.append(ask_patiently(port)))
        asking.start()
        asking.join(100)
        assert answers == [200]
    finally:
        running.close()


def ask_patiently(port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=90) as answer:
        return int(answer.status)
