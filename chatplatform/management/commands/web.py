"""One web process: uvicorn with what this platform needs of it, and an orderly end."""

import asyncio
import gc
import os
import socket
import time
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from uvicorn import Config, Server

from chatplatform import environment
from chatplatform.contracts.protocol import BoundedHttp, BoundedSocket
from chatplatform.core.drain import draining

LARGEST_FRAME = 256 * 1024  # bytes of one incoming WebSocket message
IDLE_CONNECTION_SECONDS = 65  # longer than the usual proxy keeps one
LAST_SECONDS = 2  # after the drain, for what still has not closed


class WebServer(Server):
    """Uvicorn's server, but it drains: on SIGTERM open streams and sockets are told first and given time to end.

    Uvicorn by itself closes every WebSocket at once and waits for the rest without a bound before the application hears
    of it. Here the signal marks the process as draining, the port is closed, and what is open ends by itself.
    """

    def __init__(self, config: Config, *, drain_seconds: float, ready_fd: int | None) -> None:
        super().__init__(config)
        self._drain_seconds = drain_seconds
        self._ready_fd = ready_fd

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:  # the second signal hurries
            self.force_exit = True
        self.should_exit = True
        draining.begin()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        # What is loaded now stays to the end; the collector need not walk through it again in the middle of an answer.
        gc.collect()
        gc.freeze()
        if self._ready_fd is not None:
            os.write(self._ready_fd, b"ready\n")
            os.close(self._ready_fd)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        draining.begin()
        for server in self.servers:
            server.close()
        deadline = time.monotonic() + self._drain_seconds
        while time.monotonic() < deadline and not self.force_exit:
            # Again in each round: a request that was under way when we began leaves an idle connection behind.
            for connection in list(self.server_state.connections):
                if not isinstance(connection, BoundedSocket):
                    connection.shutdown()
            if not self.server_state.connections:
                break
            await asyncio.sleep(0.05)
        await super().shutdown(sockets=sockets)


class Command(BaseCommand):
    help = "Runs one web process (uvicorn). `manage.py up` starts several and everything else."
    requires_system_checks: list[str] = []  # `prepare` and `check` make them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default=environment.web_host())
        parser.add_argument("--port", type=int, default=environment.web_port())
        parser.add_argument("--fd", type=int, help="an open listening socket instead of host and port")
        parser.add_argument("--ready-fd", type=int, help="a pipe to tell when requests are served")

    def handle(self, *args: Any, **options: Any) -> None:
        config = Config(
            "chatplatform.asgi:application",
            host=options["host"],
            port=options["port"],
            loop="uvloop",
            http=BoundedHttp,  # both bound what uvicorn leaves open
            ws=BoundedSocket,
            ws_max_size=LARGEST_FRAME,
            ws_per_message_deflate=False,
            lifespan="auto",
            log_config=None,  # settings.LOGGING rules
            access_log=False,  # our middleware writes the requests
            proxy_headers=False,  # TRUSTED_PROXIES rules
            server_header=False,
            timeout_keep_alive=IDLE_CONNECTION_SECONDS,
            timeout_graceful_shutdown=LAST_SECONDS,
            backlog=2048,
        )
        sockets = None
        if options["fd"] is not None:
            sockets = [socket.socket(fileno=options["fd"])]
        server = WebServer(config, drain_seconds=settings.DRAIN_SECONDS + 3, ready_fd=options["ready_fd"])
        server.run(sockets=sockets)
