"""The embedded Valkey: cache, channel layer, Celery's broker, locks. A Unix socket only, an append-only file, no eviction."""

import signal
import socket
from pathlib import Path

from chatplatform.embedded.place import Place
from chatplatform.embedded.processes import end_processes, working_in

STOP_STEPS = ((signal.SIGTERM, 6.0), (signal.SIGKILL, 2.0))

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "databases": "16",
    "maxmemory-policy": "noeviction",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-load-truncated": "yes",  # after a kill -9 the last command may be half written
    "save": "",  # the append-only file is the record; no snapshot beside it
    "shutdown-on-sigterm": "force",
    "loglevel": "notice",
}


def data_folder(place: Place) -> Path:
    """The folder of the append-only file."""
    return place.home / "valkey"


def socket_path(place: Place) -> Path:
    """The server's Unix socket."""
    return place.sockets / "valkey.sock"


def prepare(place: Place) -> None:
    """Make the folder and end a server that an earlier start left there."""
    folder = place.make_folder(data_folder(place))
    end_processes(working_in(folder, "valkey-server"), STOP_STEPS)


def command(place: Place) -> list[str]:
    """The server's command line."""
    words = [str(place.valkey_program), "--dir", str(data_folder(place)), "--unixsocket", str(socket_path(place))]
    for name, value in SETTINGS.items():
        words += [f"--{name}", value]
    return words


def is_ready(place: Place) -> bool:
    """Whether it answers PING (while it still loads its file it answers -LOADING)."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(socket_path(place)))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False
