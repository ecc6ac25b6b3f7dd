"""The benchmarks can be run. What they print is nobody's promise: see bench/README.md."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson
import pytest

from bench.all import README, replaced
from bench.clients.requests import whole_length
from bench.clients.sockets import frame, masked
from bench.command import read
from bench.contracts import WAYS

PROJECT_DIR = Path(__file__).resolve().parent.parent.parent
BENCHMARKS = ("reads", "sends", "streams", "contracts", "sockets", "chat_system", "startup", "growth", "retrieval")


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_plan_can_be_set_on_the_command_line(name: str) -> None:
    module: Any = import_module(f"bench.{name}")
    assert read(module.Plan, "", []) == (module.Plan(), None)
    plan, file = read(module.Plan, "", ["--web-workers", "3", "--json", "figures.json"])
    assert plan == module.Plan(web_workers=3)
    assert file == Path("figures.json")


def test_several_numbers_and_switches_can_be_given() -> None:
    from bench import streams

    plan, _file = read(streams.Plan, "", ["--streams", "100", "300", "--socket"])
    assert plan.streams == (100, 300)
    assert plan.socket


def test_reads_are_measured_against_the_same_bytes_of_a_bare_application(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.reads", "--seconds", "1", "--rounds", "1", "--people", "2"),
            *("--connections", "4", "--streams", "4", "--only", "detail", "--web-workers", "1", "--json", str(file)),
        ],
        cwd=PROJECT_DIR,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr
    figures = orjson.loads(file.read_bytes())["figures"]
    assert sorted(figures) == [
        "conversation beside 4 streams: platform",
        "conversation: bare",
        "conversation: platform",
        "conversation: without",
    ]
    for runs in figures.values():
        assert all(run["load"]["answers"] and not run["load"]["refusals"] for run in runs)
    assert all(f"| {name}" in done.stdout for name in ("conversation: platform", "conversation: bare"))


def test_the_targets_of_the_chat_system_are_measured_beside_sockets_that_send_and_receive(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.chat_system", "--seconds", "1", "--clients", "2", "--sockets", "6", "--every", "0.5"),
            *("--ping-every", "1", "--send-every", "2", "--deltas", "5", "--web-workers", "1", "--json", str(file)),
        ],
        cwd=PROJECT_DIR,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "refused" not in done.stderr
    figures = orjson.loads(file.read_bytes())["figures"]
    assert all(asked["load"]["answers"] and not asked["load"]["refusals"] for asked in figures["requests"].values())
    assert figures["sockets"]["open"] == 6
    assert (figures["sockets"]["failed"], figures["sockets"]["lost"]) == (0, 0)
    assert all(times["count"] for times in figures["sockets"]["times"].values())
    assert figures["chunks"]
    assert "target ms (p95)" in done.stdout


def test_every_contracts_stream_is_measured_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.contracts", "--streams", "2", "--seconds", "0.5", "--ramp", "0.1", "--rounds", "1"),
            *("--cold", "--web-workers", "1", "--json", str(file)),
        ],
        cwd=PROJECT_DIR,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    figures = orjson.loads(file.read_bytes())["figures"]
    assert len(figures) == len(WAYS)
    for name, (run,) in figures.items():
        assert (run["reading"]["complete"], run["reading"]["deltas"], run["reading"]["failures"]) == (2, 2 * 25, []), name
        assert f"| {name}" in done.stdout
    assert "The books are right." in done.stdout


def test_the_page_has_room_for_the_next_figures() -> None:
    page = replaced(README.read_text(), "| new |")
    assert "<!-- figures -->\n| new |\n<!-- end of figures -->" in page
    assert replaced(page, "| newer |").count("| new |") == 0


def test_an_answer_is_over_where_its_length_says() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nx: y\r\n\r\nbody"
    assert whole_length(answer) == len(answer)
    assert whole_length(answer[:20]) == 0


def test_frames_are_found_in_what_arrives() -> None:
    long = b"x" * 300
    data = b"\x81\x02ok" + b"\x81\x7e" + len(long).to_bytes(2, "big") + long
    assert frame(data) == (1, b"ok", data[4:])
    assert frame(data[4:]) == (1, long, b"")
    assert frame(data[4:-1]) is None
    assert masked(b"ok") == b"\x81\x82\x00\x00\x00\x00ok"
