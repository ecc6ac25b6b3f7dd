"""Log lines: one JSON object each, with the request's id, without secrets and without what a terminal or a line reader obeys."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import threading
import time
import weakref

import pytest
import structlog

from chatplatform import logs


@pytest.fixture
def written():
    """Lets a logger write as in production; gives a function that returns the lines."""
    stream = io.StringIO()
    config = logs.configure("INFO")
    formatter = config["formatters"]["json"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter["()"](**{key: value for key, value in formatter.items() if key != "()"}))
    logger = logging.getLogger("tests.written")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    yield lambda: stream.getvalue().splitlines()
    logger.removeHandler(handler)


SECRETS = [
    "Authorization: Bearer SECRETsecret1",
    "GET /api/v1/ws/chat?x=1&token=SECRETsecret1",
    "?api_key=SECRETsecret1&y=2",
    'password="SECRETsecret1"',
    '{"password": "SECRETsecret1"}',
    "'new_password': 'SECRETsecret1'",
    "refresh_token=SECRETsecret1",
    "cp_SECRETsecret1_SECRETsecret1",
    "the key sk-SECRETsecret1 is wrong",
    "eyJSECRETsecret1.eyJSECRETsecret1.SECRETsecret1",
]


@pytest.mark.parametrize("text", SECRETS)
def test_no_secret_is_written_by_us_or_by_a_library_or_in_a_traceback(written, text):
    structlog.get_logger("tests.written").info(text, detail={"deep": [text]}, raw=text.encode())
    logging.getLogger("tests.written").warning("it said %s", text)
    try:
        raise ValueError(text)
    except ValueError:
        structlog.get_logger("tests.written").exception("failed")
    assert len(written()) == 3
    assert "SECRETsecret1" not in "".join(written())
    assert logs.HIDDEN in "".join(written())


def test_fields_named_like_secrets_are_hidden_and_counts_are_not(written):
    structlog.get_logger("tests.written").info(
        "x", password="p1", access_token="t1", Authorization="a1", api_key="k1", cookie="c1", total_tokens=5, max_tokens=7
    )
    line = json.loads(written()[0])
    assert [line[name] for name in ("password", "access_token", "Authorization", "api_key", "cookie")] == [logs.HIDDEN] * 5
    assert (line["total_tokens"], line["max_tokens"]) == (5, 7)


def test_a_line_stays_a_line_and_commands_a_terminal_nothing(written):
    odd = "a\r\nb\x1b[31m\x9b31m\x85\u2028\u2029\x7f\x00"
    structlog.get_logger("tests.written").info(odd, path=odd, lone="\ud800", big=10**40, thing=object())
    (line,) = written()
    assert all(" " <= character != "\x7f" and not "\x80" <= character <= "\x9f" for character in line)
    assert json.loads(line)["path"] == odd


def test_the_request_id_is_in_every_line(written):
    with structlog.contextvars.bound_contextvars(request_id="req_7"):
        structlog.get_logger("tests.written").info("ours")
        logging.getLogger("tests.written").info("theirs")
    lines = [json.loads(line) for line in written()]
    assert [line["request_id"] for line in lines] == ["req_7", "req_7"]
    assert all(line["level"] == "info" and line["logger"] == "tests.written" and line["timestamp"] for line in lines)


class TestBatches:
    """The handler of a process that serves."""

    @pytest.fixture
    def handler(self):
        handler = logs.BatchingHandler()
        handler.setFormatter(logs.LineFormatter(processor=logs.render))
        handler.setStream(io.StringIO())
        return handler

    @staticmethod
    def tell(handler, event, level=logging.INFO):
        handler.handle(logging.LogRecord("access", level, "", 0, {"event": event}, None, None))

    @staticmethod
    def events(handler):
        return [json.loads(line)["event"] for line in handler.stream.getvalue().splitlines()]

    def test_until_it_is_started_each_line_is_written_at_once(self, handler):
        self.tell(handler, "one")
        assert self.events(handler) == ["one"]

    def test_lines_are_written_together_and_none_is_lost_or_out_of_order(self, handler):
        handler.start()
        tellers = [threading.Thread(target=lambda: [self.tell(handler, str(n)) for n in range(1500)]) for _ in range(4)]
        for teller in tellers:
            teller.start()
        for teller in tellers:
            teller.join()
        deadline = time.monotonic() + 10
        while len(self.events(handler)) < 6000 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert sorted(self.events(handler), key=int) == [str(n) for n in range(1500) for _ in range(4)]

    def test_a_warning_and_the_end_of_the_process_wait_for_nothing(self, handler):
        handler.EVERY_SECONDS = 3600.0
        handler.start()
        self.tell(handler, "one")
        self.tell(handler, "two", logging.WARNING)
        assert self.events(handler) == ["one", "two"]
        self.tell(handler, "three")
        assert self.events(handler) == ["one", "two"]
        logging.shutdown([weakref.ref(handler)])
        assert self.events(handler) == ["one", "two", "three"]


def test_an_access_line_is_a_line_like_any_other():
    record: list[logging.LogRecord] = []

    class Kept(logging.Handler):
        def emit(self, given):
            record.append(given)

    handler = Kept()
    logging.getLogger("access").addHandler(handler)
    try:
        logs.write_access("request", {"request_id": "req_7", "path": "/\u2028", "status": 200})
    finally:
        logging.getLogger("access").removeHandler(handler)
    line = json.loads(logs.LineFormatter(processor=logs.render).format(record[0]))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request", "request_id": "req_7", "path": "/\u2028", "status": 200, "logger": "access", "level": "info",
    }  # fmt: skip
