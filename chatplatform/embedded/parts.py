"""A part: one child process of `up` that is kept running, its output logged and shown."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chatplatform.embedded.logs import RotatingLog
from chatplatform.embedded.processes import PARENT_MARK, PART_MARK, SCREEN_ONLY, plain_environment
from chatplatform.embedded.screen import Screen
from chatplatform.environment import PROJECT_DIR

FIRST_PAUSE = 0.5  # seconds before the first restart; doubled each time
LONGEST_PAUSE = 30.0
HEALTHY_SECONDS = 60.0  # after so long the pause begins small again
ONLY_FOR = {
    # `prepare` seals it in the database, and all others read it there.
    "OPENAI_API_KEY": {"prepare"},
    "COZE_API_TOKEN": {"prepare"},
    "COZE_BOT_ID": {"prepare"},  # no secret, but one without the other is a mistake
    "EMAIL_HOST_PASSWORD": {"prepare", "worker"},
    "LOCAL_MODEL_API_KEY": {"prepare", "web", "worker", "documents"},
    "DOCUMENTS_S3_SECRET": {"web", "worker", "documents"},
}
"""Secrets in the environment that not every part needs, and the parts that do (`web` is each of `web-1`, `web-2` …)."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to start a part: a Python module with arguments, descriptors it inherits, variables added to its environment.

    `project`: it loads Django's settings and sees our environment but for what `ONLY_FOR` leaves to others; else it sees what
    any program may. `ready_words`: it is ready when a line of its output holds them. `ready_pipe`: it is given `--ready-fd N`
    instead.
    """

    name: str
    module: str
    arguments: Sequence[str] = ()
    keep_open: Sequence[int] = ()
    environment: dict[str, str] = field(default_factory=dict)
    project: bool = True
    ready_words: str = ""
    ready_pipe: bool = False
    quiet: bool = False


class Backoff:
    """Seconds to wait before the next restart: 0.5 doubling to 30, small again after a minute of health."""

    def __init__(self) -> None:
        self._next = FIRST_PAUSE

    def after(self, lived_seconds: float) -> float:
        """The pause after something that lived so long has died."""
        if lived_seconds >= HEALTHY_SECONDS:
            self._next = FIRST_PAUSE
        pause, self._next = self._next, min(self._next * 2, LONGEST_PAUSE)
        return pause


class Part:
    """Keeps one child running until `stop`. `on_start` is told that there is a new process id, `on_end` which one is no more."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        data_dir: Path,
        screen: Screen,
        on_start: Callable[[], None],
        on_end: Callable[[int], None] = lambda pid: None,
    ) -> None:
        self.recipe = recipe
        self.pid: int | None = None
        self.begun = asyncio.Event()  # it has had a process id
        self.ready = asyncio.Event()
        self.deaths = 0
        self._data_dir = data_dir
        self._screen = screen
        self._on_start = on_start
        self._on_end = on_end
        self._log = RotatingLog(data_dir / "logs" / f"{recipe.name}.log")
        self._stopping = False
        self._pausing: asyncio.Task[None] | None = None
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start it and keep it running."""
        self._keeper = asyncio.create_task(self._keep(), name=f"part-{self.recipe.name}")

    async def stop(self, seconds: float, hurry: asyncio.Event) -> None:
        """SIGTERM, then SIGKILL after `seconds` or as soon as `hurry` is set. Returns when nothing of it is left."""
        self._stopping = True
        if self._pausing is not None:
            self._pausing.cancel()
        if self._keeper is None:
            return
        self._signal(signal.SIGTERM)
        hurrying = asyncio.create_task(hurry.wait())
        await asyncio.wait({self._keeper, hurrying}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if not self._keeper.done():
            self._signal_group(signal.SIGKILL)
            await asyncio.wait({self._keeper}, timeout=5)
        self._log.close()

    async def _keep(self) -> None:
        backoff = Backoff()
        while not self._stopping:
            began = time.monotonic()
            code = await self._run_once()
            self.pid = None
            self.ready.clear()
            if self._stopping:
                return
            self.deaths += 1
            pause = backoff.after(time.monotonic() - began)
            self._screen.stage(self.recipe.name, f"ended unexpectedly ({describe_end(code)}); starts again in {pause:g} s")
            self._pausing = asyncio.create_task(asyncio.sleep(pause))
            await asyncio.wait({self._pausing})
            self._pausing = None

    async def _run_once(self) -> int:
        ready_reader, ready_writer = os.pipe() if self.recipe.ready_pipe else (-1, -1)
        passed = [*self.recipe.keep_open, *([ready_writer] if ready_writer >= 0 else [])]
        words = [sys.executable, "-m", "chatplatform.embedded.part", self.recipe.module, *self.recipe.arguments]
        if ready_writer >= 0:
            words += ["--ready-fd", str(ready_writer)]
        try:
            process = await asyncio.create_subprocess_exec(
                *words,
                cwd=PROJECT_DIR,
                env=part_environment(self.recipe.name, self._data_dir, project=self.recipe.project) | self.recipe.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                pass_fds=passed,
            )
        finally:
            if ready_writer >= 0:
                os.close(ready_writer)
        self.pid = process.pid
        self.begun.set()
        self._on_start()
        if self._stopping:  # asked to stop while it was being made
            self._signal(signal.SIGTERM)
        if ready_reader >= 0:
            asyncio.get_running_loop().add_reader(ready_reader, self._hear_ready, ready_reader)
        assert process.stdout is not None
        copying = asyncio.create_task(self._copy_output(process.stdout))
        code = await process.wait()
        self._on_end(process.pid)
        self._signal_group(signal.SIGKILL)  # what it left behind in its group
        await asyncio.wait({copying}, timeout=2)
        copying.cancel()
        return code

    def _hear_ready(self, reader: int) -> None:
        asyncio.get_running_loop().remove_reader(reader)
        if os.read(reader, 16):  # empty when it died before
            self.ready.set()
        os.close(reader)

    async def _copy_output(self, output: asyncio.StreamReader) -> None:
        rest = b""
        while data := await output.read(65536):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > 1_000_000:
                lines, rest = [*lines, rest], b""
            self._take(lines)
        if rest:
            self._take([rest])

    def _take(self, lines: Sequence[bytes]) -> None:
        """Whole lines, since only then it is known what of one is for the log.

        The mark may stand within a line: a long line of another process can be cut by it.
        """
        parted = [line.partition(SCREEN_ONLY.encode()) for line in lines]
        self._log.write(b"".join(said + b"\n" for said, mark, _ in parted if said or not mark))
        for said, mark, hidden in parted:
            if said or not mark:
                self._show(said)
            if mark:
                self._screen.stage(self.recipe.name, hidden.decode(errors="replace"))

    def _show(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip("\r")
        if self.recipe.ready_words and self.recipe.ready_words in text:
            self.ready.set()
        if not self.recipe.quiet or self._screen.verbose:
            self._screen.part_said(self.recipe.name, text)

    def _signal(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def _signal_group(self, number: signal.Signals) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


def part_environment(name: str, data_dir: Path, *, project: bool = True) -> dict[str, str]:
    """The environment of a child of `up`; the marks let the next `up` know what an earlier one left. `project`: see Recipe."""
    kind = name.partition("-")[0]
    seen = (
        {key: value for key, value in os.environ.items() if kind in ONLY_FOR.get(key, {kind})} if project else plain_environment()
    )
    return seen | {
        "DJANGO_SETTINGS_MODULE": "chatplatform.settings",
        "DATA_DIR": str(data_dir),
        PART_MARK: name,
        PARENT_MARK: str(os.getpid()),
        "PYTHONUNBUFFERED": "1",
    }


def describe_end(code: int) -> str:
    """`code 3` or `signal SIGKILL`."""
    if code >= 0:
        return f"code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
