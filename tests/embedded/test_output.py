"""What the supervisor shows and writes down, and how long it waits before a restart."""

import asyncio
import io
import json
import os
import socket

import pytest

from chatplatform.embedded import logs
from chatplatform.embedded.listening import base_url, listen
from chatplatform.embedded.logs import RotatingLog, last_lines
from chatplatform.embedded.parts import Backoff, Part, Recipe, part_environment
from chatplatform.embedded.processes import SCREEN_ONLY
from chatplatform.embedded.screen import Screen, readable
from chatplatform.environment import EnvironmentProblem


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_warning_is_shown_as_readable_text():
    record = {"event": "slow answer", "level": "warning", "timestamp": "2026-01-01T00:00:00Z", "request_id": "r1"}
    assert readable(json.dumps(record), everything=False) == "WARNING slow answer request_id=r1"


def test_an_ordinary_record_is_shown_only_when_everything_is_wanted():
    line = json.dumps({"event": "request", "level": "info", "path": "/"})
    assert readable(line, everything=False) == ""
    assert readable(line, everything=True) == "INFO request path=/"


@pytest.mark.parametrize("line", ["Subject: Password reset", "{not json", "Traceback (most recent call last):"])
def test_what_is_no_record_is_shown_as_it_is(line):
    assert readable(line, everything=False) == line


def test_an_exception_keeps_its_lines():
    line = json.dumps({"event": "failed", "level": "error", "exception": "Traceback\n  here"})
    assert readable(line, everything=False).splitlines() == ["ERROR failed", "Traceback", "  here"]


def test_every_line_of_a_part_carries_its_name_and_no_colour_in_a_file():
    output = io.StringIO()
    Screen(verbose=False, output=output).part_said("worker", "one")
    assert output.getvalue() == "worker   | one\n"


def test_a_terminal_gets_colour_unless_it_asked_for_none(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = Terminal()
    Screen(verbose=False, output=coloured).stage("web", "answers")
    assert "\x1b[" in coloured.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    Screen(verbose=False, output=plain).stage("web", "answers")
    assert "\x1b[" not in plain.getvalue()


def test_a_file_gets_a_line_for_each_tenth_of_the_progress():
    output = io.StringIO()
    screen = Screen(verbose=False, output=output)
    for so_far in range(1001):
        screen.progress("model", "fetches", so_far, 1000)
    assert len(output.getvalue().splitlines()) == 10


def test_a_terminal_gets_one_bar_that_moves_and_other_lines_stand_above_it():
    output = Terminal()
    screen = Screen(verbose=False, output=output)
    for so_far in (500, 1000, 1000):
        screen.progress("model", "fetches", so_far, 1000)
        if so_far == 500:
            screen.line("said meanwhile")
    assert output.getvalue().count("\n") == 2
    assert "\x1b[Ksaid meanwhile\n" in output.getvalue()


def test_a_terminal_that_is_gone_stops_nothing():
    output = io.StringIO()
    screen = Screen(verbose=False, output=output)
    output.close()
    screen.line("nobody reads this")


def test_a_log_is_moved_aside_when_it_is_full_and_old_ones_go(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "LARGEST", 1000)
    log = RotatingLog(tmp_path / "web.log")
    for number in range(100):
        log.write(f"{number:099d}\n".encode())
    log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["web.log", "web.log.1", "web.log.2", "web.log.3"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert last_lines(tmp_path / "web.log", 1) == f"{99:099d}"


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path):
    RotatingLog(tmp_path / "missing" / "web.log").write(b"lost\n")


def test_restarts_wait_longer_each_time_and_begin_small_again_after_a_healthy_minute():
    backoff = Backoff()
    assert [backoff.after(1) for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert backoff.after(61) == 0.5


def test_the_web_processes_share_one_port():
    sockets = listen("127.0.0.1", 0, 3)
    try:
        assert len({one.getsockname() for one in sockets}) == 1
    finally:
        for one in sockets:
            one.close()


def test_a_port_that_another_shares_by_reuseport_is_still_in_use():
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(EnvironmentProblem, match="in use"):
            listen("127.0.0.1", other.getsockname()[1], 1)


def test_a_host_that_does_not_exist_is_one_line():
    with pytest.raises(EnvironmentProblem, match="--host") as problem:
        listen("no such host", 0, 1)
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_shown_address_can_be_opened_in_a_browser(host, url):
    assert base_url(host, 80) == url


async def test_what_is_for_the_screen_only_is_shown_and_not_written_down(tmp_path):
    (tmp_path / "logs").mkdir()
    said = (
        "import os, sys, time\n"
        "mark = sys.argv[1]\n"
        "for text in ('before\\n', mark, 'the li', 'nk\\n' + 'af' + mark + 'another\\n' + 'ter\\n', mark + 'cut off'):\n"
        "    os.write(1, text.encode()); time.sleep(0.05)\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "speaks_of_secrets.py").write_text(said)
    recipe = Recipe(
        name="worker",
        module="speaks_of_secrets",
        arguments=(SCREEN_ONLY,),
        environment={"PYTHONPATH": str(tmp_path)},
    )
    output = io.StringIO()
    part = Part(recipe, data_dir=tmp_path, screen=Screen(verbose=True, output=output), on_start=lambda: None)
    part.start()
    async with asyncio.timeout(20):
        while "ter" not in output.getvalue():
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        await part.stop(5, asyncio.Event())
    assert output.getvalue().splitlines() == [
        f"worker   | {text}" for text in ("before", "the link", "af", "another", "ter", "cut off")
    ]
    assert (tmp_path / "logs" / "worker.log").read_text() == "before\naf\nter\n"


def test_a_model_server_sees_nothing_that_any_program_may_not_see(tmp_path, monkeypatch):
    for name in ("OPENAI_API_KEY", "EMAIL_HOST_PASSWORD", "SECRET_KEY", "DATABASE_URL", "REDIS_URL", "SOME_FUTURE_TOKEN"):
        monkeypatch.setenv(name, "canary")
    assert "canary" not in part_environment("model", tmp_path, project=False).values()
    assert part_environment("model", tmp_path, project=False)["PATH"] == os.environ["PATH"]


def test_only_the_parts_that_need_a_key_get_it(tmp_path, monkeypatch):
    for name in ("OPENAI_API_KEY", "COZE_API_TOKEN", "EMAIL_HOST_PASSWORD", "DOCUMENTS_S3_SECRET", "SECRET_KEY"):
        monkeypatch.setenv(name, name)
    got = {part: set(part_environment(part, tmp_path)) for part in ("prepare", "web-1", "worker", "documents", "beat")}
    assert [part for part, names in got.items() if "OPENAI_API_KEY" in names] == ["prepare"]
    assert [part for part, names in got.items() if "COZE_API_TOKEN" in names] == ["prepare"]
    assert [part for part, names in got.items() if "EMAIL_HOST_PASSWORD" in names] == ["prepare", "worker"]
    assert [part for part, names in got.items() if "DOCUMENTS_S3_SECRET" in names] == ["web-1", "worker", "documents"]
    assert all("SECRET_KEY" in names for names in got.values())
