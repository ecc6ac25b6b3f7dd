"""What the environment says: the data folder, the addresses, the secrets, the local model."""

import base64
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from kombu import Connection

from chatplatform import environment
from chatplatform.environment import EnvironmentProblem

LISTENING = {"WEB_HOST", "WEB_PORT", "SERVER_HOST", "SERVER_PORT"}
PROJECT_DIR = Path(__file__).resolve().parents[2]
MAKE_SECRETS = "from chatplatform import environment; print(environment.secret('SECRET_KEY'))"


@pytest.fixture
def env(monkeypatch, data_dir):
    """The environment of this test: a fresh data folder and nothing else of the platform."""
    for name in list(os.environ):
        if name.startswith(("LOCAL_MODEL", "OPENAI")) or name in {"DATABASE_URL", "REDIS_URL", *LISTENING}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATA_DIR", str(data_dir))
    return monkeypatch


def test_a_relative_data_folder_means_the_same_one_from_every_working_folder(env, tmp_path):
    env.setenv("DATA_DIR", "var/other")
    env.chdir(tmp_path)
    assert environment.data_dir() == PROJECT_DIR / "var" / "other"


def test_the_embedded_addresses_are_sockets_of_the_data_folder(env, data_dir):
    folder = str(data_dir / "services" / "sockets")
    assert environment.database_settings() == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "chatplatform",
        "USER": "chatplatform",
        "PASSWORD": "",
        "HOST": folder,
        "PORT": "5432",
    }
    assert environment.redis_url() == f"unix://{folder}/valkey.sock?db=0"


def test_configured_addresses_win(env):
    env.setenv("DATABASE_URL", "postgres://alice:p%40ss@db.example:5433/chat?sslmode=require")
    env.setenv("REDIS_URL", "rediss://:word@cache.example:6380/3")
    assert not environment.is_embedded()
    settings = environment.database_settings()
    assert (settings["HOST"], settings["PORT"], settings["NAME"]) == ("db.example", 5433, "chat")
    assert (settings["USER"], settings["PASSWORD"]) == ("alice", "p@ss")
    assert settings["OPTIONS"] == {"sslmode": "require"}
    assert environment.redis_url() == "rediss://:word@cache.example:6380/3"
    assert environment.redis_url(5) == "rediss://:word@cache.example:6380/5"


def test_each_library_understands_its_spelling_of_a_unix_socket(env, data_dir):
    url = environment.redis_url(2)
    connection = redis.Redis.from_url(url).connection_pool.connection_kwargs
    assert connection["path"] == str(data_dir / "services" / "sockets" / "valkey.sock")
    assert connection["db"] == 2


def test_celery_reaches_the_same_database_of_the_same_server():
    url = environment.redis_url(2)
    with Connection(environment.celery_broker_url(url)) as broker:
        broker.channel().client.set("said by celery", "1", ex=60)
    assert redis.Redis.from_url(url).get("said by celery") == b"1"


def test_celery_gets_a_tcp_address_unchanged(env):
    assert environment.celery_broker_url("redis://cache:6379/1") == "redis://cache:6379/1"


def test_libpq_understands_the_embedded_database_url(env, data_dir):
    import psycopg.conninfo

    parsed = psycopg.conninfo.conninfo_to_dict(environment.database_url())
    assert parsed["host"] == str(data_dir / "services" / "sockets")
    assert parsed["dbname"] == "chatplatform"


def test_secrets_are_made_once_and_kept_for_the_owner_only(env, data_dir):
    made = {name: environment.secret(name) for name in environment.SECRET_NAMES}
    path = data_dir / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == made
    key_id, _, key = made["ENCRYPTION_KEYS"].partition(":")
    assert key_id
    assert len(base64.b64decode(key, validate=True)) == 32
    assert len(set(made.values())) == 3
    assert min(len(made["SECRET_KEY"]), len(made["JWT_SIGNING_KEY"])) >= 50


def test_a_secret_of_the_environment_wins(env, data_dir):
    env.setenv("SECRET_KEY", "given")
    assert environment.secret("SECRET_KEY") == "given"
    assert not (data_dir / "secrets.json").exists()


def test_a_secret_that_an_older_file_lacks_is_added_and_the_others_stay(env, data_dir):
    (data_dir / "secrets.json").write_text(json.dumps({"SECRET_KEY": "kept"}))
    assert environment.secret("JWT_SIGNING_KEY")
    assert environment.secret("SECRET_KEY") == "kept"


def test_ten_processes_at_once_agree_on_one_secret(env, data_dir):
    processes = [
        subprocess.Popen([sys.executable, "-c", MAKE_SECRETS], cwd=PROJECT_DIR, stdout=subprocess.PIPE, text=True)
        for _ in range(10)
    ]
    answers = {process.communicate(timeout=60)[0] for process in processes}
    assert len(answers) == 1
    assert answers != {""}


@pytest.mark.parametrize("content", ["not json", "[]", '{"SECRET_KEY": 1}', '{"SECRET_KEY": ""}'])
def test_a_damaged_file_of_secrets_is_never_overwritten(env, data_dir, content):
    (data_dir / "secrets.json").write_text(content)
    with pytest.raises(EnvironmentProblem, match="damaged"):
        environment.secret("SECRET_KEY")
    assert (data_dir / "secrets.json").read_text() == content


def test_the_env_file_is_read_and_real_variables_win(env, data_dir):
    file = data_dir / "settings.env"
    file.write_text("SECRET_KEY=from-file\nDATA_DIR=/from-file\n")
    answer = subprocess.run(
        [sys.executable, "-c", MAKE_SECRETS + "; print(environment.data_dir())"],
        cwd=PROJECT_DIR,
        env=os.environ | {"ENV_FILE": str(file)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["from-file", str(data_dir)]


def test_nothing_of_django_is_loaded_by_it():
    code = "import sys; from chatplatform import environment; print([n for n in sys.modules if n.split('.')[0] == 'django'])"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT_DIR, env=os.environ | {"ENV_FILE": ""}, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, True),
        ({"LOCAL_MODEL": "off"}, False),
        ({"OPENAI_API_KEY": "sk-1"}, False),
        ({"OPENAI_BASE_URL": "http://localhost:1/v1"}, False),
        ({"OPENAI_API_KEY": "sk-1", "LOCAL_MODEL": "on"}, True),
        ({"OPENAI_API_KEY": "sk-1", "LOCAL_MODEL_PATH": "/model.gguf"}, True),
        ({"LOCAL_MODEL_PATH": "/model.gguf", "LOCAL_MODEL": "off"}, False),
    ],
)
def test_the_local_model_is_for_those_who_have_no_other(env, variables, wanted):
    for name, value in variables.items():
        env.setenv(name, value)
    assert environment.local_model_wanted() is wanted


def test_commands_beside_up_find_its_local_model(env, data_dir):
    assert environment.local_model() is None
    (data_dir / "run").mkdir()
    found = {"url": "http://127.0.0.1:1/v1", "name": "SmolLM2-135M-Instruct", "api_key": "k"}
    environment.write_private(environment.local_model_file(), json.dumps(found))
    assert environment.local_model() == found
    env.setenv("LOCAL_MODEL", "off")
    assert environment.local_model() is None


# Uploaded files


def test_uploaded_files_are_in_the_data_folder_or_where_the_operator_says(env, data_dir, tmp_path):
    assert environment.documents_storage()["OPTIONS"] == {"location": str(data_dir / "documents")}
    for given, place in ((str(tmp_path), tmp_path), ("shelf", PROJECT_DIR / "shelf")):
        env.setenv("DOCUMENTS_DIR", given)
        storage = environment.documents_storage()
        assert storage == {"BACKEND": "retrieval.storage.PrivateFolder", "OPTIONS": {"location": str(place)}}


def test_a_bucket_is_asked_with_the_key_that_was_given_or_as_the_machine_may(env):
    env.setenv("DOCUMENTS_S3_BUCKET", "shelf")
    alone = environment.documents_storage()
    assert alone["BACKEND"] == "storages.backends.s3.S3Storage"
    assert alone["OPTIONS"]["bucket_name"] == "shelf"
    assert not {"access_key", "secret_key", "endpoint_url", "region_name"} & set(alone["OPTIONS"])
    for name, value in (("ENDPOINT", "https://s3.example.org"), ("REGION", "eu-1"), ("KEY_ID", "id"), ("SECRET", "s3cr3t")):
        env.setenv(f"DOCUMENTS_S3_{name}", value)
    options = environment.documents_storage()["OPTIONS"]
    assert (options["endpoint_url"], options["region_name"]) == ("https://s3.example.org", "eu-1")
    assert (options["access_key"], options["secret_key"]) == ("id", "s3cr3t")


@pytest.mark.parametrize(
    ("variables", "host", "port"),
    [
        ({}, "127.0.0.1", 8000),
        ({"SERVER_HOST": "0.0.0.0", "SERVER_PORT": "6001"}, "0.0.0.0", 6001),
        ({"WEB_HOST": "::1", "WEB_PORT": "0", "SERVER_HOST": "0.0.0.0", "SERVER_PORT": "6001"}, "::1", 0),
        ({"WEB_PORT": "9000", "SERVER_HOST": "0.0.0.0"}, "0.0.0.0", 9000),
    ],
)
def test_where_the_web_processes_listen(env, variables, host, port):
    for name, value in variables.items():
        env.setenv(name, value)
    assert (environment.web_host(), environment.web_port()) == (host, port)


@pytest.mark.parametrize("given", ["http", "-1", "65536", "80.5", "٨٠"])
def test_what_is_no_port_is_named(env, given):
    env.setenv("SERVER_PORT", given)
    with pytest.raises(EnvironmentProblem, match="SERVER_PORT"):
        environment.web_port()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.1", False),
        ("localhost.example.org", False),
        ("", False),
    ],
)
def test_what_can_be_reached_from_this_machine_alone(host, expected):
    assert environment.is_on_loopback(host) is expected


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SERVER_PORT": "http"}, "SERVER_PORT: 'http' is not a port."),
        ({"SERVER_HOST": "256.0.0.1"}, "256.0.0.1"),
        ({"SERVER_HOST": "256.0.0.1", "WEB_HOST": "257.0.0.1"}, "257.0.0.1"),
    ],
)
def test_up_listens_where_the_environment_says(env, variables, said):
    for name, value in variables.items():
        env.setenv(name, value)
    refused = subprocess.run(
        [sys.executable, "manage.py", "up"], cwd=PROJECT_DIR, capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert said in refused.stderr
