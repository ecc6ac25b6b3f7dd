"""The embedded PostgreSQL 18 with pgvector: its cluster, its settings, when it is ready.

It listens on a Unix socket only, in a folder of mode 0700, and lets in by peer authentication: the kernel says which
system user is calling.
"""

import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil

from chatplatform.embedded.place import Place
from chatplatform.embedded.processes import end_processes, working_in
from chatplatform.environment import DATABASE_NAME, DATABASE_PORT, DATABASE_USER, EnvironmentProblem

MAJOR_VERSION = "18"

# Fast (close the connections, write everything down), then immediate (recovers from its log at the next start).
STOP_STEPS = ((signal.SIGINT, 12.0), (signal.SIGQUIT, 4.0), (signal.SIGKILL, 2.0))

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "60",
    "effective_cache_size": "512MB",
    "maintenance_work_mem": "64MB",
    "work_mem": "8MB",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_compression": "on",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "10min",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
    # No values in the log: values are written into the statements, and a DETAIL repeats them ("Key (email)=(…) already exists").
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_transaction_sample_rate": "0",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "max_parallel_workers_per_gather": "0",
    "dynamic_shared_memory_type": "posix",
    "huge_pages": "off",
}


def cluster_folder(place: Place) -> Path:
    """The folder of the cluster."""
    return place.home / "postgres"


def program_environment(place: Place) -> dict[str, str]:
    """The little that the services see of our environment: no secret of ours, no libpq variable."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C", "TZ": "UTC", "HOME": str(place.home)}


def prepare(place: Place) -> None:
    """Make the cluster on the first start, judge a kept one, and clear away what a crash left. Raises EnvironmentProblem."""
    folder = cluster_folder(place)
    if folder.exists():
        _judge(folder)
        _clear_stale_lock_files(place, folder)
    else:
        _make_cluster(place, folder)
    _write_authentication(place, folder)


def command(place: Place) -> list[str]:
    """The server's command line."""
    quoted = '"' + str(place.sockets).replace('"', '""') + '"'
    settings = SETTINGS | {"shared_buffers": _shared_buffers(), "unix_socket_directories": quoted, "port": DATABASE_PORT}
    words = [str(place.postgres_programs / "postgres"), "-D", str(cluster_folder(place))]
    for name, value in settings.items():
        words += ["-c", f"{name}={value}"]
    return words


def _shared_buffers() -> str:
    """A sixteenth of the memory, within bounds. 512 MB hold a hundred thousand chunks with their vectors' index: with 128 a
    search among them cost PostgreSQL nearly twice as much."""
    megabytes = psutil.virtual_memory().total // 16_000_000
    return f"{min(512, max(128, megabytes))}MB"


def is_ready(place: Place) -> bool:
    """Whether a connection to our database works; the database itself is made at the first one."""
    import psycopg
    from psycopg.conninfo import make_conninfo

    address = make_conninfo(host=str(place.sockets), port=DATABASE_PORT, user=DATABASE_USER, connect_timeout=5)
    try:
        psycopg.connect(make_conninfo(address, dbname=DATABASE_NAME)).close()
    except psycopg.OperationalError as error:
        # A failed connection carries no SQLSTATE, only libpq's text in English.
        if "database" not in str(error) or "does not exist" not in str(error):
            return False
        with psycopg.connect(make_conninfo(address, dbname="postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{DATABASE_NAME}"')
    return True


def _judge(folder: Path) -> None:
    try:
        version = (folder / "PG_VERSION").read_text(errors="replace").strip()
        has_control = (folder / "global" / "pg_control").is_file()
    except FileNotFoundError:
        raise EnvironmentProblem(f"The database in {folder} is damaged: PG_VERSION is missing.") from None
    except OSError as error:
        raise EnvironmentProblem(f"The database in {folder} cannot be read: {error.strerror}.") from error
    if not version.isdigit():
        raise EnvironmentProblem(f"The database in {folder} is damaged: PG_VERSION is not a number.")
    if version != MAJOR_VERSION:
        raise EnvironmentProblem(f"The database in {folder} is of PostgreSQL {version}; this program brings {MAJOR_VERSION}.")
    if not has_control:
        raise EnvironmentProblem(f"The database in {folder} is damaged: global/pg_control is missing.")


def _clear_stale_lock_files(place: Place, folder: Path) -> None:
    """PostgreSQL believes any process with the noted id, a stranger with a reused id or a zombie, and would not start.

    There are two such files: in the cluster and beside the socket. Who really works in this cluster is told by its
    working folder; those are ended first, whoever started them.
    """
    files = [folder / "postmaster.pid", place.sockets / f".s.PGSQL.{DATABASE_PORT}.lock"]
    if not any(file.exists() for file in files):
        return
    end_processes(working_in(folder, "postgres"), STOP_STEPS)
    if working_in(folder, "postgres"):
        raise EnvironmentProblem(f"An earlier PostgreSQL in {folder} cannot be ended.")
    for file in files:
        file.unlink(missing_ok=True)


def _make_cluster(place: Place, folder: Path) -> None:
    """`initdb` beside the final name and then one rename: a start that was cut short leaves nothing half-made."""
    unfinished = folder.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    answer = subprocess.run(
        [
            str(place.postgres_programs / "initdb"), "-D", str(unfinished), "-U", DATABASE_USER,
            "--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
            "--data-checksums", "--auth=peer", "--no-instructions",
        ],
        cwd=place.home, env=program_environment(place), capture_output=True, text=True, errors="replace",
        check=False, **place.popen_user(),  # type: ignore[call-overload]
    )  # fmt: skip
    if answer.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        reason = (answer.stderr or answer.stdout).strip().splitlines() or [f"code {answer.returncode}"]
        said = next((line for line in reason if "error" in line), reason[-1])
        raise EnvironmentProblem(f"The database could not be made in {folder}: {said}")
    unfinished.rename(folder)


def _write_authentication(place: Place, folder: Path) -> None:
    """Who starts us may change between starts (root, then its owner), so the map of names is written each time."""
    names = {pwd.getpwuid(os.geteuid()).pw_name}
    if place.owner is not None:
        names.add(place.owner.name)
    _write_if_changed(place, folder / "pg_hba.conf", "local all all peer map=platform\n")
    lines = [f'platform "{name}" {DATABASE_USER}\n' for name in sorted(names)]
    _write_if_changed(place, folder / "pg_ident.conf", "".join(lines))


def _write_if_changed(place: Place, path: Path, text: str) -> None:
    if path.exists() and path.read_text() == text:
        return
    temporary = path.with_name(f"{path.name}.{time.monotonic_ns()}")
    temporary.write_text(text)
    temporary.chmod(0o600)
    if place.owner is not None:
        os.chown(temporary, place.owner.uid, place.owner.gid)
    temporary.replace(path)
