"""The platform's TCP port: one listening socket per web process, held by the supervisor.

The kernel spreads new connections over the sockets (SO_REUSEPORT). As the supervisor keeps each one open, connections
that come while a web process restarts wait instead of failing.
"""

import errno
import ipaddress
import socket
from collections.abc import Sequence

from chatplatform.environment import EnvironmentProblem

BACKLOG = 2048  # connections that may wait, per web process


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """`count` listening sockets on one port; `port` 0 takes any free one. Raises EnvironmentProblem."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError, OverflowError) as error:
        raise EnvironmentProblem(f"--host {host} --port {port} is not an address: {error}.") from error
    sockets: list[socket.socket] = []
    try:
        if port:
            # With SO_REUSEPORT we could share a port with another program of this user, so first without it.
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen(1)
        for _ in range(count):
            one = socket.socket(family, socket.SOCK_STREAM)
            sockets.append(one)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind((address[0], sockets[0].getsockname()[1] if len(sockets) > 1 else port, *address[2:]))
        for one in sockets:
            one.listen(BACKLOG)
    except OSError as error:
        close(sockets)
        raise EnvironmentProblem(_problem(host, port, error)) from error
    return sockets


def close(sockets: Sequence[socket.socket]) -> None:
    """Close them all; who still waits in a queue is refused."""
    for one in sockets:
        one.close()


def free_loopback_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def base_url(host: str, port: int) -> str:
    """The address to type into a browser on this machine: a wildcard becomes loopback."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://[{address}]:{port}" if address.version == 6 else f"http://{address}:{port}"


def _problem(host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} on {host} is in use by another program; stop that or choose another with --port."
        case errno.EACCES:
            return f"Port {port} on {host} is reserved for root; choose one above 1023 with --port."
        case _:
            return f"Port {port} on {host} cannot be opened: {error.strerror}."
