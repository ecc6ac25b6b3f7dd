"""The parent of one embedded service: `python -m chatplatform.embedded.guard postgres /path/of/the/data/folder`.

It keeps the server's log bounded, and stops the server when the last holder of the service's lock has left or died (or
on SIGTERM). It does not restart: `up` does that, where it can be seen. If the guard itself is killed, the kernel tells
the server to stop.
"""

import contextlib
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil

from chatplatform.embedded import services
from chatplatform.embedded.logs import RotatingLog
from chatplatform.embedded.place import prepare_place
from chatplatform.embedded.postgres import program_environment
from chatplatform.embedded.processes import Identity, end_processes, end_with


def main(name: str, data_dir: Path) -> int:
    """Run the service until it ends or nobody holds it. Returns 0 when it was asked to end, else 1."""
    service = services.SERVICES[name]
    place = prepare_place(data_dir)
    wake_reader, wake_writer = os.pipe()
    os.set_blocking(wake_writer, False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: _wake(wake_writer))
    here = os.getpid()
    server = subprocess.Popen(
        service.command(place),
        cwd=place.home,
        env=program_environment(place),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        umask=0o077,
        # This process has one thread, the main one, so the signal comes with its end and not earlier.
        preexec_fn=lambda: end_with(here, service.stop_steps[0][0]),
        **place.popen_user(),  # type: ignore[call-overload]
    )
    _note(service, data_dir, server.pid)
    threading.Thread(target=_wait_for_the_last_holder, args=(service, data_dir, wake_writer), daemon=True).start()
    asked = _copy_output(server, RotatingLog(data_dir / "logs" / f"{name}.log"), wake_reader)
    if server.poll() is None:
        end_processes([psutil.Process(server.pid)], service.stop_steps)
    server.wait()
    with contextlib.suppress(OSError):
        services.record_file(service, data_dir).unlink()
    return 0 if asked else 1


def _note(service: services.Service, data_dir: Path, pid: int) -> None:
    guard, server = Identity.of(os.getpid()), Identity.of(pid)
    if guard is not None and server is not None:  # else it ended at once, and the loop below will see that
        services.write_running(service, data_dir, services.Running(guard=guard, server=server, started_here=True))


def _wait_for_the_last_holder(service: services.Service, data_dir: Path, wake_writer: int) -> None:
    # Never closed: with the exclusive lock in hand, a newcomer waits until this process and its service have ended.
    lock = open(data_dir / "run" / f"{service.name}.lock", "a")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    _wake(wake_writer)
    threading.Event().wait()


def _wake(writer: int) -> None:
    with contextlib.suppress(BlockingIOError):
        os.write(writer, b".")


def _copy_output(server: "subprocess.Popen[bytes]", log: RotatingLog, wake_reader: int) -> bool:
    """Copy the server's output to the log until it ends (False) or this process is asked to stop it (True)."""
    assert server.stdout is not None
    output = server.stdout.fileno()
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        selector.register(wake_reader, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(timeout=1.0)}
            if output in ready:
                data = os.read(output, 65536)
                if not data:
                    return False
                log.write(data)
            if wake_reader in ready:
                threading.Thread(target=_drain, args=(output, log), daemon=True).start()
                return True
            if not ready and server.poll() is not None:
                return False


def _drain(output: int, log: RotatingLog) -> None:
    """A server that stops must not wait for a full pipe."""
    with contextlib.suppress(OSError):
        while data := os.read(output, 65536):
            log.write(data)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
