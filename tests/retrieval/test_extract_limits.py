"""The process that reads a file may do nothing else, takes no more than it is given, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from retrieval.extract import PROJECT, ExtractionFailed, Limits, extract
from retrieval.extract.child import READERS
from tests.retrieval.files import make_dxf, make_pdf
from tests.retrieval.hostile import showing_itself

SLOW = showing_itself(20_000)
"""It takes minutes."""


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    path = tmp_path / "slow.pdf"
    path.write_bytes(SLOW)
    return path


def failure_of(path: Path, extension: str, limits: Limits) -> str:
    with pytest.raises(ExtractionFailed) as failed:
        extract(path=path, extension=extension, limits=limits)
    return failed.value.failure


def eventually(condition: Callable[[], object]) -> bool:
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def readers() -> list[psutil.Process]:
    """The children that read a file for us now."""
    return [child for child in psutil.Process().children() if "retrieval.extract.child" in child.cmdline()]


def test_it_is_ended_when_its_time_is_over(slow: Path) -> None:
    assert failure_of(slow, "pdf", Limits(wall_seconds=1)) == "took_too_long"
    assert readers() == []


def test_it_is_ended_when_its_processor_time_is_over(slow: Path) -> None:
    assert failure_of(slow, "pdf", Limits(cpu_seconds=1)) == "took_too_long"


def test_it_gets_no_more_memory_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("一".encode() * 3_000_000)
    assert failure_of(path, "txt", Limits(memory=60_000_000)) == "too_much_memory"
    assert extract(path=path, extension="txt").text == "一" * 3_000_000


def test_it_ends_even_where_its_own_libraries_do_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "a.dxf"
    path.write_bytes(make_dxf(["x"]))
    assert failure_of(path, "dxf", Limits(memory=40_000_000)) in {"too_much_memory", "broken"}


def test_it_gives_no_more_text_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(make_pdf(["12345 789"]))
    assert extract(path=path, extension="pdf", limits=Limits(characters=9)).text == "12345 789"
    assert failure_of(path, "pdf", Limits(characters=8)) == "too_large_inside"


def test_a_file_that_is_gone_is_no_crash(tmp_path: Path) -> None:
    assert failure_of(tmp_path / "gone.pdf", "pdf", Limits()) == "broken"


def test_it_knows_nothing_of_our_environment(slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "never to be seen")
    asking = threading.Thread(target=failure_of, args=(slow, "pdf", Limits(wall_seconds=60)))
    asking.start()
    try:
        assert eventually(readers)
        (child,) = readers()
        assert eventually(lambda: "PYTHONPATH" in child.environ())
        assert set(child.environ()) <= {"PYTHONPATH", "LANG", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "LC_CTYPE"}
        assert eventually(lambda: all(file.fd <= 2 or file.path == str(slow) for file in child.open_files()))
        assert child.net_connections() == []
    finally:
        for child in readers():
            child.kill()
        asking.join()


@pytest.mark.parametrize(
    ("end", "failure"), [(signal.SIGSEGV, "broken"), (signal.SIGABRT, "broken"), (signal.SIGKILL, "too_much_memory")]
)
def test_a_file_that_ends_its_reader_has_failed(slow: Path, end: signal.Signals, failure: str) -> None:
    failures: list[str] = []
    asking = threading.Thread(target=lambda: failures.append(failure_of(slow, "pdf", Limits(wall_seconds=60))))
    asking.start()
    assert eventually(readers)
    readers()[0].send_signal(end)
    asking.join()
    assert failures == [failure]


def test_it_knows_no_django_and_none_of_our_settings() -> None:
    modules = sorted({reader.partition(":")[0] for reader in READERS.values()})
    program = (
        f"import sys, {', '.join(modules)}; print([name for name in sys.modules if name.startswith(('django', 'chatplatform'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_it_dies_with_whoever_asked(slow: Path) -> None:
    asking = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from retrieval.extract import extract\n"
            "extract(path=Path(sys.argv[1]), extension='pdf')",
            str(slow),
        ],
        cwd=PROJECT,
    )
    try:
        assert eventually(psutil.Process(asking.pid).children)
        (child,) = psutil.Process(asking.pid).children()
        time.sleep(0.5)  # it may still be starting
    finally:
        os.kill(asking.pid, signal.SIGKILL)
        asking.wait()
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


ATTEMPTS = {
    "connect to somebody": "socket.create_connection(('127.0.0.1', 9), 1)",
    "open a socket of this machine": "socket.socket(socket.AF_UNIX)",
    "make a pair of sockets": "socket.socketpair()",
    "start a program": "os.execv('/bin/true', ['true'])",
    "start a program beside itself": "os.posix_spawn('/bin/true', ['true'], {})",
    "leave its session": "os.setsid() if os.fork() == 0 else os._exit(os.waitstatus_to_exitcode(os.wait()[1]))",
    "leave its process group": "os.setpgid(0, 0) if os.fork() == 0 else os._exit(os.waitstatus_to_exitcode(os.wait()[1]))",
    "end who asked": "os.kill(os.getppid(), 0)",
    "look into who asked": "os.pidfd_open(os.getppid())",
    "take back a limit": "resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))",
    "use up the memory": "bytearray(2_000_000_000)",
    "open many files": "[os.open('/dev/null', os.O_RDONLY) for _ in range(100)]",
    "make a file": "open(sys.argv[1] + '/new', 'x')",
    "change a file": "open(sys.argv[1] + '/file', 'r+')",
    "empty a file": "os.open(sys.argv[1] + '/file', os.O_RDONLY | os.O_TRUNC)",
    "shorten a file": "os.truncate(sys.argv[1] + '/file', 1)",
    "take a file away": "os.unlink(sys.argv[1] + '/file')",
    "call a file otherwise": "os.rename(sys.argv[1] + '/file', sys.argv[1] + '/other')",
    "change who may read a file": "os.chmod(sys.argv[1] + '/file', 0o777)",
    "make a folder": "os.mkdir(sys.argv[1] + '/folder')",
    "write endlessly": "[os.write(9, bytes(1_000_000)) for _ in range(9)]",
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_it_can_not(attempt: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("as it was")
    program = f"""
import os, resource, socket, sys
from retrieval.extract import Limits
from retrieval.extract.sandbox import confine
os.dup2(os.open(sys.argv[1] + '/given', os.O_WRONLY | os.O_CREAT), 9)
confine(limits=Limits(characters=1_000_000), parent=os.getppid())
assert open(sys.argv[1] + '/file').read() == 'as it was'
assert os.write(9, b'x') == 1
try:
    {ATTEMPTS[attempt]}
except (OSError, MemoryError, ValueError):
    os._exit(7)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=PROJECT, timeout=60, capture_output=True)
    assert done.returncode == 7, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["file", "given"]
    assert (tmp_path / "file").read_text() == "as it was"
    assert (tmp_path / "given").stat().st_size <= 7_000_000
