"""Without a mail server a mail is shown to whoever looks at the screen, and stands in no log."""

import io

import pytest
from django.core import mail
from pytest_django import Settings

from accounts.mail import ScreenBackend
from chatplatform.embedded.processes import PART_MARK, SCREEN_ONLY


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _mails_go_to_the_screen(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMAIL_BACKEND = f"{ScreenBackend.__module__}.{ScreenBackend.__name__}"
    monkeypatch.delenv(PART_MARK, raising=False)


def send() -> int:
    return mail.send_mail("重置您的密码", "您好\n\nhttps://chat.example.org/#token=abc\n", None, ["alice@example.com"])


def test_as_a_part_of_up_every_line_is_marked_for_the_screen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(PART_MARK, "worker")
    assert send() == 1
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith(SCREEN_ONLY) for line in lines)
    assert {"To: alice@example.com", "Subject: 重置您的密码", "https://chat.example.org/#token=abc"} <= {
        line.removeprefix(SCREEN_ONLY) for line in lines
    }
    assert "mail_shown_on_the_screen" in caplog.text
    assert "abc" not in caplog.text


def test_on_a_terminal_it_is_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    assert send() == 1
    assert "\nhttps://chat.example.org/#token=abc\n" in terminal.getvalue()
    assert SCREEN_ONLY not in terminal.getvalue()


def test_what_is_no_terminal_is_somebodys_log_and_gets_nothing(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert send() == 0
    assert capsys.readouterr().out == ""
    assert "mail_not_sent" in caplog.text
