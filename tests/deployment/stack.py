"""Everything that docker-compose.yml runs, as plain processes on this machine: the same commands, environment, secrets and health
checks, read from that file, and nginx's and Redis's own configuration. Only addresses, ports and folders are put in.

PostgreSQL is that of the wheel, over TCP with a password; Redis, nginx and PgBouncer are Debian's packages. All of it listens on
loopback only.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import yaml

from chatplatform.embedded.place import Place, prepare_place
from chatplatform.embedded.processes import end_with
from tests.ports import free_port
from tests.running import PROJECT_DIR, clean_environment

COMPOSE = yaml.safe_load((PROJECT_DIR / "docker-compose.yml").read_text())
HOST = "chat.example.org"
VENDOR_KEY = "sk-canary-0123456789abcdef"
PROGRAMS = ("nginx", "redis-server", "redis-cli", "wget", "openssl")
STOP_SECONDS = 35


class Stack:
    """`start()` brings all of it up; `close()` ends all of it. Services have the names they have in docker-compose.yml."""

    def __init__(self, folder: Path, vendor_url: str, model: str) -> None:
        self.folder = folder
        self.secrets = folder / "deploy" / "secrets"
        self.place: Place = prepare_place(folder / "place")
        self.ports = {name: free_port() for name in ("postgres", "redis", "web-1", "web-2", "plain", "tls")}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._extra = {"OPENAI_BASE_URL": vendor_url, "OPENAI_MODEL": model}

    # What a test asks for

    @property
    def url(self) -> str:
        """Through nginx."""
        return f"https://{HOST}:{self.ports['tls']}"

    def replica_url(self, name: str) -> str:
        """Past nginx, straight to one web process."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def log(self, name: str) -> str:
        """All that a service has written so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text().strip()

    def scalar(self, sql: str, *parameters: object) -> Any:
        with psycopg.connect(self.secret("database_url"), autocommit=True) as connection:
            row = connection.execute(sql, parameters).fetchone()
            return row[0] if row else None

    # Life

    def start(self) -> None:
        self._make_deploy_folder()
        self._start_postgres()
        self.start_service("redis")
        self.wait_healthy("redis")
        prepared = self.prepare()
        assert prepared.returncode == 0, prepared.stdout + prepared.stderr
        for name in ("web-1", "web-2"):
            self.start_service(name)
        for name in ("web-1", "web-2"):
            self.wait_healthy(name)
        for name in ("worker", "documents", "beat", "nginx"):
            self.start_service(name)
        self.wait_healthy("nginx")

    def prepare(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command("prepare"), cwd=PROJECT_DIR, env=self.environment("prepare"), stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def start_service(self, name: str, **more: str) -> None:
        """`more` is added to its environment."""
        ours = name in ("redis", "nginx")  # these run as the user that may not write anywhere else, as in their containers
        self.popen(name, self.command(name), self.environment(name) | more, as_user=ours)

    def stop_service(self, name: str, number: signal.Signals | None = None) -> int:
        """As `docker compose stop`: the service's stop signal, and its exit code."""
        self.signal_service(name, number)
        return self.processes.pop(name).wait(STOP_SECONDS)

    def signal_service(self, name: str, number: signal.Signals | None = None) -> None:
        asked = number or signal.Signals[COMPOSE["services"][name].get("stop_signal", "SIGTERM")]
        self.processes[name].send_signal(asked)

    def close(self) -> None:
        """End what is left, in the reverse order."""
        for name in reversed(list(self.processes)):
            process = self.processes.pop(name)
            if process.poll() is None:
                process.send_signal(_stop_signal(name))
                try:
                    process.wait(10 if name.startswith("web") else 20)
                except subprocess.TimeoutExpired:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait(10)

    # What docker-compose.yml says, here

    def command(self, name: str) -> list[str]:
        return [self._here(word, name) for word in COMPOSE["services"][name]["command"]] + (
            ["--bind", "127.0.0.1", "--port", str(self.ports["redis"])] if name == "redis" else []
        )

    def environment(self, name: str) -> dict[str, str]:
        said: dict[str, str] = COMPOSE["services"][name].get("environment", {})
        given = {key: self._here(value, name) for key, value in said.items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        if name in ("redis", "nginx", "postgres"):
            return given | {"PATH": path, "LANG": "C"}
        mine = {
            "PUBLIC_BASE_URL": self.url, "ALLOWED_HOSTS": HOST, "TRUSTED_PROXIES": "127.0.0.1",
            # There is no mail server here: the worker prints its mails, and the log is thrown away with the folder.
            "EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend",
            "DATA_DIR": str(self._data(name)), "ENV_FILE": "", "LOCAL_MODEL": "off", "PATH": path,
        }  # fmt: skip
        return clean_environment() | given | self._extra | mine

    def health(self, name: str, seconds: float = 30) -> subprocess.CompletedProcess[str]:
        """Its health check, once, as its container would run it."""
        kind, *words = COMPOSE["services"][name]["healthcheck"]["test"]
        words = [self._here(word.replace("$$", "$"), name) for word in words]
        words = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        if name == "postgres":
            words = [str(self.place.postgres_programs / words[0]), *words[1:], f"--port={self.ports['postgres']}"]
        environment = self.environment(name)
        if name == "redis":
            words = [word.replace("redis-cli", f"redis-cli -p {self.ports['redis']}") for word in words]
        return subprocess.run(
            words, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )

    def wait_healthy(self, name: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while (answer := self.health(name)).returncode != 0:
            if self.processes[name].poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{name} does not become healthy:\n{answer.stdout}{answer.stderr}\n{self.log(name)[-4000:]}")
            time.sleep(0.2)

    def _here(self, word: str, name: str) -> str:
        """A word of the compose file with this machine's folders and ports."""
        if word == "python":
            return sys.executable
        for theirs, here in (
            ("0.0.0.0", "127.0.0.1"),
            ("/run/secrets", str(self.secrets)),
            ("/documents", str(self.folder / "documents")),
            ("/etc/nginx", str(self.folder / "deploy" / "nginx")),
            ("/etc/redis", str(self.folder / "deploy" / "redis")),
            ("127.0.0.1:8080", f"127.0.0.1:{self.ports['plain']}"),
            ("127.0.0.1:8000", f"127.0.0.1:{self.ports.get(name)}"),
        ):
            word = word.replace(theirs, here)
        word = re.sub(r"(?<![\w/])/data(?=[/ ]|$)", str(self._data(name)), word)
        if word == "8000":
            return str(self.ports[name])
        return f"{self._data(name)}/" if word == "/tmp/" else word

    def _data(self, name: str) -> Path:
        return self.folder / "data" / name

    def _make_deploy_folder(self) -> None:
        shutil.copytree(PROJECT_DIR / "deploy", self.folder / "deploy", ignore=shutil.ignore_patterns("secrets", "*.env"))
        subprocess.run([str(self.folder / "deploy" / "make-secrets"), "--self-signed", HOST], check=True, timeout=60)
        self._rewrite(self.secrets / "database_url", ("@postgres:5432", f"@127.0.0.1:{self.ports['postgres']}"))
        self._rewrite(self.secrets / "redis_url", ("@redis:6379", f"@127.0.0.1:{self.ports['redis']}"))
        self._rewrite(self.secrets / "openai_api_key", ("", VENDOR_KEY))
        nginx = self.folder / "deploy" / "nginx"
        self._rewrite(nginx / "listen.conf", ("8443", f"127.0.0.1:{self.ports['tls']}"), ("/run/secrets", str(self.secrets)))
        self._rewrite(nginx / "listen_plain.conf", ("8080", f"127.0.0.1:{self.ports['plain']}"))
        self._rewrite(
            nginx / "replicas.conf",
            ("172.29.173.21:8000", f"127.0.0.1:{self.ports['web-1']}"),
            ("172.29.173.22:8000", f"127.0.0.1:{self.ports['web-2']}"),
        )
        for name in COMPOSE["services"]:
            self._data(name).mkdir(parents=True)
        if self.place.owner is not None:
            for path in (self.folder / "deploy", *(self.folder / "deploy").rglob("*"), self._data("nginx"), self._data("redis")):
                os.chown(path, self.place.owner.uid, self.place.owner.gid)

    @staticmethod
    def _rewrite(path: Path, *changes: tuple[str, str]) -> None:
        text = path.read_text()
        for old, new in changes:
            assert old in text, f"{path} has no {old}"
            text = text.replace(old, new) if old else new
        path.chmod(0o644)
        path.write_text(text)

    def _start_postgres(self) -> None:
        cluster = self.place.home / "tcp"
        said = COMPOSE["services"]["postgres"]["environment"]
        subprocess.run(
            [
                str(self.place.postgres_programs / "initdb"), "-D", str(cluster), "-U", said["POSTGRES_USER"],
                "--auth=scram-sha-256", f"--pwfile={self.secrets / 'postgres_password'}",
                *said["POSTGRES_INITDB_ARGS"].split(),
            ],
            cwd=self.place.home, env={"PATH": "/usr/bin:/bin", "LANG": "C"}, check=True, timeout=60, capture_output=True,
            **self.place.popen_user(),  # type: ignore[call-overload]
        )  # fmt: skip
        _, *options = self.command("postgres")
        program = str(self.place.postgres_programs / "postgres")
        port = str(self.ports["postgres"])
        where = ["-D", str(cluster), "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        self.popen("postgres", [program, *where, *options], {"PATH": "/usr/bin:/bin", "LANG": "C"}, as_user=True)
        self.wait_healthy("postgres")
        url = self.secret("database_url")
        with psycopg.connect(url.removesuffix("/chatplatform") + "/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {said['POSTGRES_DB']}")

    def popen(self, name: str, command: list[str], environment: dict[str, str], *, as_user: bool) -> None:
        """A process of the stack; `as_user`: as whom the services run when root starts them."""
        folder = self.place.home if name == "postgres" else self._data(name) if as_user else PROJECT_DIR
        user = self.place.popen_user() if as_user else {}
        with open(self.folder / f"{name}.log", "ab") as log:
            if as_user and self.place.owner is not None:  # they open /dev/stdout again, by its name
                os.chown(log.fileno(), self.place.owner.uid, self.place.owner.gid)
            self.processes[name] = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=_end_with_us(_stop_signal(name)), **user,
            )  # type: ignore[call-overload]  # fmt: skip


def _stop_signal(name: str) -> signal.Signals:
    return signal.SIGINT if name == "postgres" else signal.SIGTERM  # its SIGTERM waits for connections to leave


def _end_with_us(number: signal.Signals) -> Callable[[], None]:
    """A test run that is killed leaves nothing behind: the kernel tells each process of its end."""
    here = os.getpid()
    return lambda: end_with(here, number)
