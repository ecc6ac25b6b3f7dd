"""Files made to break who reads them end as read or as failed, with a reason; whoever asked lives on."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from itertools import chain
from pathlib import Path

import psutil
import pytest

from retrieval.extract import PROJECT, Extracted, ExtractionFailed, Limits, extract
from retrieval.failures import FAILURES
from tests.retrieval import hostile
from tests.retrieval.hostile import READ

LIMITS = Limits(cpu_seconds=20, wall_seconds=60)

NAMED = {
    f"{extension}: {name}": (extension, allowed, make)
    for extension, name, allowed, make in chain(
        (("docx", name, *row) for name, row in hostile.WORD.items()),
        (("pdf", name, *row) for name, row in hostile.PDF.items()),
        ((row[0], name, *row[1:]) for name, row in hostile.PICTURES.items()),
        (("dxf", name, *row) for name, row in hostile.DRAWINGS.items()),
        (("dwg", name, *row) for name, row in hostile.DWG.items()),
        (("txt", name, *row) for name, row in hostile.TEXTS.items()),
        (("doc", name, *row) for name, row in hostile.DOC.items()),
    )
}
MUTATIONS = {"pdf": 40, "docx": 40, "doc": 40, "dxf": 40, "dwg": 60}
"""And 8 of each of the others."""


def outcome(path: Path, extension: str) -> tuple[str, Extracted | None]:
    try:
        return READ, extract(path=path, extension=extension, limits=LIMITS)
    except ExtractionFailed as failed:
        return failed.failure, None


def test_there_are_at_least_200_of_them() -> None:
    assert len(NAMED) + sum(MUTATIONS.get(extension, 8) for extension in hostile.SAMPLES) >= 200


@pytest.mark.parametrize("name", NAMED)
def test_what_is_made_to_break_a_reader_ends_as_it_should(name: str, tmp_path: Path) -> None:
    extension, allowed, make = NAMED[name]
    path = tmp_path / "file"
    path.write_bytes(make())
    ended, found = outcome(path, extension)
    assert ended in allowed
    assert found is None or "root:" not in found.text  # nothing of the machine's own
    assert found is None or not any(0xE0000 <= ord(character) < 0xE0200 for character in found.text)


@pytest.mark.parametrize("extension", hostile.SAMPLES)
def test_a_damaged_file_is_read_or_has_a_reason_or_ends_its_reader_alone(extension: str, tmp_path: Path) -> None:
    count = MUTATIONS.get(extension, 8)
    for number, content in enumerate(hostile.mutations(hostile.SAMPLES[extension](), count, seed=extension)):
        (tmp_path / str(number)).write_bytes(content)
    command = [sys.executable, "-m", "tests.retrieval.many", "text", extension, str(tmp_path)]
    subprocess.run(command, cwd=PROJECT, timeout=280, check=True, capture_output=True)
    answers = [json.loads(answer.read_bytes() or "null") for answer in tmp_path.glob("*.json")]
    assert len(answers) == count
    assert sum(answer is not None for answer in answers) >= count / 2
    for answer in filter(None, answers):
        if "failure" in answer:
            assert answer["failure"] in FAILURES
        else:
            text = answer["text"]
            text.encode()  # no half of a pair
            assert "\x00" not in text + answer["title"] + answer["author"]
            assert all(0 <= start <= len(text) for start in answer["page_starts"])


def test_none_of_them_costs_the_one_who_asks(tmp_path: Path) -> None:
    """Neither memory, nor open files, nor children: they are all gone."""
    path = tmp_path / "file"
    path.write_bytes(hostile.WORD["zip bomb"][1]())
    children = psutil.Process().children()
    before = len(os.listdir("/proc/self/fd"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        assert outcome(path, "docx")[0] == "too_large_inside"
    assert len(os.listdir("/proc/self/fd")) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 20_000  # kB
    assert not [child for child in psutil.Process().children() if child not in children]
