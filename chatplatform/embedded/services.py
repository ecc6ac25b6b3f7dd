"""Start the embedded PostgreSQL and Valkey when they are needed, share them, and stop them with their last user.

Each service has two lock files in `run/`. Whoever uses it holds `<name>.lock` shared, for as long as the process lives
and, when `up` hands it on, as long as its children live. A small guard process (guard.py) is the service's parent and
waits for the same lock exclusively: it gets it when the last holder has left or died, by whatever signal, and then
stops the service. `<name>.start` makes one of several starters the one that starts.
"""

import contextlib
import fcntl
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import TextIO

import psutil

from chatplatform import environment
from chatplatform.embedded import postgres, valkey
from chatplatform.embedded.logs import last_lines
from chatplatform.embedded.place import Place, prepare_place
from chatplatform.embedded.processes import Identity, end_processes, plain_environment
from chatplatform.environment import EnvironmentProblem

START_SECONDS = 120.0  # recovery after a crash can take long; a server that gives up ends this wait at once
GUARD_STOP_SECONDS = 24.0


@dataclass(frozen=True, slots=True)
class Service:
    """What the guard and the starter must know of a service. `stop_steps` are signals with the seconds each may take."""

    name: str
    title: str
    prepare: Callable[[Place], None]
    command: Callable[[Place], list[str]]
    is_ready: Callable[[Place], bool]
    stop_steps: Sequence[tuple[Signals, float]]


POSTGRES = Service(
    name="postgres",
    title="PostgreSQL 18 with pgvector",
    prepare=postgres.prepare,
    command=postgres.command,
    is_ready=postgres.is_ready,
    stop_steps=postgres.STOP_STEPS,
)
VALKEY = Service(
    name="valkey",
    title="Valkey",
    prepare=valkey.prepare,
    command=valkey.command,
    is_ready=valkey.is_ready,
    stop_steps=valkey.STOP_STEPS,
)
SERVICES = {service.name: service for service in (POSTGRES, VALKEY)}


@dataclass(frozen=True, slots=True)
class Running:
    """A running service: its guard, the server itself, and whether this call started it."""

    guard: Identity
    server: Identity
    started_here: bool


def needed_services() -> list[Service]:
    """The services that are not configured by a URL, in the order of their start."""
    needed = []
    if environment.database_is_embedded():
        needed.append(POSTGRES)
    if environment.redis_is_embedded():
        needed.append(VALKEY)
    return needed


class Hold:
    """A share in one service of one data folder. While any share lives, in any process, the service is kept running."""

    def __init__(self, service: Service, data_dir: Path) -> None:
        """Take the share; waits while the service is just being stopped by its last holder. Raises EnvironmentProblem."""
        self.service = service
        self.data_dir = data_dir
        self._file = open(data_dir / "run" / f"{service.name}.lock", "a")  # noqa: SIM115 - the open file is the lock
        _lock(self._file, fcntl.LOCK_SH, GUARD_STOP_SECONDS + 3, f"an earlier {service.title} is still being stopped")

    def fileno(self) -> int:
        """The descriptor that children inherit (`pass_fds`) to hold the share themselves."""
        return self._file.fileno()

    def release(self) -> None:
        """Give the share back. The last holder stops the service and returns when it has ended."""
        if self._file.closed:
            return
        running = read_running(self.service, self.data_dir)
        if self._is_last() and running is not None:
            end_guard(running)
        self._file.close()

    def _is_last(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            pass  # another holder, or the guard, which was let in while we changed our lock: then nobody gets it shared
        try:
            fcntl.flock(self._file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True


def _lock(file: TextIO, kind: int, seconds: float, otherwise: str) -> None:
    """Wait for the lock, but not without a bound: who holds it may hang."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise EnvironmentProblem(f"After {seconds:.0f} s {otherwise}.") from None
            time.sleep(0.02)


def ensure_running(service: Service, place: Place) -> Running:
    """Return the running service, started now if it was not. The caller holds a share. Raises EnvironmentProblem."""
    with open(place.data_dir / "run" / f"{service.name}.start", "a") as lock:
        _lock(lock, fcntl.LOCK_EX, START_SECONDS + 10, f"another command is still starting {service.title}")
        running = read_running(service, place.data_dir)
        if running is not None and running.server.is_alive() and _becomes_ready(service, place, running.guard):
            return running
        if running is not None:
            end_guard(running)
        record_file(service, place.data_dir).unlink(missing_ok=True)
        service.prepare(place)
        return _start(service, place)


def _start(service: Service, place: Place) -> Running:
    log = place.data_dir / "logs" / f"{service.name}.log"
    with open(log, "ab") as output:
        log.chmod(0o600)
        guard = subprocess.Popen(
            [sys.executable, "-m", "chatplatform.embedded.guard", service.name, str(place.data_dir)],
            cwd=environment.PROJECT_DIR,
            # It needs none of our secrets, from the environment or from `.env`.
            env=plain_environment() | {"ENV_FILE": ""},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C in our terminal is not meant for it
        )
    identity = Identity.of(guard.pid)
    if identity is None or not _becomes_ready(service, place, identity, guard):
        end_processes(_processes(identity), ((SIGTERM, GUARD_STOP_SECONDS), (SIGKILL, 2.0)))
        said = last_lines(log, 4).replace("\n", " | ")
        raise EnvironmentProblem(f"{service.title} did not start. Its log {log} ends: {said}")
    running = read_running(service, place.data_dir)
    assert running is not None  # the guard writes it before the server can answer
    return Running(guard=running.guard, server=running.server, started_here=True)


def _becomes_ready(service: Service, place: Place, guard: Identity, child: "subprocess.Popen[bytes] | None" = None) -> bool:
    deadline = time.monotonic() + START_SECONDS
    pause = 0.01
    while time.monotonic() < deadline:
        if read_running(service, place.data_dir) is not None and service.is_ready(place):
            return True
        if child.poll() is not None if child is not None else not guard.is_alive():
            return False
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return False


def end_guard(running: Running) -> None:
    """Have the guard stop its service and wait for both; if the guard is gone the server has been told by the kernel."""
    end_processes(_processes(running.guard), ((SIGTERM, GUARD_STOP_SECONDS), (SIGKILL, 2.0)))
    deadline = time.monotonic() + GUARD_STOP_SECONDS
    while running.server.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    end_processes(_processes(running.server), ((SIGKILL, 2.0),))


def _processes(identity: Identity | None) -> list[psutil.Process]:
    if identity is None or not identity.is_alive():
        return []
    with contextlib.suppress(psutil.NoSuchProcess):
        return [psutil.Process(identity.pid)]
    return []


def record_file(service: Service, data_dir: Path) -> Path:
    """Where the guard notes who it is and who the server is."""
    return data_dir / "run" / f"{service.name}.json"


def write_running(service: Service, data_dir: Path, running: Running) -> None:
    """Note who guards and who serves."""
    environment.write_private(record_file(service, data_dir), json.dumps(asdict(running)))


def read_running(service: Service, data_dir: Path) -> Running | None:
    """What the guard noted, if that guard is still alive."""
    try:
        noted = json.loads(record_file(service, data_dir).read_text())
        running = Running(guard=Identity(**noted["guard"]), server=Identity(**noted["server"]), started_here=False)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return running if running.guard.is_alive() else None


@contextlib.contextmanager
def embedded_services(data_dir: Path | None = None) -> Iterator[list[Hold]]:
    """Within it the services that no URL configures answer; yields the shares held in them, in the order of start.

    Raises EnvironmentProblem when one cannot be started. At the end the last holder stops them.
    """
    needed = needed_services()
    folder = data_dir or environment.data_dir()
    holds: list[Hold] = []
    try:
        if needed:
            place = prepare_place(folder)
            for service in needed:
                hold = Hold(service, folder)
                holds.append(hold)
                ensure_running(service, place)
        yield holds
    finally:
        for hold in reversed(holds):
            hold.release()
