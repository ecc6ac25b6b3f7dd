"""`manage.py up`: everything on this machine under one supervisor. Read `Platform.run` first, it is the order of things.

It imports neither Django nor the applications: it starts processes, watches them and ends them. Its own lock on the data
folder allows one `up`; the shares it holds in the embedded services pass on to its children, so that the database
outlives a killed supervisor for as long as they still write.
"""

import argparse
import asyncio
import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from chatplatform import environment
from chatplatform.embedded import listening
from chatplatform.embedded.logs import RotatingLog
from chatplatform.embedded.model_part import LocalModel
from chatplatform.embedded.parts import Backoff, Part, Recipe, describe_end, part_environment
from chatplatform.embedded.place import prepare_place
from chatplatform.embedded.probe import answers
from chatplatform.embedded.processes import NICENESS, end_processes, parts_of_an_up
from chatplatform.embedded.screen import Screen
from chatplatform.embedded.services import Hold, Running, Service, ensure_running, needed_services
from chatplatform.environment import EnvironmentProblem

START_SECONDS = 120.0  # for the web processes to answer
WEB_STOP_SECONDS = 26.0  # a web process gives itself at most 25
WORKER_STOP_SECONDS = 4.0  # a task that is cut is delivered again
WHOLE_STOP_SECONDS = 27.0  # for all parts; the services need one or two more
LEFTOVER_STEPS = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))

CELERY = ("-q", "-A", "chatplatform")
QUIET_WORKER = ("--without-gossip", "--without-mingle")
PAGES = (("/", "start page"), ("/admin/", "administration"), ("/docs", "API (Swagger)"))

_EXCEPTION_LINE = re.compile(r"[A-Za-z_][\w.]*: ")  # the first column of a traceback's last part


class PartsFailed(Exception):
    """The platform cannot be brought up; the reason has been shown."""


@dataclass(frozen=True, slots=True)
class Options:
    """The command line of `up`. `data_dir` is absolute, `web_workers` at least one."""

    host: str
    port: int
    data_dir: Path
    web_workers: int
    verbose: bool


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `up`, for its own parser and for Django's `help`."""
    parser.add_argument("--host", help="address to listen on (default: WEB_HOST, SERVER_HOST, else 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, help="port to listen on; 0 takes a free one (default: WEB_PORT, SERVER_PORT, else 8000)"
    )
    parser.add_argument("--data-dir", help="folder of all data (default: DATA_DIR, else var)")
    parser.add_argument(
        "--web-workers", type=int, default=min(4, cores()), help="web processes (default: one per core, at most 4)"
    )
    parser.add_argument("--verbose", action="store_true", help="show every log line of every part")


def main(arguments: Sequence[str]) -> int:
    """Run the platform until SIGTERM or Ctrl-C. Returns 0; 1 when a part failed; 2 when something outside is wrong."""
    parser = argparse.ArgumentParser(prog="manage.py up", description="Run the whole platform on this machine.")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(parsed: argparse.Namespace) -> int:
    """As `main`, with parsed arguments."""
    if parsed.data_dir:
        os.environ["DATA_DIR"] = str(environment.absolute_data_dir(parsed.data_dir))
    screen = Screen(verbose=parsed.verbose)
    try:
        options = Options(
            host=parsed.host or environment.web_host(),
            port=environment.web_port() if parsed.port is None else parsed.port,
            data_dir=environment.data_dir(),
            web_workers=max(1, parsed.web_workers),
            verbose=parsed.verbose,
        )
        os.environ["DATA_DIR"] = str(options.data_dir)
        return asyncio.run(Platform(options, screen).run())
    except EnvironmentProblem as problem:
        screen.end_progress()
        print(f"manage.py up: {problem}", file=sys.stderr)
        return 2
    except PartsFailed as problem:
        screen.end_progress()
        print(f"manage.py up: {problem}", file=sys.stderr)
        return 1


class Platform:
    """All parts of one `up`, from start to end."""

    def __init__(self, options: Options, screen: Screen) -> None:
        self.options = options
        self.screen = screen
        self.run_dir = options.data_dir / "run"
        self.figures_dir = self.run_dir / "metrics"
        self.sockets: list[socket.socket] = []
        self.holds: list[Hold] = []
        self.services: dict[str, Running] = {}
        self.web: list[Part] = []
        self.workers: list[Part] = []
        self._hurry = asyncio.Event()
        self.model = LocalModel(data_dir=options.data_dir, screen=screen, make_part=self._part, hurry=self._hurry)
        self.url = ""
        self._asked_to_stop = asyncio.Event()
        self._watchers: list[asyncio.Task[None]] = []
        self._ready_shown = False
        self._began = time.monotonic()

    async def run(self) -> int:
        """Start in order, wait for the signal to stop, stop in the reverse order."""
        environment.make_data_dir(self.options.data_dir)
        with self._only_up():
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                if signal.getsignal(number) is not signal.SIG_IGN:  # nohup, or `&` in a script: it is meant to be ignored
                    loop.add_signal_handler(number, self._on_signal)
            try:
                starting = asyncio.create_task(self._start())
                stopping = asyncio.create_task(self._asked_to_stop.wait())
                await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if not starting.done():
                    starting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await starting
                await stopping
            finally:
                await self._stop()
        return 0

    async def _start(self) -> None:
        await self._end_leftovers()
        self._listen()
        environment.secret("SECRET_KEY")  # made now, and a damaged file is found before anything runs
        await self._start_services()
        model = asyncio.create_task(self.model.start())
        try:
            await self._prepare_database()
            await model
        except BaseException:
            model.cancel()
            raise
        await self._start_web()
        await self._start_workers()  # after the web processes answer: together they would all be slower on two cores
        await self._show_ready()

    # Before anything runs

    @contextlib.contextmanager
    def _only_up(self):  # type: ignore[no-untyped-def]
        lock: TextIO
        with open(self.run_dir / "up.lock", "a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                other = lock.read().strip() or "unknown"
                raise EnvironmentProblem(
                    f"Another `manage.py up` (process {other}) runs on the data folder {self.options.data_dir}."
                ) from None
            lock.truncate(0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            yield

    async def _end_leftovers(self) -> None:
        for name in ("ready.json", "local_model.json"):
            (self.run_dir / name).unlink(missing_ok=True)
        left = await asyncio.to_thread(parts_of_an_up, self.options.data_dir)
        if left:
            with self.screen.timed("up", f"ends {len(left)} processes that an earlier `up` left", "ended them"):
                await asyncio.to_thread(end_processes, left, LEFTOVER_STEPS)
        shutil.rmtree(self.figures_dir, ignore_errors=True)  # counters begin at 0 with each `up`
        self.figures_dir.mkdir(mode=0o700, exist_ok=True)

    def _listen(self) -> None:
        options = self.options
        self.sockets = listening.listen(options.host, options.port, options.web_workers)
        port = self.sockets[0].getsockname()[1]
        self.url = listening.base_url(options.host, port)
        os.environ["WEB_HOST"], os.environ["WEB_PORT"] = options.host, str(port)

    # PostgreSQL and Valkey

    async def _start_services(self) -> None:
        needed = needed_services()
        if not needed:
            self.screen.stage("services", "PostgreSQL and Redis are configured: nothing to start")
            return
        place = await asyncio.to_thread(prepare_place, self.options.data_dir)
        for service in needed:
            with self.screen.timed(service.name, f"starts {service.title}", f"answers, data in {place.home}"):
                self.holds.append(await asyncio.to_thread(Hold, service, self.options.data_dir))
                self.services[service.name] = await asyncio.to_thread(ensure_running, service, place)
            self._watchers.append(asyncio.create_task(self._watch(service)))

    async def _watch(self, service: Service) -> None:
        """Start the service again when it has died. Its parent is a guard and may be another command's child."""
        backoff = Backoff()
        began = time.monotonic()
        while True:
            running = self.services[service.name]
            if running.guard.is_alive() and running.server.is_alive():
                await asyncio.sleep(0.25)
                continue
            pause = backoff.after(time.monotonic() - began)
            self.screen.stage(service.name, f"ended unexpectedly; starts again in {pause:g} s")
            await asyncio.sleep(pause)
            began = time.monotonic()
            try:
                place = await asyncio.to_thread(prepare_place, self.options.data_dir)
                self.services[service.name] = await asyncio.to_thread(ensure_running, service, place)
                self.screen.stage(service.name, "answers again", seconds=time.monotonic() - began)
                self._write_ready()
            except EnvironmentProblem as problem:
                self.screen.stage(service.name, str(problem))

    # Django's processes

    async def _prepare_database(self) -> None:
        """Checks, migrations and the first rows, by one process of `manage.py prepare`."""
        with self.screen.timed("prepare", "checks the settings, migrates and seeds the database", "the database is prepared"):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "chatplatform.embedded.part", "manage", "prepare"),
                cwd=environment.PROJECT_DIR,
                env=part_environment("prepare", self.options.data_dir),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                pass_fds=[hold.fileno() for hold in self.holds],
            )
            try:
                output, errors = await process.communicate()
            except asyncio.CancelledError:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
                raise
        if process.returncode != 0:
            raise self._preparation_problem(process.returncode or 0, (errors or output).decode(errors="replace").strip())
        lines = output.decode(errors="replace").splitlines()
        if self.options.verbose:
            for line in lines[:-1]:
                self.screen.stage("prepare", line)
        self._show_prepared(lines[-1] if lines else "")

    def _preparation_problem(self, code: int, said: str) -> Exception:
        """System checks are for the operator and shown whole; of a traceback the last line is, the rest is in the log."""
        if "Traceback (most recent call last)" not in said:
            return EnvironmentProblem(f"The platform cannot start: {said or describe_end(code)}")
        log = RotatingLog(self.options.data_dir / "logs" / "prepare.log")
        log.write(f"{said}\n".encode())
        log.close()
        reason = next((line for line in reversed(said.splitlines()) if _EXCEPTION_LINE.match(line)), said.splitlines()[-1])
        return PartsFailed(f"The platform cannot start: {reason} (see logs/prepare.log in the data folder)")

    def _show_prepared(self, line: str) -> None:
        """What a person must read of what `prepare` did."""
        try:
            done = json.loads(line)
            operator, warnings = done.get("operator"), done.get("warnings", ())
        except (ValueError, AttributeError):
            return
        for warning in warnings:
            self.screen.line(f"  {warning}")
        if operator:
            self.screen.line()
            self.screen.line("  An operator account was made. Its password is shown only now:")
            self.screen.line(f"    user name  {operator['username']}")
            self.screen.line(f"    password   {operator['password']}")
            self.screen.line()

    async def _start_web(self) -> None:
        began = time.monotonic()
        holds = [hold.fileno() for hold in self.holds]
        for number, one in enumerate(self.sockets, start=1):
            recipe = Recipe(
                name=f"web-{number}",
                module="manage",
                arguments=("web", "--fd", str(one.fileno())),
                keep_open=(one.fileno(), *holds),
                environment={"PROMETHEUS_MULTIPROC_DIR": str(self.figures_dir)},
                ready_pipe=True,
            )
            self.web.append(self._part(recipe))
        self.screen.stage("web", f"starts {len(self.web)} web processes")
        for part in self.web:
            part.start()
        for part in self.web:
            while not part.ready.is_set():
                if part.deaths >= 3 or time.monotonic() - began > START_SECONDS:
                    raise PartsFailed(f"{part.recipe.name} does not start; see logs/{part.recipe.name}.log.")
                await asyncio.sleep(0.02)
        self.screen.stage("web", "they answer", seconds=time.monotonic() - began)

    async def _start_workers(self) -> None:
        self.screen.stage("up", "starts the workers and the periodic jobs")
        holds = [hold.fileno() for hold in self.holds]
        concurrency = environment.read("CELERY_CONCURRENCY") or "1"
        worker = Recipe(
            name="worker",
            module="celery",
            arguments=(*CELERY, "worker", "--concurrency", concurrency, *QUIET_WORKER),
            keep_open=holds,
            # It warns of running as root at every start; what it accepts is JSON only.
            environment={"PYTHONWARNINGS": "ignore:You're running the worker with superuser"},
        )
        reading = environment.read("DOCUMENTS_CONCURRENCY") or "1"
        documents = Recipe(
            name="documents",
            module="celery",
            arguments=(*CELERY, "worker", "-Q", "documents", "-n", "documents@%h", "--concurrency", reading, *QUIET_WORKER),
            keep_open=holds,
            # Reading and embedding take all the processor there is: web processes come first.
            environment={
                "PYTHONWARNINGS": "ignore:You're running the worker with superuser",
                "EMBEDDING_THREADS": environment.read("EMBEDDING_THREADS") or str(min(4, cores())),
                NICENESS: "10",
            },
        )
        schedule = str(self.run_dir / "beat-schedule")
        beat = Recipe(
            name="beat",
            module="celery",
            arguments=(*CELERY, "beat", "-s", schedule, "--pidfile="),
            keep_open=holds,
        )
        self.workers = [self._part(worker), self._part(documents), self._part(beat)]
        for part in self.workers:
            part.start()
        for part in self.workers:
            await part.begun.wait()

    def _part(self, recipe: Recipe) -> Part:
        return Part(
            recipe,
            data_dir=self.options.data_dir,
            screen=self.screen,
            on_start=self._write_ready,
            on_end=self._forget_figures,
        )

    def _forget_figures(self, pid: int) -> None:
        """What a process had open, it has no more; what it has counted stays counted. (As `prometheus_client` asks for it.)"""
        for file in self.figures_dir.glob(f"gauge_live*_{pid}.db"):
            file.unlink(missing_ok=True)

    async def _show_ready(self) -> None:
        found = await asyncio.gather(*(answers(self.url + path, seconds=20) for path, _ in PAGES))
        self._ready_shown = True
        self._write_ready()
        self.screen.stage("up", "ready", seconds=time.monotonic() - self._began)
        for (path, title), works in zip(PAGES, found, strict=True):
            if not works:
                self.screen.stage("up", f"WARNING {title} does not answer at {self.url}{path}; see logs/web-1.log")
        self.screen.line()
        for (path, _), works in zip(PAGES, found, strict=True):
            if works:
                self.screen.line(f"  {self.url}{path}")
        self.screen.line()

    def _write_ready(self) -> None:
        """`run/ready.json`: who runs. Written when all answers, and again whenever a part got a new process id."""
        if not self._ready_shown or self._asked_to_stop.is_set():
            return
        parts = [*self.web, *self.workers, *self.model.parts]
        children = {part.recipe.name: part.pid for part in parts if part.pid}
        children |= {name: running.server.pid for name, running in self.services.items()}
        children |= {f"{name}-guard": running.guard.pid for name, running in self.services.items()}
        ready = {
            "url": self.url,
            "pid": os.getpid(),
            "web_pids": [part.pid for part in self.web if part.pid],
            "children": children,
        }
        environment.write_private(self.run_dir / "ready.json", json.dumps(ready))

    # The end

    def _on_signal(self) -> None:
        if self._asked_to_stop.is_set():
            self._hurry.set()
        self._asked_to_stop.set()

    async def _stop(self) -> None:
        began = time.monotonic()
        self._asked_to_stop.set()
        for name in ("ready.json", "local_model.json"):
            (self.run_dir / name).unlink(missing_ok=True)
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        listening.close(self.sockets)
        if self.web:
            self.screen.stage("up", "stops: open answers may end first; once more to hurry")
        await self._stop_parts(self.web, WEB_STOP_SECONDS)
        left = max(1.0, WHOLE_STOP_SECONDS - (time.monotonic() - began))
        await self._stop_parts([*self.workers[::-1]], min(WORKER_STOP_SECONDS, left))
        await self._stop_parts(self.model.parts, 1.0)
        for hold in reversed(self.holds):
            await asyncio.to_thread(hold.release)
        if self.web or self.holds:
            self.screen.stage("up", "stopped", seconds=time.monotonic() - began)

    async def _stop_parts(self, parts: Sequence[Part], seconds: float) -> None:
        await asyncio.gather(*(part.stop(seconds, self._hurry) for part in parts))
