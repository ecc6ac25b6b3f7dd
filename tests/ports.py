"""Ports for servers that a test starts."""

import random
import socket

_given: set[int] = set()


def free_port() -> int:
    """A free port of 127.0.0.1 that stays free until it is used: below those that the kernel gives to outgoing connections (from
    32768 on Linux), where one chosen earlier is soon taken by somebody's client."""
    while True:
        port = random.randrange(12_000, 32_000)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
