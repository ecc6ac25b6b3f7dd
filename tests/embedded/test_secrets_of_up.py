"""What a running platform keeps to itself: no hash, address or link in its logs, to each process the secrets it needs."""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.embedded.waiting import until
from tests.running import RunningPlatform

VENDOR_KEY, MAIL_PASSWORD = "sk-canary-0123456789abcdef", "mail-canary-0123456789"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningPlatform]:
    env = {"OPENAI_API_KEY": VENDOR_KEY, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "EMAIL_HOST_PASSWORD": MAIL_PASSWORD}
    with RunningPlatform(env=env | {"SECRET_KEY": "secret-canary-" + "0123456789" * 5}, web_workers=1) as running:
        yield running


def post(platform: RunningPlatform, path: str, **body: Any) -> int:
    request = urllib.request.Request(
        platform.url + "/api/v1" + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def logs(platform: RunningPlatform) -> dict[str, str]:
    return {path.name: path.read_text(errors="replace") for path in (platform.data_dir / "logs").iterdir()}


@pytest.fixture(scope="module")
def registered(platform: RunningPlatform) -> None:
    person = {"username": "alice", "email": "alice.canary@example.com"} | {
        "password": PASSWORD, "confirm_password": PASSWORD,
    }  # fmt: skip
    assert post(platform, "/auth/register", **person) < 300
    assert post(platform, "/auth/register", **person) >= 400
    assert post(platform, "/auth/register", **person | {"username": "bob"}) >= 400


@pytest.mark.usefixtures("registered")
def test_a_taken_name_or_address_leaves_no_value_in_any_log(platform):
    assert "duplicate key value violates unique constraint" in platform.log("postgres")
    for name, text in logs(platform).items():
        assert "argon2" not in text, name
        assert "canary@example" not in text, name
        assert "STATEMENT" not in text, name


@pytest.mark.usefixtures("registered")
def test_a_mail_is_on_the_screen_and_its_link_in_no_log(platform):
    assert post(platform, "/auth/forgot-password", email="alice.canary@example.com") < 300
    until(lambda: re.search(r"#token=[A-Za-z0-9_-]{43}", platform.output), 30)
    (token,) = set(re.findall(r"#token=([A-Za-z0-9_-]{43})", platform.output))
    until(lambda: "mail_shown_on_the_screen" in platform.log("worker"), 10)
    for name, text in logs(platform).items():
        assert token not in text, name
        assert "canary@example" not in text, name
    for line in platform.log("worker").splitlines():
        json.loads(line)


def everything_of(platform: RunningPlatform, name: str) -> list[psutil.Process]:
    process = psutil.Process(platform.children[name])
    return [process, *process.children(recursive=True)]


@pytest.mark.parametrize("name", ["postgres", "valkey", "postgres-guard", "valkey-guard"])
def test_the_services_and_their_guards_see_no_secret_at_all(platform, name):
    for process in everything_of(platform, name):
        assert "canary" not in " ".join(process.environ().values())


@pytest.mark.parametrize(("name", "mail"), [("web-1", False), ("beat", False), ("documents", False), ("worker", True)])
def test_what_reads_keys_from_the_database_has_none_in_its_environment(platform, name, mail):
    for process in everything_of(platform, name):
        seen = process.environ().values()
        assert VENDOR_KEY not in seen
        assert (MAIL_PASSWORD in seen) == mail
