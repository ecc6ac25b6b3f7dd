"""The real thing, from outside: `manage.py up` as a process of its own, on a data folder and a port of its own."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from chatplatform.embedded.processes import end_with, parts_of_an_up

PROJECT_DIR = Path(__file__).resolve().parent.parent
# What the surrounding run configures for itself is not meant for the platform under test.
NOT_INHERITED = {
    "DATABASE_URL", "REDIS_URL", "DATA_DIR", "SECRET_KEY", "JWT_SIGNING_KEY", "ENCRYPTION_KEYS", "OPENAI_API_KEY",
    "OPENAI_BASE_URL", "OPENAI_MODEL", "ANTHROPIC_API_KEY", "LOCAL_MODEL_PATH", "LOCAL_MODEL_URL", "LOCAL_MODEL_NAME",
    "LOCAL_MODEL_API_KEY", "WEB_HOST", "WEB_PORT", "RATE_LIMITS",
    "RATE_AUTH", "RATE_SENDS", "RATE_OTHERS", "RATE_SESSION_MESSAGES", "RATE_NEW_SESSIONS", "RATE_SEARCHES",
    "DOCUMENTS_DIR", "DOCUMENTS_S3_BUCKET",
    "GUEST_ACCESS", "SERVER_HOST", "SERVER_PORT", "COZE_API_TOKEN", "COZE_BOT_ID", "COZE_USER_ID", "COZE_BASE_URL",
    "DJANGO_SETTINGS_MODULE",
}  # fmt: skip


def clean_environment() -> dict[str, str]:
    """The environment of this process without what configures a platform, be it by value or by file."""
    return {key: value for key, value in os.environ.items() if key.removesuffix("_FILE") not in NOT_INHERITED}


class RunningPlatform:
    """A started platform. Use it as a context manager: at the end nothing of it is left.

    `env` is added to a clean environment; the local model is off unless `env` says otherwise (`{"LOCAL_MODEL": "on"}`).
    Without `data_dir` it gets a temporary one that is removed at the end; with one, several can follow each other on the
    same data. `arguments` are added to `manage.py up --port 0`.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        env: dict[str, str] | None = None,
        web_workers: int = 2,
        arguments: tuple[str, ...] = (),
        start_seconds: float = 120,
    ) -> None:
        self._temporary = data_dir is None
        self.data_dir = data_dir or Path(tempfile.mkdtemp(prefix="chatplatform-up-"))
        if self._temporary:
            self.data_dir.chmod(0o711)  # as root the database runs as another user and must pass through
        self.web_workers = web_workers
        self.arguments = arguments
        self.start_seconds = start_seconds
        self.environment = clean_environment() | {"ENV_FILE": "", "LOCAL_MODEL": "off", "DATA_DIR": str(self.data_dir)}
        self.environment["PROVIDERS_FILE"] = str(self.data_dir / "providers.toml")
        self.environment |= env or {}
        self.process: subprocess.Popen[bytes] | None = None
        self._output_file = tempfile.NamedTemporaryFile(prefix="chatplatform-up-", suffix=".log", delete=False)  # noqa: SIM115

    # Life

    def start(self) -> "RunningPlatform":
        """Start and wait until everything answers. Raises AssertionError with the output when it does not."""
        self.begin()
        return self.wait_until_ready()

    def begin(self) -> "RunningPlatform":
        """Start without waiting."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        (self.data_dir / "run" / "ready.json").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                sys.executable, "manage.py", "up", "--port", "0", "--web-workers", str(self.web_workers),
                *self.arguments,
            ],
            cwd=PROJECT_DIR,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=self._end_with_us(),
        )  # fmt: skip
        return self

    @staticmethod
    def _end_with_us() -> Callable[[], None] | None:
        """A run that is killed must not leave a platform behind: the kernel sends it a SIGTERM at our end."""
        if threading.current_thread() is not threading.main_thread():
            return None  # the signal would come at the end of this thread already
        here = os.getpid()
        return lambda: end_with(here)

    def wait_until_ready(self) -> "RunningPlatform":
        """Wait for `run/ready.json` of this very process."""
        assert self.process is not None
        deadline = time.monotonic() + self.start_seconds
        while time.monotonic() < deadline:
            if self._ready().get("pid") == self.process.pid:
                return self
            if self.process.poll() is not None:
                raise AssertionError(f"`manage.py up` ended with code {self.process.returncode}:\n{self.output}")
            time.sleep(0.05)
        output = self.output
        self.close()
        raise AssertionError(f"`manage.py up` was not ready after {self.start_seconds} s:\n{output}")

    def terminate(self, seconds: float = 35) -> int:
        """SIGTERM; returns the exit code. Raises AssertionError when it does not end in time."""
        assert self.process is not None
        self.process.terminate()
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        """Wait for the end; returns the exit code."""
        assert self.process is not None
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"`manage.py up` still ran after {seconds} s:\n{self.output}") from None

    def close(self) -> None:
        """End whatever is left and remove a temporary data folder. May be called more than once."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(35)
        self.kill9_all()
        self._output_file.close()
        Path(self._output_file.name).unlink(missing_ok=True)
        if self._temporary:
            shutil.rmtree(self.data_dir, ignore_errors=True)

    def __enter__(self) -> "RunningPlatform":
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    # What runs

    @property
    def url(self) -> str:
        """`http://127.0.0.1:port`, without a slash at the end."""
        return str(self._ready()["url"])

    @property
    def ws_url(self) -> str:
        """`ws://127.0.0.1:port`."""
        return "ws" + self.url.removeprefix("http")

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self.process is not None
        return self.process.pid

    @property
    def web_pids(self) -> list[int]:
        """The web processes as they are now."""
        return list(self._ready().get("web_pids", []))

    @property
    def children(self) -> dict[str, int]:
        """Process ids by name: web-1, web-2, worker, documents, beat, model, postgres, postgres-guard, valkey, valkey-guard."""
        return dict(self._ready().get("children", {}))

    @property
    def output(self) -> str:
        """All that it wrote on the screen, over all starts of this object."""
        return Path(self._output_file.name).read_text(errors="replace")

    def log(self, name: str) -> str:
        """The whole log of a part: `platform.log("web-1")`."""
        path = self.data_dir / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def processes(self) -> list[psutil.Process]:
        """Every living process that belongs to this data folder, the supervisor too."""
        found = {process.pid: process for process in parts_of_an_up(self.data_dir)}
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and self._is_ours(process):
                    found[process.pid] = process
        found.pop(os.getpid(), None)
        return list(found.values())

    def manage(self, *arguments: str, seconds: float = 120, **env: str) -> subprocess.CompletedProcess[str]:
        """Run another `manage.py` command on the same data."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT_DIR,
            env=self.environment | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    # Harm

    def kill9_web(self) -> None:
        """`kill -9` of every web process at once; the supervisor starts new ones."""
        for pid in self.web_pids:
            _kill(pid)

    def kill9_supervisor(self) -> None:
        """`kill -9` of the supervisor alone."""
        _kill(self.pid)
        self.wait(10)

    def kill9_all(self) -> None:
        """`kill -9` of everything that belongs to this data folder, at once, until nothing is left."""
        deadline = time.monotonic() + 10
        while (left := self.processes()) and time.monotonic() < deadline:
            for process in left:
                _kill(process.pid)
            time.sleep(0.05)
        if self.process is not None:
            self.process.wait(10)

    def _is_ours(self, process: psutil.Process) -> bool:
        if self.process is not None and process.pid == self.process.pid:
            return True
        folder = str(self.data_dir)
        home = os.path.realpath(self.data_dir / "services")
        if process.name() in {"postgres", "valkey-server"}:
            return process.cwd().startswith((home, folder))
        words = process.cmdline()
        return "chatplatform.embedded.guard" in words and folder in words

    def _ready(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.data_dir / "run" / "ready.json").read_text()))
        except (OSError, ValueError):
            return {}


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
